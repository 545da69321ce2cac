"""The bars of a run's timeline: steps, code, calls in lanes, child runs, tokens and cost over time; made of a feed's nodes.

Time spent waiting for a person takes no width. A pure fold of deltas, shared by all viewers of a run; the dashboard's loop owns it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.views.feed import Feed

MOST_LANES = 16  # of calls; more at once share the last
STEP_LANE, CODE_LANE, CHILD_LANE, FIRST_LANE = 0.0, 0.0, 1.0, 1.8  # heights of rows, from the top
CALL_HEIGHT = 0.36  # of a lane of calls
Node = dict[str, Any]


@dataclass(slots=True)
class Bar:
    """A bar from `left` to `right` seconds; one that is still under way has `open`."""

    id: str
    kind: str  # think, code, call, retried, failed, child
    left: float
    right: float
    lane: float
    label: str
    open: bool = True


@dataclass(slots=True)
class Lanes:
    """`bars` only grow in number; `version` counts the looks that brought news, `changes` has that of each bar's last change."""

    feed: Feed
    bars: list[Bar] = field(default_factory=list)
    changes: dict[int, int] = field(default_factory=dict)
    version: int = 0
    over: bool = False
    tokens: list[tuple[float, int]] = field(default_factory=list)
    cost: list[tuple[float, float]] = field(default_factory=list)
    acts: list[tuple[float, str]] = field(default_factory=list)  # where a person acted
    steps: list[tuple[float, str]] = field(default_factory=list)  # when each step of the run began, and its number
    children: bool = False  # whether there are child runs
    now: float = 0.0
    _seq: int = 0
    _origin: float = 0.0  # when the run began
    _nodes: dict[str, Node] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _pauses: list[tuple[float, float, float]] = field(default_factory=list)  # begin, end, and seconds held up to its begin
    _stands: float | None = None  # since when the run is paused, while it is
    _until: list[float] = field(default_factory=list)  # when each lane of calls is free again
    _lane_of: dict[str, int] = field(default_factory=dict)
    _paid: dict[str, float] = field(default_factory=dict)
    _payments: list[tuple[float, float]] = field(default_factory=list)

    def take(self) -> None:
        """Folds in what is new in the feed."""
        message = self.feed.since(self._seq)
        if message is not None:
            self._seq = message["seq"]
            self.version += 1
            self._fold(message["nodes"])

    def _fold(self, nodes: Iterable[Node]) -> None:
        fresh = []
        for node in nodes:
            known = self._nodes.setdefault(node["id"], {})
            known.update({name: value for name, value in node.items() if name in _KEPT})
            fresh.append(known)
        for known in fresh:
            if known.get("kind") == "pause":
                self._pause(known)
        if any(known.get("kind") == "run" and known.get("parent") is None and known.get("status") != "paused" for known in fresh):
            self._stands = None
        for known in fresh:
            handler = _HANDLERS.get(known.get("kind", ""))
            if handler is not None:
                handler(self, known)
        self._add_up()

    @property
    def lanes(self) -> int:
        """How many lanes the calls take."""
        return len(self._until)

    def place_of(self, node: str) -> int | None:
        """The place of a node's bar."""
        return self._places.get(node)

    def at(self, t: float | None) -> float:
        """Seconds since the run began, without what was spent waiting for a person."""
        t = t or 0.0
        t = t if self._stands is None else min(t, self._stands)
        place = bisect_right(self._pauses, (t, math.inf, math.inf))
        if place:
            begin, end, held = self._pauses[place - 1]
            t = begin - held if t < end else t - held - (end - begin)
        since = max(t - self._origin, 0.0)
        self.now = max(self.now, since)
        return since

    def _pause(self, node: Node) -> None:
        begin, end = node.get("t") or 0.0, node.get("end")
        self._stands = begin if end is None else None
        if end is None or node.get("counted"):
            return
        node["counted"] = True
        last, until, held = self._pauses[-1] if self._pauses else (0.0, 0.0, 0.0)
        begin = max(begin, until)
        self._pauses.append((begin, max(begin, end), held + until - last))

    def _act(self, node: Node) -> None:
        if not node.get("shown"):
            node["shown"] = True
            self.acts.append((self.at(node.get("t")), str(node.get("reason") or node.get("what") or "")))

    def _step(self, node: Node) -> None:
        if self._is_of_root(node):
            end = node.get("replied")
            if node["id"] not in self._places:
                self.steps.append((self.at(node.get("t")), str(node.get("number"))))
            self._bar(node, "think", STEP_LANE, end, f"step {node.get('number')}: the root model thinks")
            if node.get("tokens_in") and not node.get("drawn"):
                node["drawn"] = True
                self.tokens.append((self.at(node.get("t")), int(node["tokens_in"])))
        self._pay(node, node.get("replied"))

    def _block(self, node: Node) -> None:
        parent = self._nodes.get(str(node.get("parent")), {})
        if self._is_of_root(parent):
            self._bar(node, "code", CODE_LANE, node.get("end"), f"step {parent.get('number')}: code")

    def _call(self, node: Node) -> None:
        kind = "failed" if node.get("status") == "failed" else "retried" if node.get("retries") else "call"
        lane = self._lane(node)
        label = f"call {node.get('number')}, {node.get('model') or '?'}, {node.get('status')}"
        self._bar(node, kind, lane, node.get("end"), label)
        self._pay(node, node.get("end"))

    def _child(self, node: Node) -> None:
        if node.get("parent") is None:
            self.over, self._origin = node.get("end") is not None, node.get("t") or 0.0
        else:
            self.children = True
            self._bar(node, "child", CHILD_LANE, node.get("end"), f"child run {node.get('name')}")

    def _lane(self, node: Node) -> float:
        """The lowest lane that is free when the call begins; the last one where none is."""
        key, end = node["id"], node.get("end")
        begin = self.at(node.get("t"))
        if key not in self._lane_of:
            free = (lane for lane, until in enumerate(self._until) if until <= begin)
            lane = next(free, len(self._until) if len(self._until) < MOST_LANES else MOST_LANES - 1)
            self._until += [0.0] * (lane + 1 - len(self._until))
            self._lane_of[key] = lane
        lane = self._lane_of[key]
        self._until[lane] = math.inf if end is None else self.at(end)
        return FIRST_LANE + lane * CALL_HEIGHT

    def _bar(self, node: Node, kind: str, lane: float, end: float | None, label: str) -> None:
        left = self.at(node.get("t"))
        right = self.at(end) if end is not None else left
        bar = Bar(node["id"], kind, left, max(right, left), lane, label, open=end is None)
        place = self._places.setdefault(bar.id, len(self.bars))
        if place == len(self.bars):
            self.bars.append(bar)
        elif self.bars[place] == bar:
            return
        else:
            self.bars[place] = bar
        self.changes[place] = self.version

    def _pay(self, node: Node, t: float | None) -> None:
        if node.get("cost") and t is not None and node["id"] not in self._paid:
            self._paid[node["id"]] = node["cost"]
            self._payments.append((self.at(t), node["cost"]))

    def _add_up(self) -> None:
        """What was paid since the last look, in the order of time: nodes come in the order in which they began."""
        for t, paid in sorted(self._payments):
            last, before = self.cost[-1] if self.cost else (0.0, 0.0)
            self.cost.append((max(t, last), before + paid))
        self._payments.clear()

    def _is_of_root(self, node: Node) -> bool:
        return self._nodes.get(str(node.get("parent")), {}).get("parent", "") is None


_KEPT = frozenset(
    (
        "id",
        "kind",
        "parent",
        "t",
        "end",
        "replied",
        "number",
        "status",
        "retries",
        "cost",
        "tokens_in",
        "name",
        "model",
        "reason",
        "what",
    )
)
_HANDLERS = {
    "step": Lanes._step, "block": Lanes._block, "call": Lanes._call, "run": Lanes._child, "pause": Lanes._act, "edit": Lanes._act,
}  # fmt: skip
