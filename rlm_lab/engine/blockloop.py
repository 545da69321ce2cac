"""The private asyncio loop of a block with `await`: where other loops would sleep, it leaves the block.

The engine watches the loop's selector from outside and comes back when a file is ready or the deadline has passed. Runs
inside the block's greenlet, on the main thread.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from rlm_lab.engine.interrupts import calls_user_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """The signal that a block waits: until `deadline` (of `time.monotonic`, None for ever) or until `fileno` can be read."""

    deadline: float | None
    fileno: int


class _LeavingSelector(selectors.DefaultSelector):
    """A selector that asks once, and leaves the block instead of sleeping."""

    def __init__(self, leave: Callable[[Idle], None]) -> None:
        super().__init__()
        self._leave = leave

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        self._leave(Idle(deadline=None if timeout is None else time.monotonic() + timeout, fileno=self.fileno()))
        return super().select(0)


@calls_user_code
def run_coroutine(main: Coroutine[Any, Any, None], leave: Callable[[Idle], None]) -> None:
    """Runs a block's coroutine to its end on a loop of its own, then ends what it left running."""
    loop = asyncio.SelectorEventLoop(_LeavingSelector(leave))
    try:
        loop.run_until_complete(main)
    finally:
        _drain(loop)


@calls_user_code
def _drain(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    try:
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()  # also where the block was told to end once more, in the midst of this
