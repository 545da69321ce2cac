"""Prompt profiles: how a run speaks to its root model, chosen by the model and kept in files of text.

A profile's file has parts that begin with a line `=== role`: the messages before the first reply, in order, with the
placeholders `$question`, `$contexts` and `$tools` (string.Template), and after `=== parameters` lines of `name: number`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template

from rlm_lab.engine.observation import StandardVoice, Voice
from rlm_lab.engine.small_voice import SmallVoice
from rlm_lab.errors import ConfigError
from rlm_lab.models.base import Message, Model, Role

NAMES = ("standard", "small")
_SMALL = re.compile(r"(?<![\d.])(0\.5|0\.6|1|1\.1|1\.5|1\.7|2|3|4)b\b|^local", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How to speak to a model: the opening's messages, temperatures, and the longest reply in tokens."""

    name: str
    voice: Voice
    opening: tuple[Message, ...]
    temperature: float | None = None
    retry_temperature: float | None = None  # after a block was repeated
    max_tokens: int | None = None
    modules: tuple[str, ...] = ()  # of the standard library, there in each block without an import

    def open(self, *, question: str, contexts: str, tools: str) -> tuple[Message, ...]:
        """The messages before the first reply."""
        fields = {"question": question, "contexts": contexts, "tools": tools}
        return tuple(
            Message(role=message.role, content=Template(message.content).safe_substitute(fields)) for message in self.opening
        )


def choose_profile(name: str, model: Model) -> Profile:
    """The profile of this name; `auto` takes `small` for models of up to about 4 billion parameters, by their names."""
    if name == "auto":
        name = "small" if _SMALL.search(model.name) else "standard"
    if name not in NAMES:
        raise ConfigError(f"There is no prompt profile {name!r}; there are auto, {', '.join(NAMES)}.")
    return _load(name)


@cache
def _load(name: str) -> Profile:
    text = resources.files("rlm_lab.engine").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    messages: list[Message] = []
    numbers: dict[str, float] = {}
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        if title.strip() == "parameters":
            numbers = {key.strip(): float(value) for key, value in (line.split(":") for line in body.strip().splitlines())}
        else:
            messages.append(Message(role=_role(title.strip()), content=body.strip()))
    longest = numbers.get("max_tokens")
    return Profile(
        name=name,
        voice=SmallVoice() if name == "small" else StandardVoice(),
        modules=("re", "json", "math") if name == "small" else (),
        opening=tuple(messages),
        temperature=numbers.get("temperature"),
        retry_temperature=numbers.get("retry_temperature"),
        max_tokens=None if longest is None else int(longest),
    )


def _role(title: str) -> Role:
    return "system" if title == "system" else "assistant" if title == "assistant" else "user"
