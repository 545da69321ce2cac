"""Interrupts: how Ctrl-C, a time limit or a command reaches a block that computes.

While a run is driven, SIGINT belongs to this module, and so does SIGURG, by which the watchdog pokes: no one else's, and one that
comes late is ignored by default. In user code the handler *switches* to the engine, in mid-bytecode and without unwinding; in
frames of the engine, of the import system, of logging and of threading it only posts, and the watchdog pokes again until user
code is reached. It never raises. The watchdog is one thread that sleeps when no run was driven for a while.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import CodeType, FrameType
from typing import Any, ClassVar, TypeVar

TICK = 0.05  # seconds between two looks of the watchdog while a block computes
LINGER = 15.0  # seconds without a run after which the watchdog sleeps: to wake it takes as long as much of a short block
IDLE = 0.2  # seconds between two looks until then
RETRY = 0.01  # seconds until a posted interrupt is tried again
_NEVER = ("importlib._bootstrap", "logging")  # locks that every cell needs
_UNLESS_WAITING = ("threading", "concurrent.futures", "queue")
INTERRUPT = "interrupt"
POKE = getattr(signal, "SIGURG", signal.SIGINT)
_AGAIN = "again"
_OPEN: set[CodeType] = set()
_OPEN_MODULES = {f"rlm_lab.engine.{name}" for name in ("explain", "context", "fingerprints", "frames")}  # they ask foreign objects
F = TypeVar("F", bound=Callable[..., Any])


def calls_user_code(function: F) -> F:
    """Marks an engine function that runs foreign code: what it calls may be interrupted."""
    _OPEN.add(function.__code__)
    return function


def may_switch(frame: FrameType | None) -> bool:
    """Whether the engine may take over at this frame: none below it can hold a lock of ours or of the interpreter's."""
    if frame is None or _is_ours(frame):
        return False
    guarded = _NEVER if _waits_for_a_thread(frame) else _NEVER + _UNLESS_WAITING
    while frame is not None:
        if _module(frame).startswith(guarded):
            return False
        if _is_ours(frame) and frame.f_code not in _OPEN:
            return False
        frame = frame.f_back
    return True


def within_engine(frame: FrameType | None) -> bool:
    """Whether this was called from the midst of the engine's own work, as a finaliser or a signal handler may be.

    The engine may hold a lock there, so that neither a switch nor a wait can be allowed.
    """
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    while frame is not None:
        if _is_ours(frame) and frame.f_code not in _OPEN:
            return True
        frame = frame.f_back
    return False


def _is_ours(frame: FrameType) -> bool:
    """Whether this is a frame of rlm_lab in which foreign code is not expected."""
    module = _module(frame)
    return module.startswith("rlm_lab.") and module not in _OPEN_MODULES


def _module(frame: FrameType) -> str:
    """The module that a frame's code is of; a block may say `__name__` is anything, and stays a block."""
    name = frame.f_globals.get("__name__")
    return name if type(name) is str and not frame.f_code.co_filename.startswith("<rlm ") else ""


def _waits_for_a_thread(frame: FrameType) -> bool:
    """Whether this is a blocking wait of `threading` in which no lock is held: there a switch is safe, and needed."""
    if frame.f_globals.get("__name__") != "threading":
        return False
    if frame.f_code.co_name == "wait":
        condition = frame.f_locals.get("self")
        return "saved_state" in frame.f_locals and isinstance(condition, threading.Condition) and not _is_held(condition)
    return frame.f_code.co_name in {"join", "_wait_for_tstate_lock"}


def _is_held(condition: threading.Condition) -> bool:
    """Whether somebody holds the lock of a condition; one that waits has let go of it."""
    return bool(condition._is_owned())  # type: ignore[attr-defined]


