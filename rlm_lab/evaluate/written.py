"""A root model that is a program: it replies with one written block, and costs nothing.

So that a baseline is a run like any other: its calls are logged, limited and shown as those of a run whose code a model wrote.
"""

from __future__ import annotations

from collections.abc import Callable

from rlm_lab.errors import ModelError
from rlm_lab.models.base import Reply, Request, Usage


class Written:
    """Replies with a block of code once; asked again, it has nothing to add, as its block has failed.

    >>> Written("direct", "FINAL(1)").name
    'direct (a program)'
    """

    context_window = 1_000_000_000
    max_concurrency = 1

    def __init__(self, method: str, block: str) -> None:
        self.name = f"{method} (a program)"
        self._block = block
        self._asked = False

    def estimate(self, request: Request) -> Usage:
        """Nothing: nobody is asked."""
        return Usage(cost=0.0)

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        """The block. Raises `ModelError` the second time."""
        if self._asked:
            raise ModelError(f"The program did not come to an answer. {' '.join(request.messages[-1].content.split())[:300]}")
        self._asked = True
        return Reply(text=f"```repl\n{self._block}\n```", model=self.name, usage=Usage(cost=0.0))
