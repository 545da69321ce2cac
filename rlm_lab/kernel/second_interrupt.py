"""A second interrupt: for a moment after a pause, it stops the run, whether its cell still ends or the kernel is idle already.

An idle ipykernel ignores SIGINT; it gives every cell Python's own handler and puts back, at the cell's end, what it had saved.
So our handler is set at once when the run has paused, and given to the kernel as what it had saved, so that there is no moment
without it. At the end of the time the kernel's event loop puts back what there was. Outside of an event loop (a terminal) the
handler holds only as long as the cell runs. Main thread only.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, ClassVar

from rlm_lab.engine.run import TWICE

LOOK = 0.02  # seconds between two looks
_SAVED = "saved_sigint_handler"  # where ipykernel keeps an idle kernel's handler


@contextlib.contextmanager
def second_interrupt_stops(stop: Callable[[], None], *, kernel: object = None, seconds: float = TWICE) -> Iterator[None]:
    """While its body runs, and up to `seconds` from now, an interrupt has `stop` called, once, on the main thread.

    The body is what is left of the cell; an interrupt in it is obeyed when it has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(stop, kernel, seconds)
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
    """Keeps the handler in place until an interrupt came or the time is over. A newer one takes an older one's place."""

    _newest: ClassVar[_Watch | None] = None

    def __init__(self, stop: Callable[[], None], kernel: object, seconds: float) -> None:
        self._stop = stop
        self._began = time.monotonic()
        self._seconds = seconds
        self._noted = False
        self._kernel = kernel if hasattr(kernel, _SAVED) else None
        self._handler: Any = self._note
        older, _Watch._newest = _Watch._newest, self
        if older is not None:
            older.end()
        self._before: Any = signal.signal(signal.SIGINT, self._handler)
        if self._kernel is not None:
            self._before = getattr(self._kernel, _SAVED)
            setattr(self._kernel, _SAVED, self._handler)

    def _note(self, _signum: int, _frame: FrameType | None) -> None:
        self._noted = True

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called by the loop again and again; a cell that runs meanwhile has a handler of its own, and keeps it."""
        if _Watch._newest is not self:
            return
        current = signal.getsignal(signal.SIGINT)
        over = self._noted or time.monotonic() - self._began >= self._seconds
        if over and (current is self._handler or current is signal.SIG_IGN):
            self.end()
            return
        if not over and current is signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._handler)
        loop.call_later(LOOK, self.look, loop)

    def end(self) -> None:
        """Puts back what was there, and obeys."""
        if _Watch._newest is self:
            _Watch._newest = None
        if self._kernel is not None and getattr(self._kernel, _SAVED) is self._handler:
            setattr(self._kernel, _SAVED, self._before)
        if signal.getsignal(signal.SIGINT) is self._handler:
            signal.signal(signal.SIGINT, self._before)
        if self._noted:
            self._stop()
