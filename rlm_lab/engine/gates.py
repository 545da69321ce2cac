"""Gates: the places where a run may pause, and what decides whether it does.

States of the gates: *open* (nothing closes), *stepping* (each block, call or line closes), *until* (open up to a goal), beside
them breakpoints, which close on a condition. Main thread only, but that any thread may add and remove breakpoints. Nothing here
pauses: the hub asks, and acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.engine.conditions import Condition, parse_condition
from rlm_lab.errors import UsageError

STEPS = {"blocks": {"block"}, "calls": {"block", "call"}}
GOALS = ("error", "answer")  # beside `step N`


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """An action: a place that a run comes to. `kind` is block, call, output, error or final; `facts` are what is known there."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Breakpoint:
    """A condition that closes a gate. `hits` counts how often it did."""

    condition: Condition
    hits: int = 0
    was_met: bool = False

    def closes(self, facts: Mapping[str, Any]) -> bool:
        met = self.condition.holds(facts)
        closes = met and (self.condition.is_momentary or not self.was_met)
        self.was_met = met
        self.hits += closes
        return closes


class Gates:
    """The gates of one tree of runs."""

    def __init__(self, *, step: bool = False, breakpoints: tuple[str, ...] = ()) -> None:
        self.stepping: str | None = "blocks" if step else None
        self.breakpoints: list[Breakpoint] = []
        self._goal: str | None = None
        for text in breakpoints:
            self.add(text)

    @property
    def watching(self) -> bool:
        """Whether any gate could close: while none can, nobody need ask."""
        return self.stepping is not None or self._goal is not None or bool(self.breakpoints)

    def add(self, text: str) -> Breakpoint:
        """Adds a breakpoint; raises `UsageError` for a condition that cannot be read."""
        made = Breakpoint(parse_condition(text))
        self.breakpoints = [*self.breakpoints, made]  # a new list: the run may be looking at the old one
        return made

    def remove(self, number: int | None = None) -> None:
        """Removes a breakpoint by its place in the list, from 1, or all of them."""
        if number is None:
            self.breakpoints = []
        elif 1 <= number <= len(self.breakpoints):
            self.breakpoints = [*self.breakpoints[: number - 1], *self.breakpoints[number:]]
        else:
            raise UsageError(f"There is no breakpoint {number}; there are {len(self.breakpoints)}.")

    def open(self, until: str | None = None) -> None:
        """Lets the run go on: to its end, or up to `step N`, `error` or `answer`."""
        goal = None if until is None else " ".join(until.split()).lower()
        if goal is not None and goal not in GOALS and not _is_step(goal):
            raise UsageError(f"A run cannot go on until {until!r}; give step N, error or answer.")
        self.stepping, self._goal = None, goal

    def step(self, into: str = "blocks") -> None:
        """Lets the run go on to the next block, or with `calls` to the next call or block."""
        if into not in STEPS:
            raise UsageError(f"A run cannot be stepped into {into!r}; give {' or '.join(STEPS)}.")
        self.stepping, self._goal = into, None

    def closes(self, gate: Gate) -> str | None:
        """Why the run is to pause here, None if it is not."""
        hit = next((point for point in [point for point in self.breakpoints if point.closes(gate.facts)]), None)
        if self.stepping is not None and gate.kind in STEPS[self.stepping]:
            return f"before the {gate.kind}"
        if self._goal is not None and self._reached(gate):
            self._goal = None
            return f"reached: {gate.kind}"
        return None if hit is None else f"breakpoint {hit.condition.text}"

    def _reached(self, gate: Gate) -> bool:
        if self._goal == "error":
            return gate.kind == "error"
        if self._goal == "answer":
            return gate.kind == "final"
        assert self._goal is not None
        return gate.kind == "block" and gate.facts.get("depth", 0) == 0 and gate.facts["step"] >= int(self._goal.split()[1])


def _is_step(goal: str) -> bool:
    words = goal.split()
    return len(words) == 2 and words[0] == "step" and words[1].isdigit()
