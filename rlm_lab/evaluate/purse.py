"""The one budget of a sweep: each run's share is set aside before the run starts, and what it did not use is given back after.

It is the engine's ledger, one level up. Main thread only.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace

from rlm_lab.config import Budget
from rlm_lab.engine.ledger import Ledger, Reservation, Spent
from rlm_lab.errors import BudgetExceededError, UsageError
from rlm_lab.models.base import Usage

SHARED = ("calls", "tokens", "cost")
_DEFAULT = Budget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was set aside for one run, and the budget that the run gets."""

    reservation: Reservation
    budget: Budget


class Purse:
    """Gives out shares of a budget. `share` is what one run may take at most."""

    def __init__(self, total: Budget, share: Budget, before: Spent) -> None:
        self.share = share
        self._ledger = Ledger(total)
        self._ledger.carry(before)
        self._ledger.start_clock()

    @property
    def spent(self) -> Spent:
        """What all runs have taken so far, those of earlier processes too."""
        return self._ledger.spent

    @property
    def why_not(self) -> str:
        """Why no other share can be given now, in words; empty if one can."""
        try:
            self.give_back(self.take(), Spent())
        except BudgetExceededError as error:
            return str(error)
        return ""

    def take(self) -> Held:
        """A share for one run. Raises `BudgetExceededError` where what is left does not hold a whole one."""
        left = self._ledger.seconds_left
        if left is not None and left <= 0:
            raise BudgetExceededError("The sweep's time is over.", limit="seconds")
        share = self.share
        usage = Usage(prompt_tokens=share.tokens or 0, cost=share.cost)
        try:
            reservation = self._ledger.reserve(share.calls or 0, usage)
        except BudgetExceededError as error:
            raise BudgetExceededError(
                f"What is left of the sweep's {error.limit} does not hold another run.", limit=error.limit
            ) from None
        seconds = [limit for limit in (share.seconds, left) if limit is not None]
        return Held(reservation=reservation, budget=replace(share, seconds=min(seconds) if seconds else None))

    def give_back(self, held: Held, spent: Spent) -> None:
        """What a run did not use of its share can be given to another."""
        self._ledger.release(held.reservation)
        self._ledger.carry(add(self._ledger.spent, spent))


def add(a: Spent, b: Spent) -> Spent:
    """Both together; the time is that of the first."""
    names = [field.name for field in dataclasses.fields(Spent) if field.name != "seconds"]
    return replace(a, **{name: getattr(a, name) + getattr(b, name) for name in names})


def share_of(total: Budget, each: Budget | None, runs: int, before: Spent) -> Budget:
    """What one of so many runs may take: what `each` says, as far as there is so much, else an equal part of what is left.

    A limit that `each` has by default says nothing. Raises `UsageError` where a part would be nothing from the start.

    >>> share_of(Budget(calls=100), None, 8, Spent()).calls, share_of(Budget(calls=100), Budget(calls=30), 8, Spent()).calls
    (12, 30)
    """
    parts: dict[str, float | None] = {}
    for name in SHARED:
        limit, own = getattr(total, name), None if each is None else getattr(each, name)
        if own is None or own == getattr(_DEFAULT, name):
            parts[name] = own if limit is None else _part(name, limit, runs, getattr(before, name))
        else:
            parts[name] = own if limit is None else min(own, limit)
    return replace(each or total, **parts)  # type: ignore[arg-type]


def _part(name: str, limit: float, runs: int, spent: float) -> float:
    """An equal part of what is left; where that is nothing, the smallest there is, which the purse will refuse to give."""
    left = max(limit - spent, 0)
    if name == "cost":
        return (left or limit) / runs * (1 - 1e-9)  # so that rounding never makes the parts more than the whole
    if 0 < limit < runs:
        raise UsageError(f"A limit of {limit:,} {name} is too little for {runs:,} runs; give at least one each, or fewer runs.")
    return max(int(left) // runs, min(int(limit), 1))
