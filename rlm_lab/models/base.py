"""What the engine knows of a model: plain values and one Protocol.

Nothing here touches the network. A model's `complete` runs on the model loop's thread (`models.loop`), never on the
main thread; `estimate` is called from any thread and must return at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a request took: tokens, and US dollars where the price is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat completion to be made; `seconds` limits each try, `retries` is how many further tries are allowed.

    `temperature` and `max_tokens` of `None` leave the choice to the model.
    """

    messages: tuple[Message, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seconds: float = 600.0
    retries: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A model's reply. `model` is the name that the endpoint gave; `retries` counts failed tries before it."""

    text: str
    model: str
    usage: Usage = Usage()
    seconds: float = 0.0
    retries: int = 0
    finish_reason: str = "stop"


@runtime_checkable
class Model(Protocol):
    """Anything that answers chats: LiteLLM, a script, a cassette.

    `complete` raises a `ModelError`; `on_delta` gets each piece of text as it comes, on the loop's thread.
    `estimate` says what a request will take at least, for the budget, before it is sent.
    `context_window` is in tokens.
    """

    @property
    def name(self) -> str: ...
    @property
    def context_window(self) -> int: ...
    @property
    def max_concurrency(self) -> int: ...
    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply: ...
    def estimate(self, request: Request) -> Usage: ...


def estimate_tokens(text: str) -> int:
    """A lower bound of a text's tokens without a tokenizer: one for every 4 characters."""
    return len(text) // 4 + 1
