"""The ledger: what a whole tree of runs has spent, and what its budget still allows.

One ledger for a root run and all its children. Calls are reserved before they are sent and settled when they are answered,
so that a batch can never cross a limit unseen. Used from the main thread and the model loop's thread; its lock is never held
while anything else is called.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rlm_lab.config import Budget
from rlm_lab.errors import BudgetExceededError
from rlm_lab.models.base import Usage
from rlm_lab.trajectory import tree

WARN_FROM = 0.8  # share of a limit from which a reader is warned


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent so far: root replies, calls, tokens, US dollars, seconds (without those spent paused)."""

    steps: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    @classmethod
    def of(cls, usage: tree.Usage) -> Spent:
        """What a run has taken, as its log tells; what had no price counts nothing."""
        return cls(
            steps=usage.steps,
            calls=usage.calls,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost=usage.cost or 0.0,
            seconds=usage.seconds,
        )

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a request will take at least, held until it is settled."""

    calls: int
    tokens: int
    cost: float


class Ledger:
    """Counts what is spent; refuses what would cross a limit. `warn` is told once per limit that comes near."""

    def __init__(self, budget: Budget, warn: Callable[[str, float, float], None] = lambda *_: None) -> None:
        self.budget = budget
        self._warn = warn
        self._warned: set[str] = set()
        self._exhausted: list[str] = []
        self._lock = threading.RLock()  # a finaliser in the midst of this may ask what was spent
        self._steps = self._calls = self._prompt = self._completion = 0
        self._cost = 0.0
        self._held_calls = self._held_tokens = 0
        self._held_cost = 0.0
        self._seconds = 0.0
        self._running_since: float | None = None

    def carry(self, spent: Spent) -> None:
        """Begins with what was spent in an earlier process."""
        with self._lock:
            self._steps, self._calls, self._cost = spent.steps, spent.calls, spent.cost
            self._prompt, self._completion, self._seconds = spent.prompt_tokens, spent.completion_tokens, spent.seconds

    # time: runs only while the run does

    def start_clock(self) -> None:
        if self._running_since is None:
            self._running_since = time.monotonic()

    def stop_clock(self) -> None:
        if self._running_since is not None:
            self._seconds += time.monotonic() - self._running_since
            self._running_since = None

    @property
    def seconds(self) -> float:
        since = self._running_since
        return self._seconds + (time.monotonic() - since if since is not None else 0.0)

    @property
    def seconds_left(self) -> float | None:
        return None if self.budget.seconds is None else self.budget.seconds - self.seconds

    # spending

    @property
    def spent(self) -> Spent:
        with self._lock:
            return Spent(
                steps=self._steps,
                calls=self._calls,
                prompt_tokens=self._prompt,
                completion_tokens=self._completion,
                cost=self._cost,
                seconds=self.seconds,
            )

    def reserve(self, calls: int, usage: Usage) -> Reservation:
        """Holds what a request will take at least; raises `BudgetExceededError` and holds nothing if it does not fit."""
        with self._lock:
            wanted = Reservation(calls=calls, tokens=usage.tokens, cost=usage.cost or 0.0)
            self._refuse("calls", self._calls + self._held_calls, calls, self.budget.calls)
            self._refuse("tokens", self._prompt + self._completion + self._held_tokens, wanted.tokens, self.budget.tokens)
            self._refuse("cost", self._cost + self._held_cost, wanted.cost, self.budget.cost)
            self._hold(wanted, +1)
        return wanted

    def settle(self, reservation: Reservation, usage: Usage) -> None:
        """Replaces what was held by what was really used."""
        with self._lock:
            self._hold(reservation, -1)
            self._calls += reservation.calls
            self._prompt += usage.prompt_tokens
            self._completion += usage.completion_tokens
            self._cost += usage.cost or 0.0
        self._warn_of_near_limits()

    def release(self, reservation: Reservation) -> None:
        """Gives back what was held for a request that was never sent."""
        with self._lock:
            self._hold(reservation, -1)

    def count_step(self) -> None:
        with self._lock:
            self._steps += 1

    def used(self) -> dict[str, tuple[float, float]]:
        """What is used of each limit that there is, and the limit; but for steps, which each run counts for itself."""
        spent = self.spent
        limits = {name: getattr(self.budget, name) for name in ("calls", "tokens", "cost", "seconds")}
        return {name: (getattr(spent, name), limit) for name, limit in limits.items() if limit is not None}

    def change(self, budget: Budget) -> None:
        """Sets other limits from here on; what was said of the old ones is forgotten."""
        with self._lock:
            self.budget = budget
            self._exhausted.clear()
            self._warned.clear()

    def met(self) -> str | None:
        """The name of a limit that is crossed now, or None."""
        spent = self.spent
        for name, used in (("tokens", spent.tokens), ("cost", spent.cost), ("seconds", spent.seconds)):
            limit = getattr(self.budget, name)
            if limit is not None and used >= limit:
                return name
        return None

    def exhausted(self) -> str | None:
        """The name of a limit that is crossed, or that has left a request nothing at all, or None."""
        return self.met() or (self._exhausted[0] if self._exhausted else None)

    def _hold(self, reservation: Reservation, sign: int) -> None:
        self._held_calls += sign * reservation.calls
        self._held_tokens += sign * reservation.tokens
        self._held_cost += sign * reservation.cost

    def _refuse(self, name: str, used: float, wanted: float, limit: float | None) -> None:
        if limit is None or wanted == 0 or used + wanted <= limit:
            return
        if used >= limit:
            self._exhausted.append(name)
        what = "USD" if name == "cost" else name
        left = max(limit - used, 0)
        raise BudgetExceededError(
            f"The run's limit of {limit:,} {what} leaves {left:,}, and {wanted:,} are wanted; ask for fewer, or raise the limit.",
            limit=name,
        )

    def _warn_of_near_limits(self) -> None:
        spent = self.spent
        for name in ("calls", "tokens", "cost"):
            self.warn_of(name, getattr(spent, name))

    def warn_of(self, name: str, used: float) -> None:
        """Tells once that a limit comes near: of steps the run in question knows how many it has used."""
        limit = getattr(self.budget, name)
        if limit is not None and used >= WARN_FROM * limit and name not in self._warned:
            self._warned.add(name)
            self._warn(name, used, limit)
