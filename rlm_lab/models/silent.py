"""A model that is never to be asked: it stands for another one while a recorded run is played again.

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
