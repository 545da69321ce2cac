"""A second interrupt: for a moment after a pause, it stops the run, whether its cell still ends or the kernel is idle already.

An idle ipykernel ignores SIGINT, and gives every cell Python's own handler. So our handler is set at once when the run has
paused, and set again, by the kernel's event loop, once its cell has returned; at the end of the time what the kernel had is put
back. Outside of an event loop (a terminal) it holds only as long as the cell runs. Main thread only.
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

SOON = 0.002  # seconds between two looks while the cell returns, which takes a few milliseconds
LATER = 0.05
_RETURNING = 0.1  # seconds for which it is looked at that often


@contextlib.contextmanager
def second_interrupt_stops(stop: Callable[[], None], *, seconds: float = TWICE) -> Iterator[None]:
    """While its body runs, and up to `seconds` from now, an interrupt has `stop` called, once, on the main thread.

    The body is what is left of the cell; an interrupt in it is obeyed when it has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(stop, seconds)
    try:
        yield
    finally:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            watch.end()
        else:
            watch.look(loop)


class _Watch:
    """Keeps the handler in place until an interrupt came or the time is over."""

    def __init__(self, stop: Callable[[], None], seconds: float) -> None:
        self._stop = stop
        self._began = time.monotonic()
        self._seconds = seconds
        self._noted = False
        self._handler: Any = self._note
        self._before: Any = signal.signal(signal.SIGINT, self._handler)

    def _note(self, _signum: int, _frame: FrameType | None) -> None:
        self._noted = True

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the loop again and again; a cell that runs meanwhile has a handler of its own, and keeps it."""
        since = time.monotonic() - self._began
        current = signal.getsignal(signal.SIGINT)
        over = self._noted or since >= self._seconds
        if over and (current is self._handler or current is signal.SIG_IGN):
            self.end()
            return
        if not over and current is signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._handler)
        loop.call_later(SOON if since < _RETURNING else LATER, self.look, loop)

    def end(self) -> None:
        """Puts back what was there, and obeys."""
        if signal.getsignal(signal.SIGINT) is self._handler:
            signal.signal(signal.SIGINT, self._before)
        if self._noted:
            self._stop()
