"""What a run's life asks of the hub, and what the hub tells it: plain values, so that each can be logged, held and replayed.

A life yields one of the actions and is sent the matching answer: a `Reply` or an exception for `Think`, a block's signal for
`Enter`, a list of outcomes for `Await` and `Spawn`, nothing for `Until`, a `Decision` for `Gate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlm_lab.engine.coroutine import Coroutine
from rlm_lab.engine.gates import Gate
from rlm_lab.engine.traffic import Origin, Ticket
from rlm_lab.models.base import Model, Request

if TYPE_CHECKING:
    from rlm_lab.engine.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Think:
    """Ask the root model; `free` goes beyond the budget, for a last answer."""

    origin: Origin
    model: Model
    request: Request
    free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """Switch into a block with a value, or throw an exception into it; it may compute for `seconds`."""

    coroutine: Coroutine
    seconds: float
    value: object = None
    throw: BaseException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """Wait for calls that are under way."""

    ticket: Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """Wait for a time of `time.monotonic`, or until a file can be read: a block awaits something."""

    deadline: float | None
    fileno: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """Run child runs to their ends, side by side."""

    children: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """The signal that a block has computed, or the run has lasted, too long."""

    limit: str  # block_seconds or seconds


Action = Think | Enter | Await | Until | Spawn | Gate
