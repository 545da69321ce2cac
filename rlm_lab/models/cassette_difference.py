"""What was asked of a recorded model, and where it differs from what is asked now. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.models.base import Message, Request

_SHOWN = 40  # characters of either text around a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All of a request that decides which recorded reply is its own."""

    model: str
    messages: tuple[Message, ...]
    temperature: float | None
    max_tokens: int | None
    stop: tuple[str, ...]

    @classmethod
    def of(cls, model: str, request: Request) -> Question:
        """What `request` asks of the model that is called `model`."""
        return cls(
            model=model,
            messages=request.messages,
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            stop=request.stop,
        )

    @classmethod
    def decode(cls, line: Mapping[str, Any], messages: tuple[Message, ...]) -> Question:
        """The question that `parameters` wrote."""
        names = ("model", "temperature", "max_tokens")
        return cls(**{name: line[name] for name in names}, stop=tuple(line["stop"]), messages=messages)

    def parameters(self) -> dict[str, Any]:
        """All but the messages, as JSON."""
        stop = list(self.stop)
        return {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens, "stop": stop}

    def last_text(self) -> str:
        """The start of the last message, to name the question by."""
        text = self.messages[-1].content if self.messages else ""
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def difference(asked: Question, recorded: Iterable[Question]) -> str:
    """The first difference between `asked` and the recorded question that is closest to it, in one line."""
    same_model = [question for question in recorded if question.model == asked.model]
    if not same_model:
        return f"it holds no replies of model {asked.model!r}"
    closest = max(same_model, key=lambda question: _likeness(asked, question))
    for number, (old, new) in enumerate(zip(closest.messages, asked.messages, strict=False), start=1):
        if old != new:
            return _between(number, old, new)
    if len(closest.messages) != len(asked.messages):
        return f"recorded {len(closest.messages)} messages, asked with {len(asked.messages)}"
    for name, old_value in closest.parameters().items():
        if (new_value := asked.parameters()[name]) != old_value:
            return f"{name} was {old_value!r} when recorded and is {new_value!r} now"
    return "it is the same"


def ordinal(number: int) -> str:
    """1 as 1st.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 22)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd']
    """
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _likeness(asked: Question, recorded: Question) -> tuple[int, int, int]:
    same = 0
    for old, new in zip(recorded.messages, asked.messages, strict=False):
        if old != new:
            return same, _common(old.content, new.content), 0
        same += 1
    alike = sum(asked.parameters()[name] == value for name, value in recorded.parameters().items())
    return same, -abs(len(recorded.messages) - len(asked.messages)), alike


def _between(number: int, old: Message, new: Message) -> str:
    if old.role != new.role:
        return f"message {number} was of {old.role} when recorded and is of {new.role} now"
    at = _common(old.content, new.content)
    start = max(0, at - _SHOWN // 2)
    was, now = old.content[start : at + _SHOWN // 2], new.content[start : at + _SHOWN // 2]
    return f"message {number} ({old.role}) differs at character {at + 1}: recorded {was!r}, asked {now!r}"


def _common(one: str, other: str) -> int:
    return len(os.path.commonprefix([one, other]))  # noqa: RUF071 - texts, not paths
