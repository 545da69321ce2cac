"""A call that a block's thread or coroutine makes beside the block's own greenlet, on its way past the gate to an answer.

States: *posted* to the hub ─▶ *at the gate* ─▶ *sent* or *answered* ─▶ *done*; or *refused*, when its block has ended or its run
was stopped meanwhile. Made and waited for in any thread; `send` is for whoever drives the run.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, Any, Protocol

from rlm_lab.engine.traffic import Outcome, Ticket
from rlm_lab.errors import NotInRunError, NotSentError, RLMError

if TYPE_CHECKING:
    from rlm_lab.engine.actions import Action

LOOK = 1.0  # seconds between two looks of a waiting thread whether the process ends

Way = Generator["Action", Any, Ticket | list[Outcome]]


class Front(Protocol):
    """Where asides go while a gate may close or the run is paused. Any thread."""

    @property
    def paused(self) -> str | None: ...
    def receive(self, aside: Aside) -> None: ...


class Aside:
    """One call or batch, made aside. `done` gets the outcomes in the order of the prompts, or the error that refused them."""

    def __init__(self, way: Way | None, size: int) -> None:
        self._way = way
        self._size = size
        self._ticket: Ticket | None = None
        self._cancelled = False
        self.finished = False
        self.done: Future[list[Outcome]] = Future()
        self.done.set_running_or_notify_cancel()  # who waits may give up; that ends the wait, not the calls

    def send(self, value: Any) -> Action | None:
        """Advances to the gate or past it; gives what is to be done, None once the aside needs nobody any more."""
        assert self._way is not None
        try:
            if self._cancelled or self.finished:
                raise NotInRunError("The call was cancelled before it was sent.")
            return self._way.send(value)
        except StopIteration as end:
            self.take(end.value)
        except RLMError as error:
            self.refuse(error)
        return None

    def take(self, sent: Ticket | list[Outcome]) -> None:
        """The calls are under way, or were answered by a person."""
        self.finished = True
        if isinstance(sent, Ticket):
            self._ticket = sent
            sent.done.add_done_callback(lambda _: self._settle(sent.outcomes))
            if self._cancelled:
                sent.cancel()
        else:
            self._settle(sent)

    def refuse(self, error: Exception) -> None:
        """Ends it with an error, unless it has its answer already."""
        self.finished = True
        with contextlib.suppress(InvalidStateError):
            self.done.set_exception(error)

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._cancelled = True
        if self._ticket is not None:
            self._ticket.cancel()

    def wait(self) -> list[Outcome]:
        """Waits in a block's thread; raises what refused the aside. A process that ends does not wait for a paused run."""
        while True:
            try:
                return self.done.result(timeout=LOOK)
            except TimeoutError:
                if getattr(threading, "_SHUTTING_DOWN", False):
                    self.refuse(NotInRunError("The process ends; the call was not answered."))

    def _settle(self, outcomes: list[Outcome]) -> None:
        with contextlib.suppress(InvalidStateError):
            self.done.set_result(filled(outcomes, self._size))


def filled(outcomes: list[Outcome], size: int) -> list[Outcome]:
    """The outcomes of a batch of which a person let only the first calls be made, in its full length."""
    return [*outcomes, *(_not_sent(number, size) for number in range(len(outcomes) + 1, size + 1))]


def _not_sent(number: int, size: int) -> NotSentError:
    return NotSentError(f"Call {number} of {size} was not sent: the user let only the first ones be made.")
