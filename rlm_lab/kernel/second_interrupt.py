"""A second interrupt: for a moment after a pause, it stops the run, whether its cell still ends or the kernel is idle already.

An idle ipykernel ignores SIGINT, and gives every cell Python's own handler. So our handler is set at once when the run has
paused, and set again, by the kernel's event loop, once its cell has returned; then what the kernel had is put back. Outside of
an event loop (a terminal) it holds only as long as the cell runs. Main thread only.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from rlm_lab.engine.run import TWICE

LOOK = 0.05  # seconds between two looks whether the cell has returned


@contextlib.contextmanager
def second_interrupt_stops(stop: Callable[[], None], *, seconds: float = TWICE) -> Iterator[None]:
    """While its body runs, and up to `seconds` from now, an interrupt calls `stop`, once, on the main thread.

    The body is what is left of the cell; an interrupt in it is obeyed when it has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(stop, time.monotonic() + seconds)
    before = signal.signal(signal.SIGINT, watch.note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if watch.noted:
            stop()
        else:
            watch.go_on()


class _Watch:
    """Holds the handler in place until an interrupt came or the time is over."""

    def __init__(self, stop: Callable[[], None], until: float) -> None:
        self._stop = stop
        self._until = until
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ours: Any = None
        self.noted = False

    def note(self, _signum: int, _frame: FrameType | None) -> None:
        """The handler while the cell ends."""
        self.noted = True

    def go_on(self) -> None:
        """Has the loop look whether the kernel is idle, where there is a loop."""
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
            self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        assert self._loop is not None
        current = signal.getsignal(signal.SIGINT)
        if self.noted or time.monotonic() >= self._until:
            if current is self._ours and current is not None:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            return
        if current is signal.SIG_IGN:
            self._ours = self._in_idle
            signal.signal(signal.SIGINT, self._ours)
        self._loop.call_later(LOOK, self._look)

    def _in_idle(self, _signum: int, _frame: FrameType | None) -> None:
        """The handler while the kernel is idle; the run is stopped by the loop, not in here."""
        if self.noted or time.monotonic() >= self._until:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return
        self.noted = True
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop)
