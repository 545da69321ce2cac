"""A run in a process of its own: what an executor is given to do, on this machine or another.

Model code needs a main thread, may crash, and may change what it finds; so a worker never runs it in itself. What crosses is bytes:
the packed job one way, the log's text the other. A process of this module ends when whoever started it does. Any thread.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlm_lab.errors import ConfigError, RLMError
from rlm_lab.evaluate.job import Job
from rlm_lab.evaluate.worker import HEAD
from rlm_lab.masking import masked

_open: dict[str, set[subprocess.Popen[bytes]]] = {}
_ended: set[str] = set()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of a job: `began` is whether a model may have been asked; `log` the log's text where it was written elsewhere."""

    began: bool
    error: str | None = None
    log: str | None = None


def pack(job: Job) -> bytes:
    """The job as bytes. Raises `ConfigError` for what cannot be sent to another process."""
    try:
        return bytes(_packer()(job))
    except RLMError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The run cannot be sent to another process ({type(error).__name__}: {error}); give models by name or as "
            "functions that make them, and data as plain values or paths."
        ) from error


def _packer() -> Callable[[Any], bytes]:
    """One that also takes functions and classes of a notebook, where it is installed."""
    try:
        from cloudpickle import dumps
    except ImportError:
        return pickle.dumps
    return dumps  # type: ignore[no-any-return]


def run_elsewhere(sent: bytes, sweep: str, paths: list[str]) -> dict[str, Any]:
    """Makes a packed run in a new process, and waits for it; gives the fields of `Delivery`. `sweep` names who asks."""
    with tempfile.TemporaryFile() as words:
        process = _start(sweep, words)
        try:
            told = _talk(process, sent, paths)
        finally:
            process.kill()
            process.wait()
            with _lock:
                _open[sweep].discard(process)
        if told is not None:
            return told
        words.seek(0, os.SEEK_END)
        words.seek(max(words.tell() - 2_000, 0))
        last = " ".join(words.read().decode("utf-8", errors="replace").split())[-400:]
    return {
        "began": True,
        "error": masked(f"The run's process ended without a word (status {process.returncode}). {last}".rstrip()),
    }


def end_all(sweep: str) -> None:
    """Ends the processes that a sweep has in this one, and lets no other begin."""
    with _lock:
        _ended.add(sweep)
        processes = list(_open.get(sweep, ()))
    for process in processes:
        process.kill()


def _start(sweep: str, words: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rlm_lab.evaluate.worker"]
    with _lock:
        if sweep in _ended:
            raise ConfigError("The sweep was ended.")
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, start_new_session=True)
        _open.setdefault(sweep, set()).add(process)
    return process


def _talk(process: subprocess.Popen[bytes], sent: bytes, paths: list[str]) -> dict[str, Any] | None:
    """Sends the job and hears the outcome; None where the process has ended without one. Its input stays open meanwhile."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process.stdout, process.stdin:
            for part in (json.dumps(paths).encode(), sent):
                process.stdin.write(len(part).to_bytes(HEAD, "big") + part)
            process.stdin.flush()
            told = json.loads(process.stdout.read())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
