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
    """The variables of one run before the blocks of each step, for the `most` latest steps and the first. Main thread only.

    Older steps are forgotten, too, where what is held for them takes more than `most_bytes` by estimate.
    """

    most: int
    most_bytes: int = 1_000_000_000
    kept: dict[int, Kept] = field(default_factory=dict)
    _fresh: dict[int, int] = field(default_factory=dict)

    def keep(self, step: int, values: Mapping[str, Any], home: str) -> None:
        """Keeps the variables before a step's blocks."""
        if self.most <= 0:
            return
        last = next(reversed(self.kept.values()), None)
        self.kept[step] = Kept.take(values, last, home=home)
        self._fresh[step] = 0 if last is None else self.kept[step].fresh_bytes(last)
        while len(self.kept) > self.most or (len(self.kept) > 2 and sum(self._fresh.values()) > self.most_bytes):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """The first step stays where two can be kept: what is rebuilt begins there."""
        steps = list(self.kept)
        oldest = steps[min(1, len(steps) - 2)] if self.most > 1 else steps[0]
        del self.kept[oldest]
        del self._fresh[oldest]

    def forget(self, step: int) -> None:
        """Drops what was kept from a step on."""
        for number in [number for number in self.kept if number >= step]:
            del self.kept[number]
            del self._fresh[number]
