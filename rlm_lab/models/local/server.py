"""The server process of an embedded model, seen from the process that uses it.

`LocalServer` starts it on first use, again where it died, and ends it at exit. Its methods block and may be called from any
thread but the model loop's; a forked child of this process gets a server of its own. Nothing starts at import.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from rlm_lab.errors import ConfigError, ModelUnavailableError
from rlm_lab.models.local.catalog import models_folder

# What the server process may know of our environment: where things are, never a key.
_ALLOWED = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH",
            "PYTHONHOME", "VIRTUAL_ENV", "SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA")  # fmt: skip
_END_SECONDS = 5.0
_LOG_LENGTH = 300  # characters
_LOG_ERROR = re.compile(r"^[\d.]+ E (.+)$", re.MULTILINE)
_LOG_SECONDS = 7 * 86_400.0  # how long logs are kept


def default_threads() -> int:
    """All cores that this process may use but one, which is left to the notebook."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How a model is served.

    Parameters
    ----------
    threads: that compute; `None` means all cores but one.
    context_tokens: shared by all slots; one prompt may use all of it.
    slots: requests answered at once; more wait their turn.
    prompt_cache_mib: memory for prompts that left their slot and may come back.
    reply_tokens: limit of a reply whose request sets none.
    temperature: of a request that sets none.
    """

    threads: int | None = None
    context_tokens: int = 16_384
    slots: int = 4
    prompt_cache_mib: int = 1_024
    reply_tokens: int = 1_024
    temperature: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a server answers, and the key it asks for; the key is in no repr."""

    address: str
    key: str

    def __repr__(self) -> str:
        return f"Endpoint(address={self.address!r})"

    @property
    def api_base(self) -> str:
        return f"{self.address}/v1"


class LocalServer:
    """The server of one model file.

    `LocalServer.shared(path)` gives this process's one for the file; `endpoint()` starts it if need be.
    """

    _shared: ClassVar[dict[tuple[int, Path], LocalServer]] = {}
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path, options: ServerOptions | None = None) -> None:
        self.path = path
        self.options = options or ServerOptions()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None

    def __repr__(self) -> str:
        return f"LocalServer({self.path.name!r}, {'running' if self.running else 'not running'})"

    @classmethod
    def shared(cls, path: Path) -> LocalServer:
        """The one server of this process for `path`; not started by this."""
        key = (os.getpid(), path.expanduser().resolve())
        with cls._making:
            return cls._shared.setdefault(key, cls(key[1]))

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def log_path(self) -> Path:
        """What llama.cpp wrote, of the last start."""
        return models_folder() / "logs" / f"server-{os.getpid()}-{self.path.stem}.log"

    def endpoint(self) -> Endpoint:
        """Where the server answers; starts it where it does not run, which takes some seconds.

        Raises `ConfigError` where the file or xllamacpp is missing, `ModelUnavailableError` where the server does not start.
        """
        with self._lock:
            if self.running and self._endpoint is not None:
                return self._endpoint
            self._check()
            if self._process is not None:
                _close(self._process)  # it died: only its pipes are left
            self._endpoint = self._start()
            atexit.register(self.stop)
            return self._endpoint

    def stop(self) -> None:
        """End the server process, if it runs."""
        with self._lock:
            process, self._process, self._endpoint = self._process, None, None
        atexit.unregister(self.stop)
        if process is None:
            return
        _close(process)
        with contextlib.suppress(OSError):
            self.log_path.unlink()

    def _check(self) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ConfigError('The embedded model needs xllamacpp, which is not installed: pip install "rlm_lab[local]"')
        if not self.path.is_file():
            raise ConfigError(f"The embedded model's file {self.path} is not there: rlm-lab model install")

    def _start(self) -> Endpoint:
        key = secrets.token_urlsafe(32)
        self._process = process = self._spawn()
        answer = _ask(process, self._order(key))
        if "address" in answer:
            return Endpoint(address=answer["address"], key=key)
        self._process = None
        _close(process)
        raise ModelUnavailableError(
            f"The server of {self.path.name} did not start: {self._log_reason() or answer.get('error') or 'it ended at once'}"
            f" (its log: {self.log_path})"
        )

    def _order(self, key: str) -> dict[str, object]:
        threads = self.options.threads or default_threads()
        return asdict(self.options) | {"threads": threads, "path": str(self.path), "alias": self.path.stem, "key": key}

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = Path(__file__).with_name("serve.py")
        environment = {name: os.environ[name] for name in _ALLOWED if name in os.environ}
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            _remove_old_logs(self.log_path.parent)
            log = self.log_path.open("wb")
        except OSError as error:
            raise ConfigError(
                f"{self.log_path} cannot be written ({error.strerror}); set RLM_LAB_MODELS to another folder."
            ) from error
        with log:
            # A session of its own: Ctrl-C in the terminal interrupts the notebook, not the model.
            return subprocess.Popen(
                [sys.executable, "-P", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=environment, cwd=self.path.parent, start_new_session=True,
            )  # fmt: skip

    def _log_reason(self) -> str:
        """The first error in the log, which the later ones follow from; else its end."""
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError:
            return ""
        first = _LOG_ERROR.search(text)
        return (first[1] if first else " ".join(text.split())[-_LOG_LENGTH:])[:_LOG_LENGTH]


def _remove_old_logs(folder: Path) -> None:
    """Those of processes that were killed; the others removed theirs."""
    for log in folder.glob("server-*.log"):
        with contextlib.suppress(OSError):
            if time.time() - log.stat().st_mtime > _LOG_SECONDS:
                log.unlink()


def _ask(process: subprocess.Popen[bytes], order: dict[str, object]) -> dict[str, str]:
    """Send the order; the answer comes when the model is loaded, or ends with the process."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    try:
        answer = json.loads(process.stdout.readline() or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _close(process: subprocess.Popen[bytes]) -> None:
    """End of input is the signal to end; after a while the process is killed."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
