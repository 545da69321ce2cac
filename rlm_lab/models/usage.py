"""What a request takes, by a lower bound that needs no tokenizer. Pure functions, for any thread."""

from __future__ import annotations

from rlm_lab.models.base import Request, Usage, estimate_tokens


def estimate_prompt(request: Request) -> int:
    """A lower bound of the prompt's tokens.

    >>> from rlm_lab.models.base import Message
    >>> estimate_prompt(Request(messages=(Message(role="user", content="How many?"),)))
    3
    """
    return sum(estimate_tokens(message.content) for message in request.messages)


def estimate_usage(request: Request, text: str, *, cost: float | None = None) -> Usage:
    """The usage of a reply `text` to `request` where the endpoint does not tell it."""
    return Usage(prompt_tokens=estimate_prompt(request), completion_tokens=estimate_tokens(text), cost=cost)
