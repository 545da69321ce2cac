"""A model that answers from a script: for tests, lessons, and anyone who wants a run without a network.

It opens nothing and is safe to use from several threads; a script that is a function runs where `complete` is awaited,
in a run on the model loop's thread, and should return soon.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rlm_lab.errors import ModelError
from rlm_lab.models.base import Message, Reply, Request, Usage
from rlm_lab.models.usage import estimate_prompt, estimate_usage

Answer = str | Reply | ModelError
Script = Sequence[Answer] | Callable[[tuple[Message, ...]], Answer]
_DELTAS = 4  # pieces that a streamed reply comes in


class ScriptedModel:
    """A model whose replies are given beforehand. It serves as root or as sub model.

    Parameters
    ----------
    replies: texts, given out in order; or a function from the messages to a text. Either may also give a whole `Reply`, or
        a `ModelError`, which is raised. A function may raise; a `ModelError` passes through, anything else becomes one.
    name: what the model is called in logs.
    latency: seconds that each reply takes.
    context_window: in tokens.
    max_concurrency: requests answered at once; more wait.

    `requests` holds what was asked, in order. `complete` raises `ModelError` when the texts are used up.

    >>> model = ScriptedModel(["Forty-two."])
    >>> reply = asyncio.run(model.complete(Request(messages=(Message(role="user", content="How many?"),))))
    >>> reply.text, reply.usage.tokens, len(model.requests)
    ('Forty-two.', 6, 1)
    """

    def __init__(
        self,
        replies: Script,
        *,
        name: str = "scripted",
        latency: float = 0.0,
        context_window: int = 32_000,
        max_concurrency: int = 128,
    ) -> None:
        self.name = name
        self.latency = latency
        self.context_window = context_window
        self.max_concurrency = max_concurrency
        self.requests: list[Request] = []
        self._replies = replies if callable(replies) else tuple(replies)
        self._given = 0
        self._lock = threading.Lock()
        self._places = asyncio.Semaphore(max_concurrency)

    def __repr__(self) -> str:
        kind = "a function" if callable(self._replies) else f"{len(self._replies)} replies"
        return f"ScriptedModel({kind}, name={self.name!r})"

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        """The script's next reply, after `latency`; in a few pieces where `on_delta` is given."""
        began = time.perf_counter()
        async with self._places:
            answer = self._answer(request)
            if self.latency:
                await asyncio.sleep(self.latency)
            if isinstance(answer, ModelError):
                raise answer
            reply = answer if isinstance(answer, Reply) else self._reply(request, answer)
            if on_delta is not None:
                stream_text(reply.text, on_delta)
            return replace(reply, seconds=time.perf_counter() - began)

    def estimate(self, request: Request) -> Usage:
        """The prompt's tokens and one of the reply; a script costs nothing."""
        return Usage(prompt_tokens=estimate_prompt(request), completion_tokens=1, cost=0.0)

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            if not callable(self._replies):
                return self._next()
        try:
            return self._replies(request.messages)
        except ModelError:
            raise
        except Exception as error:  # the user's own function
            raise ModelError(f"The script of model {self.name!r} raised {type(error).__name__}: {error}") from error

    def _next(self) -> Answer:
        assert not callable(self._replies)
        self._given += 1
        if self._given > len(self._replies):
            raise ModelError(
                f"Model {self.name!r} has {len(self._replies)} scripted replies and was asked for reply {self._given};"
                " give it more, or a function."
            )
        return self._replies[self._given - 1]

    def _reply(self, request: Request, text: object) -> Reply:
        if not isinstance(text, str):
            raise ModelError(f"The script of model {self.name!r} gave {type(text).__name__}; let it give a text or a Reply.")
        return Reply(text=text, model=self.name, usage=estimate_usage(request, text, cost=0.0))


def stream_text(text: str, on_delta: Callable[[str], None]) -> None:
    """Give a whole text out in a few pieces."""
    size = max(1, -(-len(text) // _DELTAS))
    for start in range(0, len(text), size):
        on_delta(text[start : start + size])
