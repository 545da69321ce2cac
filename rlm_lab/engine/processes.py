"""What goes round Python's streams (`os.system`, child processes): file descriptors 1 and 2, sent to a file of the run.

The file stays small: its beginning and its end are taken out of it while a block runs, and what lay between is counted and
forgotten; what a process writes in the very moment that the file is emptied is lost uncounted. Main thread, but for `trim`, which
the watchdog's thread calls.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from io import FileIO
from typing import IO, Any

from rlm_lab.engine.interrupts import Watchdog

KEPT = 1_000_000  # bytes of the beginning, and of the end
MOST = 16_000_000  # bytes that the file may hold before it is trimmed


class ProcessOutput:
    """A `Swap`, exchanged at every switch. `read` gives what has come since the last read, its middle cut out where too long."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._saved: list[int] = []
        self._lock = threading.Lock()
        self._head = self._tail = b""
        self._size = 0  # of all that came since the last read

    def take(self) -> Any:
        return bool(self._saved)

    def put(self, state: Any) -> None:
        if state and not self._saved:
            self._divert()
        elif not state and self._saved:
            self._restore()

    def fresh(self, _host: Any) -> Any:
        return True

    def read(self, limit: int) -> tuple[str, int, str]:
        """New text, at most `limit` bytes of it: its beginning, how much was left out after that, its end."""
        with self._lock:
            with contextlib.suppress(OSError):  # the block may have closed the file
                self._take_out()
            head, tail, size = self._head, self._tail, self._size
            self._head, self._tail, self._size = b"", b"", 0
        if size <= min(limit, len(head)):
            return head.decode("utf-8", "replace"), 0, ""
        head = head[: limit // 2]
        tail = tail[-min(limit - limit // 2, size - len(head)) :]
        return head.decode("utf-8", "replace"), size - len(head) - len(tail), tail.decode("utf-8", "replace")

    def trim(self) -> None:
        """Makes room in the file where it has become large."""
        with self._lock:
            if self._file is not None and os.fstat(self._file.fileno()).st_size >= MOST:
                self._take_out()

    def close(self) -> None:
        """Gives the descriptors back and the file up."""
        self._restore()
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            file.close()

    def _take_out(self) -> None:
        """Moves the file's beginning and end to memory, and empties it."""
        number = -1 if self._file is None else self._file.fileno()
        size = 0 if number < 0 else os.fstat(number).st_size
        if size == 0:
            return
        if len(self._head) < KEPT:
            self._head += os.pread(number, KEPT - len(self._head), 0)
        self._tail = (self._tail + os.pread(number, KEPT, max(size - KEPT, 0)))[-KEPT:]
        self._size += os.fstat(number).st_size  # a process may be writing
        os.ftruncate(number, 0)

    def _divert(self) -> None:
        if self._file is None:
            self._file = _new_file()
            _append_only(self._file.fileno())
        self._saved = [os.dup(1), os.dup(2)]
        os.dup2(self._file.fileno(), 1)
        os.dup2(self._file.fileno(), 2)
        Watchdog.shared().chore = self.trim

    def _restore(self) -> None:
        Watchdog.shared().chore = None
        for number, saved in zip((1, 2), self._saved, strict=False):
            os.dup2(saved, number)
            os.close(saved)
        self._saved = []


def _new_file() -> IO[bytes]:
    """A file without a name: in memory where there is such a thing, as it stays small."""
    if hasattr(os, "memfd_create"):
        return FileIO(os.memfd_create("rlm_lab"), "r+b")
    return tempfile.TemporaryFile(buffering=0)


def _append_only(number: int) -> None:
    """Who writes while the file is emptied goes on at its new end. Windows has no such mode, nor the interrupts of a run."""
    if sys.platform != "win32":
        import fcntl

        fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_APPEND)
