"""A run as a lesson tells it: what each step does, what was shown and read, where the answer first stood. Any thread."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.deeds import Deed
from rlm_lab.analysis.deeds_of_steps import deeds_of
from rlm_lab.analysis.lesson_facts import Datum, characters_read, characters_shown, data_of
from rlm_lab.analysis.retyped import stands_in
from rlm_lab.trajectory.tree import Step, Trajectory

_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # the commas within a figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A run as it is told: its data, and what each step does."""

    trajectory: Trajectory
    data: tuple[Datum, ...]
    deeds: tuple[tuple[Deed, ...], ...]
    acts: tuple[str, ...]
    read: tuple[int | None, ...]  # characters that the model was given anew before each step
    shown: tuple[int, ...]  # characters that each step showed
    doing: Mapping[str, tuple[int, ...]]  # for each act the steps that do it
    answered_at: int | None = None  # the first step whose output holds the answer
    absent: frozenset[str] = field(default_factory=frozenset)

    def step(self, at: int) -> Step:
        return self.trajectory.steps[at]

    def repeats(self, at: int) -> bool:
        """Whether a step runs the very code of the one before."""
        codes = [[block.code.strip() for block in self.step(place).blocks] for place in (at - 1, at)] if at else [[], []]
        return bool(codes[1]) and codes[0] == codes[1]

    def next(self, at: int) -> Step | None:
        return self.trajectory.steps[at + 1] if at + 1 < len(self.trajectory.steps) else None


def story_of(trajectory: Trajectory) -> Story:
    """Reads each step once."""
    data = data_of(trajectory)
    units = {datum.name: datum.unit or "items" for datum in data}
    acts = tuple(act_of(step).word for step in trajectory.steps)
    return Story(
        trajectory=trajectory,
        data=data,
        deeds=tuple(deeds_of(step, units, calls="calls" not in trajectory.absent) for step in trajectory.steps),
        acts=acts,
        doing={act: tuple(at for at, word in enumerate(acts) if word == act) for act in set(acts)},
        read=tuple(characters_read(step) for step in trajectory.steps),
        shown=tuple(characters_shown(step) for step in trajectory.steps),
        answered_at=_first_with_answer(trajectory),
        absent=trajectory.absent,
    )


def _first_with_answer(trajectory: Trajectory) -> int | None:
    """The place of the first step whose output has the run's answer, word for word."""
    answer = trajectory.answer_text.strip()
    if not 1 <= len(answer) <= 2_000:
        return None
    outputs = ((at, part.text) for at, step in enumerate(trajectory.steps) for block in step.blocks for part in block.outputs)
    return next((at for at, text in outputs if _holds(text, answer)), None)


def _holds(text: str, answer: str) -> bool:
    """Whether the answer stands in the text by itself, not as a part of a longer word or figure; `1,234` is one figure."""
    return stands_in(_GROUPS.sub("", answer), _GROUPS.sub("", text))


def error_of(step: Step) -> str:
    """The error of a step's code, in one line; nothing where there is none."""
    for block in step.blocks:
        if block.error is not None:
            kind, message = block.error.get("type") or "Error", block.error.get("message") or ""
            return clipped(f"{kind}: {message}".rstrip(": "), 200)
    return ""
