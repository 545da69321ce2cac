"""The processes of the benchmark: a warm worker for each system, and fresh ones; all of them end with the benchmark.

Each runs in its own process group, in a temporary folder, with an environment that keeps it off the network.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parent / "worker.py"
Result = dict[str, Any]


class Launcher:
    """How workers are started: which interpreter, which folder, which environment."""

    def __init__(self, *, url: str, peers_python: str) -> None:
        self._url = url
        self._peers_python = peers_python
        self._folder = tempfile.TemporaryDirectory(prefix="rlm-benchmark-", ignore_cleanup_errors=True)
        self._environment = worker_environment(os.environ, self._folder.name)

    def start(self, mode: str, name: str, *options: str) -> subprocess.Popen[str]:
        command = [self._python(name), str(WORKER), mode, name, "--url", self._url, *options]
        return self._popen(command)

    def start_import(self, name: str, module: str) -> subprocess.Popen[str]:
        """A process that imports `module` and nothing else, and prints the seconds it took."""
        code = f"import time; s = time.perf_counter(); import {module}; print('{{\"seconds\": %f}}' % (time.perf_counter() - s))"
        return self._popen([self._python(name), "-c", code])

    def close(self) -> None:
        self._folder.cleanup()

    def _python(self, name: str) -> str:
        return sys.executable if name == "rlm_lab" else self._peers_python

    def _popen(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder.name,
            env=self._environment,
            start_new_session=True,
        )


class WarmWorker:
    """One system kept warm; `run` asks it for one run."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def ready(self, seconds: float) -> Result:
        return self._next(seconds)

    def run(self, seconds: float) -> Result:
        """Its result, or an error after `seconds`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        return self._next(seconds)

    def close(self) -> None:
        end(self._process)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _next(self, seconds: float) -> Result:
        try:
            return parse(self._lines.get(timeout=max(seconds, 0.1)))
        except queue.Empty:
            return {"error": f"no result after {seconds:.0f} s"}


def finish(process: subprocess.Popen[str], seconds: float) -> Result:
    """The result of a fresh process; ends it in any case."""
    try:
        out, _ = process.communicate(timeout=max(seconds, 0.1))
        return parse(out)
    except subprocess.TimeoutExpired:
        return {"error": f"no result after {seconds:.0f} s"}
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Close its stdin; kill it, and what it started, when it does not leave by itself."""
    with contextlib.suppress(OSError, ValueError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        below = descendants(process.pid)  # A system's own workers may be in groups of their own.
        for each in (process.pid, *below):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait()


def descendants(pid: int) -> list[int]:
    """The processes below `pid`, as far as the system tells (`/proc`)."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def parse(line: str) -> Result:
    try:
        result = json.loads(line.strip().rpartition("\n")[2])
    except ValueError:
        return {"error": "the process ended without a result"}
    return result if isinstance(result, dict) else {"error": f"not a result: {line[:80]!r}"}


def worker_environment(environment: Mapping[str, str], folder: str) -> dict[str, str]:
    """No proxies, no keys of the user's; caches, logs and temporary files in `folder`."""
    kept = {name: value for name, value in environment.items() if not name.lower().endswith(("_proxy", "_api_key", "_token"))}
    return kept | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_API_KEY": "none",
        "DSPY_CACHEDIR": folder,
        "RLM_LAB_RUNS": f"{folder}/runs",
        "TMPDIR": folder,
    }
