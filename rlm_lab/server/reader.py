"""Runs as a front end is told of them: snapshots and deltas of a file that may still grow, and rows for a list.

Every run that is looked at has one `Reader`, shared by its viewers; the last few are kept. Used in threads, one at a time for each
reader.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from pathlib import Path
from typing import Any

from rlm_lab.errors import LogError
from rlm_lab.trajectory.events import RunFinished
from rlm_lab.trajectory.formats import place_of
from rlm_lab.trajectory.formats.heads import follower, head_of
from rlm_lab.views.clean import plain
from rlm_lab.views.concluding import conclude_file
from rlm_lab.views.feed import Feed

KEPT = 8  # readers
QUICKLY = 8_000_000  # bytes of a log that is concluded while a viewer waits
MOST_HITS = 2_000
ELSEWHERE = "This run is shown from its file; steer it in the notebook where it lives."
SAVED = "This run is saved; a run can be steered where it lives."
Message = dict[str, Any]


class Reader:
    """One file. `id` changes when the file is read anew, so that nobody goes on from numbers of an older reading."""

    def __init__(self, path: Path) -> None:
        self.id = uuid.uuid4().hex[:12]
        self._path = path
        self._lock = threading.Lock()
        self._follower = follower(path)
        self._feed = Feed()
        self._run: str | None = None
        self._ended = False

    def news(self, since: int | None) -> Message:
        """What a viewer has not seen yet, as messages for the view. Raises `LogError` where the file is missing or no log."""
        with self._lock:
            self._read()
            message = self._feed.snapshot() if since is None else self._feed.since(since)
            live = self._run is not None and not self._ended and self._follower.failure is None
            messages = [] if message is None else [message]
            if message is not None and (live or since is not None):  # a saved run has no controls
                messages.append(_state(live))
            trouble = self._follower.failure
            messages += [{"kind": "lost", "text": plain(trouble)}] if trouble and since is None else []
            return {"reader": self.id, "seq": self._feed.seq, "live": live, "messages": messages}

    def full(self, node: str, field: str) -> Message:
        """The whole text of a field."""
        with self._lock:
            return {"kind": "reply", "fetch": [node, field], "text": self._feed.full(node, field)}

    def find(self, text: str) -> Message:
        """Where a text stands in the whole run."""
        with self._lock:
            return {"kind": "reply", "find": text, "hits": self._feed.find(text, MOST_HITS)}

    @property
    def is_torn(self) -> bool:
        """Whether the file has become another one, so that it is to be read anew."""
        return self._follower.failure is not None or not place_of(self._path)[0].exists()

    def _read(self) -> None:
        more, before = True, self._ended
        while more:
            for event in self._follower.look():
                self._run = self._run or event.run
                self._ended = isinstance(event, RunFinished) and event.run == self._run
                self._feed.take(event)
            more = self._follower.behind and self._follower.failure is None
        if self._run is None:
            raise LogError(self._follower.failure or _missing(self._path))
        if self._ended and not before:
            conclude_file(self._feed, self._path, QUICKLY)
        if not self._ended and head_of(self._path).status == "interrupted":
            self._ended = True
            self._feed.end()


class Readers:
    """The readers of the runs that were looked at last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Path, Reader] = OrderedDict()

    def of(self, path: Path) -> Reader:
        with self._lock:
            reader = self._known.pop(path, None)
            reader = Reader(path) if reader is None or reader.is_torn else reader
            self._known[path] = reader
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            return reader

    def forget(self, path: Path) -> None:
        with self._lock:
            self._known.pop(path, None)


def _state(live: bool) -> Message:
    from rlm_lab.engine.orders import ORDERS

    status, why = ("", ELSEWHERE) if live else ("saved", SAVED)  # of one that is not over its file says whether it is paused
    return {"kind": "state", "status": status, "stamp": 0, "gate": None, "breakpoints": [], "can": dict.fromkeys(ORDERS, why)}


def _missing(path: Path) -> str:
    return f"{path.name} holds no whole event yet." if path.exists() else f"There is no file {path.name} here (any more)."
