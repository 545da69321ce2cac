"""One request to a model and what came of it, whether a root reply or a call: the same limits, the same facts in the log.

Runs on the model loop's thread. Knows no log and no ledger: `traffic` gives it a request and is told how it ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlm_lab.errors import BudgetExceededError, ModelError
from rlm_lab.models.base import Model, Reply, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a request ended; `sent` is whether the model has seen it, `kind` names an error as the log does."""

    outcome: Reply | Exception
    kind: str
    seconds: float
    sent: bool

    @property
    def facts(self) -> dict[str, Any]:
        """The fields that the events of calls and of replies have in common."""
        if not isinstance(self.outcome, Reply):
            retries = self.outcome.retries if isinstance(self.outcome, ModelError) else 0
            return {"error": str(self.outcome), "kind": self.kind, "seconds": self.seconds, "retries": retries}
        reply = self.outcome
        return {
            "model": reply.model,
            "prompt_tokens": reply.usage.prompt_tokens,
            "completion_tokens": reply.usage.completion_tokens,
            "cost": reply.usage.cost,
            "seconds": reply.seconds,
            "retries": reply.retries,
        }


class Places:
    """How many requests of each model are in flight at once: at most its `max_concurrency`, replies and calls together."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[Model, asyncio.Semaphore]] = {}  # with the model: the id of one that is gone is given again

    def of(self, model: Model) -> asyncio.Semaphore:
        known = self._places.get(id(model))
        if known is None:
            known = self._places[id(model)] = (model, asyncio.Semaphore(model.max_concurrency))
        return known[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that is to be made: `check` is asked just before it is sent, and may raise; `what` it is, call or request."""

    model: Model
    request: Request
    places: Places
    check: Callable[[], None]
    what: str
    tell: Callable[[str], None] | None = None

    async def run(self, finish: Callable[[Ended], None]) -> None:
        """Makes the request; `finish` is called once, also where this is cancelled."""
        began, sent, kind = time.monotonic(), False, "cancelled"
        outcome: Reply | Exception = ModelError(f"The {self.what} was cancelled.")
        try:
            async with self.places.of(self.model):
                self.check()
                sent = True
                outcome = _checked(self.model, await self.model.complete(self.request, self.tell))
        except (ModelError, BudgetExceededError) as error:
            outcome, kind = error, type(error).__name__
        except Exception as error:  # noqa: BLE001 - a model object may be foreign code
            kind = type(error).__name__
            outcome = ModelError(f"The model {self.model.name!r} failed with {kind}: {error}")
        finally:
            finish(Ended(outcome=outcome, kind=kind, seconds=time.monotonic() - began, sent=sent))


def _checked(model: Model, reply: object) -> Reply:
    """A model object may be the user's own, and give anything."""
    if not isinstance(reply, Reply):
        raise ModelError(f"The model {model.name!r} gave {type(reply).__name__} instead of a Reply; let `complete` return one.")
    return reply
