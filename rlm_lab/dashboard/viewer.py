"""One page that somebody has open: what it was told, and what it asks for. The dashboard's loop owns it.

Messages to the page are texts of JSON; a message of the page is hostile until it is read. The page acknowledges what it has drawn;
until then it is sent nothing more.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rlm_lab.dashboard.facts import facts_of
from rlm_lab.dashboard.shelf import Row
from rlm_lab.dashboard.source import Source

if TYPE_CHECKING:
    from rlm_lab.dashboard.desk import Desk

_logger = logging.getLogger(__name__)
BEHIND = 20_000  # changes after which, where they are most of all, a snapshot is no larger than what is new
SELDOM = 1.0  # seconds between two messages while a file is read, or more happens than a person can see
Send = Callable[[str], None]


class Viewer:
    """`to_pane` and `to_shell` send a text to the two parts of the page; `draw` has its timeline drawn anew or further."""

    def __init__(self, desk: Desk, to_pane: Send, to_shell: Send, draw: Callable[[Source | None], None]) -> None:
        self.source: Source | None = None
        self._desk = desk
        self._to_pane = to_pane
        self._to_shell = to_shell
        self._draw = draw
        self._seq = -1
        self._under_way = False
        self._sent = 0.0
        self._ready = False
        self._state: dict[str, Any] | None = None
        self._facts_of: object = None
        self._rows: dict[str, Row] = {}
        self._listed = False
        self._wants_list = False

    def close(self) -> None:
        self.source = None
        self._desk.viewers.discard(self)
        self._desk.wake()

    # to the page

    def serve(self) -> None:
        """Sends what is new, as far as the page is ready for it."""
        try:
            self._list()
            if self.source is not None and self._ready:
                self._show(self.source)
        except Exception:  # a page that has gone, or breaks, is the page's trouble
            _logger.debug("A page of the dashboard is not served any more.", exc_info=True)
            self.close()

    def _show(self, source: Source) -> None:
        spacing = SELDOM if source.loading else SELDOM * source.pace.flood
        waits = self._seq >= 0 and time.monotonic() - self._sent < spacing
        if not self._under_way and not waits:
            missed = source.feed.seq - self._seq
            behind = self._seq >= 0 and missed > max(BEHIND, source.feed.seq // 2)
            told = source.text_since(-1 if behind else self._seq)
            if told is not None:
                self._seq, self._under_way, self._sent = told[0], True, time.monotonic()
                self._to_pane(told[1])
        if source.state is not self._state:
            self._state = source.state
            self._to_pane(json.dumps(source.state))
        if self._facts_of != (source, source.started):
            self._facts_of = (source, source.started)
            self._to_shell(json.dumps({"kind": "facts", **facts_of(source)}))
        self._draw(source)

    def _list(self) -> None:
        """Tells the list of runs: whole the first time, then what changed."""
        rows = self._desk.rows
        if not self._wants_list or (self._listed and rows is self._rows):
            return
        changed = [row for name, row in rows.items() if (known := self._rows.get(name)) is not row and known != row]
        gone = [name for name in self._rows if name not in rows]
        if changed or gone or not self._listed:
            message = {"kind": "runs", "rows": changed, "gone": gone, "left_out": self._desk.shelf.left_out}
            self._to_shell(json.dumps(message | {"folders": [str(folder) for folder in self._desk.shelf.folders]}))
        self._rows, self._listed = rows, True

    # from the page

    def hear_shell(self, message: object) -> None:
        """What the list says: that it is there, and which run to open."""
        if not isinstance(message, Mapping):
            return
        if message.get("hello"):
            self._rows, self._listed, self._wants_list = {}, False, True
            self._desk.wake()
        if "open" in message:
            self._open(message["open"])

    def hear_pane(self, message: object) -> None:
        """What the run's view says: that it has drawn, a command, a question."""
        if not isinstance(message, Mapping):
            return
        if "ready" in message:
            if self.source is not None and not self._ready:
                self._to_pane(json.dumps({"kind": "open", "run": self.source.name}))
        elif "hello" in message:
            self._seq, self._under_way, self._state, self._ready = -1, False, None, self.source is not None
        elif "ack" in message:
            self._under_way = False
        elif "ping" in message:
            self._to_pane(json.dumps({"kind": "reply", "pong": message["ping"]}))
        elif self.source is not None:
            self._ask(self.source, message)
        self._desk.wake()

    def _open(self, name: object) -> None:
        source = self._desk.source(name) if isinstance(name, str) else None
        self.source, self._facts_of, self._state, self._seq, self._ready, self._under_way = source, None, None, -1, False, False
        self._draw(None)
        found = {"kind": "open", "run": None if source is None else source.name}
        missing = {} if source is not None or name is None else {"missing": str(name)[:200]}
        self._to_shell(json.dumps(found | missing))
        self._to_pane(json.dumps(found))
        self._desk.wake()

    def _ask(self, source: Source, message: Mapping[str, Any]) -> None:
        if isinstance(message.get("command"), str):
            told = {"command": {"command": message["command"]}}
            self._desk.command(source, message, lambda answer: self._reply({**told, **answer}))
        elif isinstance(fetch := message.get("fetch"), list) and len(fetch) == 2:
            node, field = str(fetch[0]), str(fetch[1])
            self._reply({"fetch": [node, field], "text": source.feed.full(node, field)})
        elif isinstance(find := message.get("find"), str):
            self._reply({"find": find, "hits": source.feed.find(find)})

    def _reply(self, reply: Mapping[str, Any]) -> None:
        self._to_pane(json.dumps({"kind": "reply", **reply}))
