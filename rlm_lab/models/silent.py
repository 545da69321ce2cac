"""Models that are never to be asked: one stands for another while a recorded run is played again, one for none at all.

It opens nothing and is safe to use from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rlm_lab.errors import ModelError
from rlm_lab.models.base import Reply, Request, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentModel:
    """Has the name of a model, and refuses every request with a `ModelError`.

    >>> SilentModel(name="gpt-4.1").name
    'gpt-4.1'
    """

    name: str
    context_window: int = 10_000_000
    max_concurrency: int = 128

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        raise ModelError(f"The record has no reply of {self.name} for this, and no model is asked while a run is played again.")

    def estimate(self, request: Request) -> Usage:
        return Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoModel:
    """As a sub-model it says that a run has none: its root model is told so, and `llm_query` is an error in the block."""

    name: str = "none"
    context_window: int = 10_000_000
    max_concurrency: int = 1

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        raise ModelError("No language model can be asked in this run.")

    def estimate(self, request: Request) -> Usage:
        return Usage()
