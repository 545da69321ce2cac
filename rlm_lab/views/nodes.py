"""Flat nodes with the number of their last change, so that each viewer can be told what is new to it.

A node is a small JSON object: `id`, `kind`, `parent`, `order` and its fields. Long texts are cut; the whole text stays here, to be
asked for. Nothing here knows what the nodes mean, or locks: `feed.Feed` does both.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.views.clean import plain

Fields = dict[str, Any]
SEARCHED = ("question", "reasoning", "reply_error", "code", "prompt", "answer", "text", "error", "after")


@dataclass(slots=True)
class Node:
    """`born` and `seq` are the numbers of the first and the last change; `later` those of fields that changed after the first."""

    fields: Fields
    born: int
    seq: int
    later: dict[str, int] = field(default_factory=dict)
    pieces: list[tuple[int, str]] = field(default_factory=list)


class Nodes:
    """The nodes, ordered by their last change; `seq` counts the changes."""

    def __init__(self) -> None:
        self.seq = 0
        self._known: OrderedDict[str, Node] = OrderedDict()
        self._born: list[Node] = []
        self._whole: dict[tuple[str, str], str] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def get(self, key: str) -> Fields:
        """The fields of a node; none of one that is not known."""
        node = self._known.get(key)
        return {} if node is None else node.fields

    def put(self, key: str, kind: str, parent: str | None, **fields: Any) -> None:
        """A new node; one that is known is changed. Fields that are None are not kept."""
        if key in self._known:
            self.change(key, **fields)
            return
        self.seq += 1
        kept = {name: value for name, value in fields.items() if value is not None}
        whole = {"id": key, "kind": kind, "parent": parent, "order": len(self._born), **kept}
        node = self._known[key] = Node(whole, self.seq, self.seq)
        self._born.append(node)

    def change(self, key: str, **fields: Any) -> None:
        """Sets fields of a node; does nothing where they have these values, or where the node is not known."""
        node = self._known.get(key)
        if node is None:
            return
        new = {name: value for name, value in fields.items() if name not in node.fields or node.fields[name] != value}
        if new:
            self._touch(key, node)
            node.fields.update(new)
            node.later.update(dict.fromkeys(new, self.seq))

    def write(self, key: str, text: str) -> None:
        """Appends to the text that a node is being given, its field `written`."""
        node = self._known.get(key)
        if node is not None and text:
            self._touch(key, node)
            node.pieces.append((self.seq, plain(text)))

    def clear(self, key: str) -> None:
        """Forgets what was written; the field that takes its place is set beside."""
        if node := self._known.get(key):
            node.pieces.clear()

    def text(self, key: str, name: str, text: object, limit: int) -> Fields:
        """A text as a field of a node: cut at a limit, with its full length where it was cut."""
        if text is None:
            return {}
        whole = text if isinstance(text, str) else str(text)
        if len(whole) <= limit:
            return {name: plain(whole), f"{name}_length": None} if key in self._known else {name: plain(whole)}
        self._whole[key, name] = whole
        return {name: plain(whole[:limit]), f"{name}_length": len(whole)}

    def full(self, key: str, name: str) -> str:
        """The whole text of a field."""
        whole = self._whole.get((key, name))
        return plain(whole) if whole is not None else str(self.get(key).get(name, ""))

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Every text that a run was made of or made, in the order of the run: id, field, whole text."""
        for node in self._born:
            for name in SEARCHED:
                if isinstance(value := node.fields.get(name), str):
                    yield node.fields["id"], name, self._whole.get((node.fields["id"], name), value)

    def snapshot(self) -> list[Fields]:
        """Copies of all nodes, parents before their children; as quick as can be, since a run may wait for it. See `tidy`."""
        return [{**node.fields, "written": _written(node)} if node.pieces else node.fields.copy() for node in self._born]

    def whole(self, longest: int | None) -> list[Fields]:
        """All nodes with their texts in full, or cut at a length that is told beside them."""
        nodes = tidy(self.snapshot())
        for (key, name), text in self._whole.items():
            order = int(self._known[key].fields["order"])
            cut = longest is not None and len(text) > longest
            nodes[order] |= {name: plain(text[:longest] if cut else text), f"{name}_length": len(text) if cut else None}
        return nodes if longest is None else [_shortened(node, longest) for node in nodes]

    def since(self, seq: int) -> list[Fields]:
        """Nodes that are newer than a number, whole; of those that were known then the fields that changed."""
        changed = []
        for node in reversed(self._known.values()):
            if node.seq <= seq:
                break
            changed.append(node)
        changed.sort(key=lambda node: int(node.fields["order"]))
        return [_all(node) if node.born > seq else _some(node, seq) for node in changed]

    def _touch(self, key: str, node: Node) -> None:
        self.seq += 1
        node.seq = self.seq
        self._known.move_to_end(key)


def _shortened(node: Fields, longest: int) -> Fields:
    long = {name: value for name in SEARCHED if isinstance(value := node.get(name), str) and len(value) > longest}
    lengths = {f"{name}_length": node.get(f"{name}_length") or len(value) for name, value in long.items()}
    return node | {name: value[:longest] for name, value in long.items()} | lengths


def tidy(nodes: list[Fields]) -> list[Fields]:
    """The nodes without the fields that were taken away."""
    return [{name: value for name, value in node.items() if value is not None or name == "parent"} for node in nodes]


def _all(node: Node) -> Fields:
    [shown] = tidy([node.fields])
    return {**shown, "written": _written(node)} if node.pieces else shown


def _written(node: Node) -> str:
    return "".join(text for _, text in node.pieces)


def _some(node: Node, seq: int) -> Fields:
    new = {name: node.fields[name] for name, changed in node.later.items() if changed > seq}
    more = "".join(text for changed, text in node.pieces if changed > seq)
    return {"id": node.fields["id"], **new, **({"more": more} if more else {})}


def figure(value: object) -> float | int | None:
    """A number from a log, None for what is none or cannot be told in JSON.

    >>> figure(2), figure(float("nan")), figure("3")
    (2, None, None)
    """
    if type(value) is int:  # which most are, in a flood of events
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return round(value, 9) if isinstance(value, float) else value


def stored(value: Any) -> Any:
    """A value from a log as JSON that every reader takes: texts fit to be shown, no numbers that are none.

    >>> stored({"a": [float("inf"), 1]})
    {'a': [None, 1]}
    """
    if isinstance(value, dict):
        return {plain(str(key)): stored(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [stored(item) for item in value]
    return plain(value) if isinstance(value, str) else value if isinstance(value, bool) else figure(value)
