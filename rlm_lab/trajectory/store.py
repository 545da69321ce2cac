"""The log of a run: a file of events, one JSON object a line, and the telling of new events to views.

`EventLog` is the only writer. It writes and flushes a line before any view is told, holds no lock while it tells, and drops
a view that raises. It never stores a `ReplyDelta`. It may be used from any thread, and in the midst of its own work, where a
finaliser or a signal handler may run; the engine's main thread owns its life.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

from rlm_lab.errors import LogError
from rlm_lab.trajectory.events import Event, ReplyDelta
from rlm_lab.trajectory.lines import to_line
from rlm_lab.trajectory.listing import list_runs
from rlm_lab.trajectory.reading import SUFFIX, LogWarning, RunHead, load, read

__all__ = ["SUFFIX", "EventLog", "LogWarning", "RunHead", "Stopwatch", "list_runs", "load", "read"]

Subscriber = Callable[[Event], None]
_logger = logging.getLogger(__name__)


class Stopwatch:
    """Seconds since it was made, without the time it was held.

    >>> watch = Stopwatch()
    >>> watch.hold(); before = watch(); watch() == before
    True
    """

    def __init__(self, *, began: float = 0.0) -> None:
        self._start = time.perf_counter() - began
        self._held: float | None = None

    def __call__(self) -> float:
        return (self._held if self._held is not None else time.perf_counter()) - self._start

    def hold(self) -> None:
        """Stop counting; does nothing when it is held already."""
        if self._held is None:
            self._held = time.perf_counter()

    def go_on(self) -> None:
        """Count again; does nothing when it is not held."""
        if self._held is not None:
            self._start += time.perf_counter() - self._held
            self._held = None


class EventLog:
    """The events of one run and its children, in memory and, with a path, in a file.

    Parameters
    ----------
    path: the file, which must not exist yet; its folder is made with the first event. None keeps the log in memory.
    clock: gives an event's `t`, in seconds; by default a `Stopwatch` that starts now.

    `append` raises `LogError` when the file cannot be made. When the disk fails later, the run goes on in memory and
    `failure` says why. After `close` events still reach memory and subscribers, never the file.

    >>> from rlm_lab.trajectory.events import ChildFinished
    >>> log = EventLog(None)
    >>> log.append(ChildFinished(run="a", child="a.1", status="done")).seq
    0
    """

    def __init__(self, path: Path | None, *, clock: Callable[[], float] | None = None) -> None:
        self.path = path
        self.clock: Callable[[], float] = clock if clock is not None else Stopwatch()
        self.failure: LogError | None = None
        self._lock = threading.RLock()
        self._unwritten: deque[Event] = deque()
        self._writing = False
        self._file: FileIO | None = None
        self._closed = path is None
        self._events: list[Event] = []
        self._subscribers: tuple[Subscriber, ...] = ()
        self._untold: deque[Event] = deque()
        self._held: list[Event] | None = None
        self._telling = False

    @classmethod
    def continued(cls, path: Path, events: Sequence[Event]) -> EventLog:
        """The log of a run whose process has ended, to be written on; `events` are those of the file.

        The file is opened with the next event, and a line that was cut is taken off then. Raises `LogError` where another process
        writes it.
        """
        clock = Stopwatch(began=events[-1].t if events else 0.0)
        log = cls(path, clock=clock)
        log._events = list(events)
        log._open_again()
        return log

    @classmethod
    def begun(cls, path: Path | None, events: Sequence[Event]) -> EventLog:
        """A new log that begins with events of another one; they keep their times, and its own clock goes on from the last."""
        log = cls(path, clock=Stopwatch(began=events[-1].t if events else 0.0))
        for number, event in enumerate(events):
            shared = dataclasses.replace(event, seq=number)
            log._write(to_line(shared))
            log._events.append(shared)
        return log

    def hold(self) -> None:
        """From now on events are held, neither stored nor told; what was held before is forgotten."""
        with self._lock:
            self._held = []

    def let_go(self, first: Event) -> None:
        """Stores and tells `first`, then what was held, and from now on everything again; does nothing if nothing is held."""
        with self._lock:
            held, self._held = self._held, None
        for event in [first, *held] if held is not None else []:
            self.append(event)

    def reopen(self) -> None:
        """Write on after `close`; does nothing to a log in memory, or to one that is open."""
        if self.path is not None and self._file is None and self.failure is None and self._closed:
            self._open_again()

    def _open_again(self) -> None:
        assert self.path is not None
        with self._lock:
            self._file = _open_again(self.path)
            self._closed = False

    @property
    def events(self) -> list[Event]:
        """A copy of the stored events, in the order of `seq`."""
        return self._events.copy()

    def append(self, event: Event) -> Event:
        """Store the event and tell it; gives the event with its `seq` and `t`.

        One that comes in the midst of another append of the same thread is stored after that one, and given back as it came; so
        is a delta that nobody hears.
        """
        if isinstance(event, ReplyDelta) and not self._subscribers:
            return event
        given = event
        with self._lock:
            if self._held is not None:
                self._held.append(event)
                return event
            self._unwritten.append(event)
            while self._unwritten and not self._writing:
                first = self._unwritten.popleft()
                stored = self._store(first)
                given = stored if first is event else given
        self._tell()
        return given

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every event from now on, in order, in the thread that appends; gives the way to end it."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)
        return lambda: self._drop(subscriber)

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._closed = True
            file, self._file = self._file, None
        if file is not None:
            file.close()

    def _store(self, event: Event) -> Event:
        self._writing = True
        try:
            stored = not isinstance(event, ReplyDelta)
            event = dataclasses.replace(event, seq=len(self._events) if stored else -1, t=self.clock())
            if stored:
                self._write(to_line(event))
                self._events.append(event)
            if self._subscribers:
                self._untold.append(event)
        finally:
            self._writing = False
        return event

    def _write(self, line: bytes) -> None:
        if self._closed:
            return
        if self._file is None:
            assert self.path is not None  # a log without a path is closed from the start
            self._file = _create(self.path)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A later line after a torn one would make the whole file unreadable, so nothing more is written."""
        self._closed = True
        self.failure = LogError(
            f"The log {self.path} ends after event {len(self._events) - 1} ({error.strerror or error}); the run goes on in memory. "
            f"Free some space, or set RLM_LAB_RUNS to another folder for the next run."
        )
        _logger.warning("%s", self.failure)

    def _tell(self) -> None:
        """Tell what is untold. One thread tells at a time, so that each subscriber sees the order of `seq`."""
        while self._untold:
            with self._lock:
                if self._telling or self._writing:  # who tells or writes goes on with ours
                    return
                self._telling = True
            try:
                if self._untold:  # else one that came in between has told it
                    self._tell_all(self._untold.popleft())
            finally:
                self._telling = False

    def _tell_all(self, event: Event) -> None:
        for subscriber in self._subscribers:
            self._tell_one(subscriber, event)

    def _tell_one(self, subscriber: Subscriber, event: Event) -> None:
        try:
            subscriber(event)
        except Exception:  # a view must never break a run
            _logger.warning("A view of run %s failed and gets no more events.", event.run, exc_info=True)
            self._drop(subscriber)

    def _drop(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)