class Interrupts:
    """Owns SIGINT while a run is driven. `post` is told every reason, once; it must be signal-safe."""

    def __init__(self, post: Callable[[str], None]) -> None:
        self._post = post
        self._reason: str | None = None  # of the poke that has not arrived yet
        self._suspend: Callable[[], None] | None = None
        self._deadline: tuple[float, str] | None = None
        self._pending = False
        self._handler = self._interrupted
        self._poke_handler = self._poked
        self.times: deque[float] = deque(maxlen=2)  # when the user's last interrupts came, by time.monotonic

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Takes SIGINT for the time of a drive; must be on the main thread."""
        before, poke_before = _handler_of(signal.SIGINT), _handler_of(POKE)
        self.times.clear()
        self._pending = False
        self._take_signals()
        try:
            yield
        finally:
            Watchdog.shared().forget(self)
            _set_handler(POKE, poke_before)
            _set_handler(signal.SIGINT, before)

    def _take_signals(self) -> None:
        _set_handler(POKE, self._poke_handler)
        _set_handler(signal.SIGINT, self._handler)

    def enter_block(self, suspend: Callable[[], None], deadline: tuple[float, str] | None) -> None:
        """A block is about to be switched in; `deadline` is a time of `time.monotonic` and the reason to post then."""
        self._suspend = suspend
        self._deadline = deadline
        Watchdog.shared().watch(self)
        if self._pending:
            Watchdog.shared().hurry()

    def leave_block(self) -> None:
        if _handler_of(signal.SIGINT) is not self._handler or _handler_of(POKE) is not self._poke_handler:
            self._take_signals()  # the block had set its own
        self._suspend = None
        self._deadline = None
        self._pending = False

    def nudge(self) -> None:
        """From any thread: a block that computes is left as soon as may be, for a message that is in the inbox already."""
        self._pending = True
        Watchdog.shared().hurry()

    def look(self) -> float:
        """Called by the watchdog: pokes the main thread where that is due; returns the seconds until the next look."""
        if self._suspend is None:
            return TICK
        if self._reason is not None:  # a signal that comes just before a wait for a lock begins does not end that wait
            self._signal()
            return RETRY
        if self._pending:
            self.poke(_AGAIN)
            return RETRY
        deadline = self._deadline
        if deadline is not None and time.monotonic() >= deadline[0]:
            self._deadline = None
            self.poke(deadline[1])
            return RETRY
        return TICK

    def poke(self, reason: str) -> None:
        """Interrupts the main thread with a reason. One at a time: signals that come close together arrive as one."""
        self._reason = reason
        self._signal()

    @staticmethod
    def _signal() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, POKE)

    def _interrupted(self, _signum: int, frame: FrameType | None) -> None:
        self.times.append(time.monotonic())
        self._post(INTERRUPT)
        self._leave(frame)

    def _poked(self, _signum: int, frame: FrameType | None) -> None:
        reason, self._reason = self._reason, None
        if reason is None:  # the first of two signals has told it
            return
        if reason is not _AGAIN:
            self._post(reason)
        self._leave(frame)

    def _leave(self, frame: FrameType | None) -> None:
        suspend = self._suspend
        if suspend is not None and may_switch(frame):
            self._pending = False
            suspend()
            return
        self._pending = True  # also where no block is in: the engine may be about to enter one, which may compute for long
        if suspend is not None:
            Watchdog.shared().hurry()


_raw: Any = sys.modules.get("_signal", signal)  # without the making of enum members, which takes longer than all else
_handler_of, _set_handler = _raw.getsignal, _raw.signal


class Watchdog:
    """A thread that looks after the block which computes; it sleeps, without waking, while no run is driven."""

    _instance: ClassVar[Watchdog | None] = None

    def __init__(self) -> None:
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._watched: Interrupts | None = None
        self._asleep = False
        self.chore: Callable[[], None] | None = None  # done at each look, while a block computes
        self._pid = os.getpid()

    @classmethod
    def shared(cls) -> Watchdog:
        """The watchdog of this process, started when it is first needed."""
        if cls._instance is None or cls._instance._pid != os.getpid():
            cls._instance = cls()
            threading.Thread(target=cls._instance._run, name="rlm_lab watchdog", daemon=True).start()
        return cls._instance

    def watch(self, interrupts: Interrupts) -> None:
        self._watched = interrupts
        if self._asleep:
            self._wake.put(True)

    def forget(self, interrupts: Interrupts) -> None:
        if self._watched is interrupts:
            self._watched = None

    def hurry(self) -> None:
        self._wake.put(True)

    def _run(self) -> None:
        last = 0.0
        while True:
            self._asleep = True
            watched = self._watched  # read after the line above: `watch` writes first and then looks whether to wake us
            now = time.monotonic()
            last = last if watched is None else now
            self._asleep = now - last > LINGER
            self._do_chore()
            try:
                self._wake.get(timeout=watched.look() if watched is not None else None if self._asleep else IDLE)
            except Empty:
                continue

    def _do_chore(self) -> None:
        chore = self.chore
        if chore is not None:
            with contextlib.suppress(OSError):  # a block may have closed anything
                chore()
