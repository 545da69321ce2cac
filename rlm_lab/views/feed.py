"""Events folded into flat nodes, for views that are told what is new: a snapshot first, then deltas.

A pure function of the events: nothing is read from a run. `take` is cheap, since it is called where a run goes on; what costs more
(a step's word, its summary) waits until somebody looks. All methods may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rlm_lab.trajectory.events import Event
from rlm_lab.views.feeding import Folding, Places
from rlm_lab.views.nodes import Nodes, tidy

Message = dict[str, Any]


class Feed:
    """The nodes of a run and its children. Each viewer keeps the `seq` of its last message and asks for what came `since`.

    >>> from rlm_lab.trajectory import events as ev
    >>> feed = Feed()
    >>> feed.take(ev.RunStarted(run="a", question="Why?", model="m", sub_model="m", contexts=[], budget={}, started=""))
    >>> [node["kind"] for node in feed.snapshot()["nodes"]], feed.delta()
    (['run', 'usage'], None)
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._lock = threading.Lock()
        self._nodes = Nodes()
        self._folding = Folding(self._nodes)
        self._told = 0
        for event in events:
            self._folding.take(event)

    def take(self, event: Event) -> None:
        """Folds in one event; events must come in their order."""
        with self._lock:
            self._folding.take(event)

    def end(self, status: str = "interrupted") -> None:
        """Says that no further events will come: runs without an end get this status."""
        with self._lock:
            self._folding.end(status)

    def cover(self, run: str, coverage: Mapping[str, Any]) -> None:
        """Adds how much of a run's contexts was read, shown and sent (see `analysis.coverage`)."""
        with self._lock:
            self._folding.cover(run, coverage)

    def conclude(self, run: str, told: Callable[[Places], Mapping[str, Mapping[str, Any]]]) -> None:
        """Adds what is said of a run that has ended: its lints, the way of its answer, its notes (see `concluding`)."""
        with self._lock:
            self._folding.conclude(run, told)

    @property
    def seq(self) -> int:
        """The number of the last change."""
        return self._nodes.seq

    def snapshot(self) -> Message:
        """All nodes; the next `delta` tells what came after."""
        with self._lock:
            self._folding.settle()
            self._told = seq = self._nodes.seq
            nodes = self._nodes.snapshot()
        return {"kind": "snapshot", "seq": seq, "nodes": tidy(nodes)}

    def whole(self, longest: int | None = None) -> Message:
        """All nodes with their texts in full, for a file; texts over `longest` characters are cut there, their length beside."""
        with self._lock:
            self._folding.settle()
            return {"kind": "snapshot", "seq": self._nodes.seq, "nodes": self._nodes.whole(longest)}

    def delta(self) -> Message | None:
        """What changed since the last `delta` or `snapshot` of this feed; None where nothing did."""
        message = self.since(self._told)
        self._told = message["seq"] if message else self._told
        return message

    def since(self, seq: int) -> Message | None:
        """What changed after a viewer's last message: new nodes whole, of known ones the fields that changed."""
        with self._lock:
            self._folding.settle()
            if self._nodes.seq <= seq:
                return None
            return {"kind": "delta", "seq": self._nodes.seq, "since": seq, "nodes": self._nodes.since(seq)}

    def full(self, node: str, field: str) -> str:
        """The whole text of a field that was cut; an empty text for what is not known."""
        with self._lock:
            return self._nodes.full(node, field)

    def find(self, text: str, most: int = 10_000) -> list[list[Any]]:
        """Where a text stands in whole fields, whatever its case: `[id, field, how often]`, in the order of the run."""
        wanted = text.casefold()
        if not wanted:
            return []
        with self._lock:
            self._folding.settle()
            texts = list(self._nodes.texts())
        found = ([key, name, count] for key, name, whole in texts if (count := whole.casefold().count(wanted)))
        return [hit for _, hit in zip(range(most), found, strict=False)]
