"""The messages between a run and its root model, kept within the model's window.

Pure data; the engine says, and asks for the next request. When the window is nearly full the oldest exchanges after the
opening are left out, and the model is told how many.
"""

from __future__ import annotations

from collections.abc import Sequence

from rlm_lab.models.base import Message, Request, Role, estimate_tokens

SHARE = 0.75  # of the window that prompts may take by estimate; the rest is for the reply and the estimate's error
SLACK = 0.5  # to which share of that a prompt is cut, so that the cut is not made anew at each step and caches keep


class Conversation:
    """An opening that always stays, and what was said since. `dropped` counts messages that are left out now.

    `window` is the model's, and changes with it.
    """

    def __init__(self, opening: Sequence[Message], *, window: int) -> None:
        self._opening = tuple(opening)
        self._said: list[Message] = []
        self.window = window
        self._new: list[Message] = list(opening)
        self.dropped = 0

    def say(self, role: Role, text: str) -> None:
        message = Message(role=role, content=text)
        self._said.append(message)
        self._new.append(message)

    def amend(self, before: str, after: str) -> None:
        """Puts code that a person has edited into the last message, so that what the model reads is what ran."""
        if before == after:
            return
        last = self._said[-1]
        text = last.content.replace(before, after, 1) if before in last.content else f"```repl\n{after}\n```"
        self._said[-1] = Message(role=last.role, content=text)
        if self._new and self._new[-1] is last:
            self._new[-1] = self._said[-1]

    @property
    def last(self) -> str:
        """What was said last."""
        return self._said[-1].content

    def take_new(self) -> list[Message]:
        """The messages since the last call."""
        new, self._new = self._new, []
        return new

    def request(self, *, temperature: float | None, max_tokens: int | None, seconds: float, retries: int) -> Request:
        """The next request: the opening, a word about what was dropped, and the latest messages that fit."""
        self._fit()
        kept = list(self._said[self.dropped :])
        if self.dropped:
            note = f"[{self.dropped} earlier messages were left out here; variables they made are still there]\n\n"
            first = kept[0]
            kept[0] = Message(role=first.role, content=note + first.content)
        return Request(
            messages=(*self._opening, *kept), temperature=temperature, max_tokens=max_tokens, seconds=seconds, retries=retries
        )

    def _fit(self) -> None:
        room = self.window * SHARE - sum(estimate_tokens(message.content) for message in self._opening)
        if self._size() <= room:
            return
        while len(self._said) - self.dropped > 2 and self._size() > room * SLACK:
            self.dropped += 2 if self._said[self.dropped].role == "assistant" else 1

    def _size(self) -> int:
        return sum(estimate_tokens(message.content) for message in self._said[self.dropped :])
