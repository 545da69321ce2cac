"""The hard limit of one run of a sweep: nothing is sent that what was set aside for it will probably not hold.

The engine's own limits ask for a last answer beyond the budget; in a sweep that answer, too, must come out of what was set
aside. What a reply will take is not known before it is there: the largest of the run so far is expected, and until a model has
given its first one it is asked one thing at a time. A root reply, whose length the profile limits, is limited to what is left, too.
So the limit is exceeded only by answers of calls, and by replies that are under way together, where they turn out larger than all
before them; and by as much as a prompt is estimated too small. Any thread; a `Guarded` belongs to one loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

from rlm_lab.config import Budget
from rlm_lab.errors import BudgetExceededError
from rlm_lab.models.base import Model, Reply, Request, Usage

SOFT = 0.85  # share of its tokens and money after which a run is asked for its last answer


class Allowance:
    """What one run may take in all: tokens and US dollars."""

    def __init__(self, budget: Budget) -> None:
        self._limits = {"tokens": budget.tokens, "cost": budget.cost}
        self._used = dict.fromkeys(self._limits, 0.0)
        self._held = dict.fromkeys(self._limits, 0.0)
        self._largest = dict.fromkeys(self._limits, 0.0)
        self._lock = threading.Lock()

    def hold(self, estimate: Usage) -> dict[str, float]:
        """Sets aside what a request will probably take; raises `BudgetExceededError` where it does not fit."""
        with self._lock:
            wanted = {
                "tokens": estimate.prompt_tokens + max(self._largest["tokens"], estimate.completion_tokens),
                "cost": max(self._largest["cost"], estimate.cost or 0.0),
            }
            for name, limit in self._limits.items():
                if limit is not None and self._used[name] + self._held[name] + wanted[name] > limit:
                    raise BudgetExceededError(
                        f"The run's share of the sweep, {limit:,g} {name}, does not hold another reply.", limit=name
                    )
            self._add(self._held, wanted, +1)
            return wanted

    def longest(self, estimate: Usage) -> int | None:
        """How many tokens the reply to a request that is held may have at most; None without a limit of tokens."""
        limit = self._limits["tokens"]
        if limit is None:
            return None
        with self._lock:
            held = max(self._largest["tokens"], estimate.completion_tokens)  # of this request, for its reply
            return max(int(limit - self._used["tokens"] - self._held["tokens"] + held), 1)

    def settle(self, held: dict[str, float], usage: Usage) -> None:
        """Replaces what was set aside by what was used."""
        with self._lock:
            self._add(self._held, held, -1)
            self._add(self._used, {"tokens": usage.tokens, "cost": usage.cost or 0.0}, +1)
            self._largest["tokens"] = max(self._largest["tokens"], usage.completion_tokens)
            self._largest["cost"] = max(self._largest["cost"], usage.cost or 0.0)

    @staticmethod
    def _add(to: dict[str, float], what: dict[str, float], sign: int) -> None:
        for name, value in what.items():
            to[name] += sign * value


class Limited:
    """A model whose replies are limited to what is left of an allowance, where the request limits them at all.

    It stands below what records, so that a recording knows the request as it was made, and plays it within any budget.
    """

    def __init__(self, model: Model, allowance: Allowance) -> None:
        self._model = model
        self._allowance = allowance
        self.name = model.name
        self.max_concurrency = model.max_concurrency

    @property
    def context_window(self) -> int:
        return self._model.context_window

    def estimate(self, request: Request) -> Usage:
        return self._model.estimate(request)

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        longest = self._allowance.longest(self._model.estimate(request))
        if longest is not None and request.max_tokens is not None and longest < request.max_tokens:
            request = replace(request, max_tokens=longest)
        return await self._model.complete(request, on_delta)


class Guarded:
    """A model that is asked only as far as an allowance goes; in everything else it is the model.

    One for replies and one for calls: what a root reply takes says nothing of what a call takes.
    """

    def __init__(self, model: Model, allowance: Allowance) -> None:
        self._model = model
        self._allowance = allowance
        self._first = asyncio.Lock()  # held while the first reply is under way
        self._known = False
        self.name = model.name
        self.max_concurrency = model.max_concurrency

    def __repr__(self) -> str:
        return f"Guarded({self._model!r})"

    @property
    def context_window(self) -> int:
        return self._model.context_window

    @property
    def label(self) -> dict[str, str] | None:
        """Of a model that is played: whose recording, and from when."""
        return getattr(self._model, "label", None)

    def estimate(self, request: Request) -> Usage:
        return self._model.estimate(request)

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        async with self._first:
            if not self._known:
                reply = await self._within(request, on_delta)
                self._known = True
                return reply
        return await self._within(request, on_delta)

    async def _within(self, request: Request, on_delta: Callable[[str], None] | None) -> Reply:
        held, usage = self._allowance.hold(self._model.estimate(request)), Usage()
        try:
            reply = await self._model.complete(request, on_delta)
            usage = reply.usage
        finally:
            self._allowance.settle(held, usage)
        return reply
