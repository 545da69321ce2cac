"""The steps that a run has behind it, as its life needs them to stand again where it stood. Plain values, kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.keeping import Kept
from rlm_lab.engine.observation import BlockReport
from rlm_lab.models.base import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One step that is over: the reply as it was used, what its blocks did, and what the model was told then."""

    reply: str
    reports: tuple[BlockReport, ...]
    said: str
    empty: int  # replies in a row without code and answer, this one included


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a run has behind it: its opening, and its steps up to the one before which it stands."""

    infos: tuple[ContextInfo, ...]
    opening: tuple[Message, ...]
    steps: tuple[Passed, ...]
    children: int = 0


@dataclass(slots=True)
class Keeper:
    """The variables of one run before the blocks of each step, for the `most` latest steps. Main thread only."""

    most: int
    kept: dict[int, Kept] = field(default_factory=dict)

    def keep(self, step: int, values: Mapping[str, Any], home: str) -> None:
        """Keeps the variables before a step's blocks."""
        if self.most > 0:
            last = next(reversed(self.kept.values()), None)
            self.kept[step] = Kept.take(values, last, home=home)
            while len(self.kept) > self.most:
                del self.kept[next(iter(self.kept))]

    def forget(self, step: int) -> None:
        """Drops what was kept from a step on."""
        for number in [number for number in self.kept if number >= step]:
            del self.kept[number]
