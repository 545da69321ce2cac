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

STEPS = {"blocks": {"block"}, "calls": {"block", "call"}, "lines": {"block", "line"}}
STOPS = {"record": "the record ends here", "difference": "not as recorded"}  # gates that always close, and why
GOALS = ("error", "answer")  # beside `step N`


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """An action: a place that a run comes to. `kind` is a key of `decisions.FITS`; `facts` are what is known there."""

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Breakpoint:
    """A condition that closes a gate. `hits` counts how often it did; `was_met` how many budget lines, for others 0 or 1."""

    condition: Condition
    hits: int = 0
    was_met: int = 0

    def closes(self, facts: Mapping[str, Any]) -> bool:
        budget_line = self.condition.is_budget_line
        met = facts.get("budget_lines", 0) if budget_line else int(self.condition.holds(facts))
        closes = met > (0 if self.condition.is_momentary else self.was_met)
        self.was_met = met
        self.hits += closes
        return closes


class Gates:
    """The gates of one tree of runs."""

    def __init__(self, *, step: bool = False, breakpoints: tuple[str, ...] = ()) -> None:
        self.stepping: str | None = "blocks" if step else None
        self.breakpoints: list[Breakpoint] = []
        self._goal: str | None = None
        self._requests: int | None = None  # that are still let pass before one closes
        for text in breakpoints:
            self.add(text)

    @property
    def watching(self) -> bool:
        """Whether any gate could close: while none can, nobody need ask."""
        return self.stepping is not None or self._goal is not None or self._requests is not None or bool(self.breakpoints)

    @property
    def watches_budget(self) -> bool:
        """Whether a breakpoint speaks of the budget: only then are its lines gates of their own."""
        return any("budget" in point.condition.names for point in self.breakpoints)

    @property
    def watches_lines(self) -> bool:
        """Whether a gate could close at a line: only then are line events worth their cost."""
        return self.stepping == "lines" or any(point.condition.is_of_lines for point in self.breakpoints)

    def may_close_at(self, place: Mapping[str, Any]) -> bool:
        """Whether a breakpoint could close the gate of a line, as far as the facts of the place tell."""
        return any(point.condition.is_of_lines and point.condition.may_hold(place) for point in self.breakpoints)

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
        self.stepping, self._goal, self._requests = None, goal, None

    def step(self, into: str = "blocks") -> None:
        """Lets the run go on to the next block, with `calls` to the next call or block, with `lines` to the next line or block."""
        if into not in STEPS:
            raise UsageError(f"A run cannot be stepped into {into!r}; give {', '.join(list(STEPS)[:-1])} or {list(STEPS)[-1]}.")
        self.stepping, self._goal, self._requests = into, None, None

    def stop_at_request(self, number: int) -> None:
        """Lets the run go on to its next request of this number, counted from 1: a call or a batch."""
        self.stepping, self._goal, self._requests = None, None, number - 1

    def closes(self, gate: Gate) -> str | None:
        """Why the run is to pause here, None if it is not."""
        if gate.kind in STOPS:
            return STOPS[gate.kind]
        hit = next(iter([point for point in self.breakpoints if _looks_at(point, gate) and point.closes(gate.facts)]), None)
        if self.stepping is not None and gate.kind in STEPS[self.stepping]:
            return f"before the {gate.kind}"
        if self._requests is not None and gate.kind == "call":
            self._requests -= 1
            if self._requests < 0:
                self._requests = None
                return "before the call"
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


def _looks_at(point: Breakpoint, gate: Gate) -> bool:
    """Whether a breakpoint has a say at a gate: lines, budget lines and replies are places for those that name them."""
    if gate.kind in {"budget", "reply"}:
        return gate.kind in point.condition.names
    return gate.kind == "line" or not point.condition.is_of_lines


def _is_step(goal: str) -> bool:
    words = goal.split()
    return len(words) == 2 and words[0] == "step" and words[1].isdigit()
