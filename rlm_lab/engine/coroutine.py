"""A block of code as a coroutine: a greenlet that can be left and entered anywhere, on the main thread only.

`enter` switches in, `suspend` (called by code inside) switches out with a signal. Both ends check thread, process and
greenlet, and every switch goes through one `Swapper`, which puts the block's surroundings in place and takes them out again.
Nothing here knows what a signal means.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.errors import NotInRunError, StateError


class Swapper(Protocol):
    """Puts the surroundings of a block in place (`enter`) and gives back the host's (`leave`)."""

    def enter(self) -> None: ...
    def leave(self) -> None: ...
    def bind(self, coroutine: greenlet) -> None: ...


class Tracer(Protocol):
    """Told inside the block: just after a switch in, and just before a switch away."""

    def arrive(self) -> None: ...
    def leave(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The signal that a block has ended: `error` is what it raised, or None."""

    error: BaseException | None = None


_ABANDONED: list[Coroutine] = []


def abandon(coroutine: Coroutine) -> None:
    """Leaves a block that will not end suspended for good: were it collected, it would be thrown into at a random time."""
    _ABANDONED.append(coroutine)


class Coroutine:
    """Runs `main` in a greenlet of its own. Owned by the main thread of the process that made it. `tracer` may be set once."""

    def __init__(self, main: Callable[[], None], swapper: Swapper) -> None:
        self.tracer: Tracer | None = None
        self._main = main
        self._swapper = swapper
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        self._greenlet = greenlet(self._run)
        self._inside = False

    @property
    def is_current(self) -> bool:
        """Whether the caller is code of this block itself: same process, same thread, same greenlet."""
        return os.getpid() == self._pid and threading.get_ident() == self._thread and getcurrent() is self._greenlet

    @property
    def inside(self) -> bool:
        """Whether the block is switched in just now."""
        return self._inside

    @property
    def ended(self) -> bool:
        return bool(self._greenlet.dead)

    @property
    def frame(self) -> Any:
        """The innermost frame of the suspended block, or None."""
        return self._greenlet.gr_frame

    def enter(self, value: object = None, *, throw: BaseException | None = None) -> Any:
        """Switches into the block until its next signal, which is returned."""
        self._check_owner()
        self._greenlet.parent = getcurrent()
        self._swapper.bind(self._greenlet)
        self._swapper.enter()
        self._inside = True
        try:
            return self._greenlet.throw(throw) if throw is not None else self._greenlet.switch(value)
        finally:
            self._inside = False
            self._swapper.leave()

    def suspend(self, signal: object) -> Any:
        """Leaves the block with a signal; returns what the engine enters it with."""
        self.check_process()
        if not self.is_current:
            raise NotInRunError("This code does not run in the block that it belongs to.")
        parent = self._greenlet.parent
        assert parent is not None
        if self.tracer is None:
            return parent.switch(signal)
        self.tracer.leave()
        try:
            return parent.switch(signal)
        finally:
            self.tracer.arrive()

    def check_process(self) -> None:
        """Raises `NotInRunError` in a process that was forked from the run's."""
        if os.getpid() != self._pid:
            raise NotInRunError("A child process cannot talk to the run: ask in the parent process, and give the child the answer.")

    @calls_user_code
    def _run(self, _value: object = None) -> Done:
        error = None
        try:
            if self.tracer is not None:
                self.tracer.arrive()
            self._main()
        except BaseException as caught:  # noqa: BLE001 - model code may raise anything; it becomes the block's outcome
            error = caught
        if self.tracer is not None:
            self.tracer.leave()
        if os.getpid() != self._pid:
            os._exit(_exit_status(error))  # a forked copy of the kernel must not go on as a second kernel on the same sockets
        return Done(error=error)

    def _check_owner(self) -> None:
        if os.getpid() != self._pid or threading.get_ident() != self._thread:
            raise StateError("A block can only go on in the main thread of the process that started it.")
        if self._inside:
            raise StateError("This block is running already.")
        if self.ended:
            raise StateError("This block has ended.")


def _exit_status(error: BaseException | None) -> int:
    """What a forked child's process ends with, as Python would have it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return int(error is not None)