def _open_again(path: Path) -> FileIO:
    """The file of a log, at its end; a last line without an end is taken off."""
    try:
        file = FileIO(path, "rb+")
    except OSError as error:
        raise LogError(f"The log {path} cannot be written on ({error.strerror or error}).") from None
    if not _lock_file(file):
        file.close()
        raise LogError(f"The log {path} is written by a process that still runs; stop that run first.")
    whole = path.read_bytes().rfind(b"\n") + 1
    file.truncate(whole)
    file.seek(whole)
    return file


def _create(path: Path) -> FileIO:
    """A new file for this process alone, locked for as long as it is open, so that a reader knows that the run lives."""
    try:
        try:
            file = _new_file(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = _new_file(path)
    except FileExistsError:
        raise LogError(f"There is a file {path} already, and no log is written over; set RLM_LAB_RUNS to another folder.") from None
    except OSError as error:
        raise LogError(
            f"The runs folder {path.parent} cannot be written ({error.strerror or error}); set RLM_LAB_RUNS to a folder that can."
        ) from None
    _lock_file(file)
    return file


def _new_file(path: Path) -> FileIO:
    return FileIO(path, "xb", opener=lambda name, flags: os.open(name, flags | os.O_APPEND, 0o600))


if sys.platform == "win32":

    def _lock_file(file: FileIO) -> bool:
        """Windows has no advisory locks; a reader there cannot tell a running from an interrupted run."""
        return True

else:
    import fcntl

    def _lock_file(file: FileIO) -> bool:
        """Hold the file's advisory lock, unless another has it; where a disk has none, a reader sees an interrupted run."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            _logger.debug("No lock on %s.", file.name)
        return True
