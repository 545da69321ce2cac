"""The live view of a run in the output of its cell: what is new goes to the front end, what is clicked comes back.

A thread of its own sends, woken by the run's events, so that a block that computes does not hold the view up. Commands arrive on
the widget's subshell: pause and stop are given at once, the others become errands of the main thread. A view that fails never
fails a run.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rlm_lab.analysis.coverage import coverage_of
from rlm_lab.engine.orders import state_of
from rlm_lab.engine.run import Run
from rlm_lab.errors import RLMError
from rlm_lab.kernel.errands import carry_out
from rlm_lab.trajectory import events as ev
from rlm_lab.views.feed import Feed
from rlm_lab.views.unfold import unfold

PIECE = 200_000  # characters of one message: Jupyter's server drops what comes faster than 1 MB a second
RATE = 600_000  # characters a second
MOST_CALLS = 2_000  # up to which the contexts are looked through for what was sent
ON_THE_WAY = 5.0  # seconds that a module may take to arrive: asked for again by then, it is not sent again
REST = 0.01  # seconds between two messages
_logger = logging.getLogger(__name__)
Message = dict[str, Any]


class Inline:
    """One run's view. `answered` tells that a front end has drawn it and that its messages arrive while the run goes on."""

    def __init__(self, run: Run) -> None:
        self.answered = False
        self._drawn = False
        self._knocks = False
        self._modules: dict[str, float] = {}  # when each was sent
        self.heard_at = 0.0  # when it last said that it prepares to draw
        self._run = run
        self._mark = uuid.uuid4().hex
        self._feed = Feed(() if run.status == "waiting" else unfold(run.trajectory))
        self._seq = -1
        self._state: Message | None = None
        self._uncovered = False
        self._news = threading.Event()
        self._ending = self._closed = False
        self._widget: Any = None
        self._thread = threading.Thread(target=self._pump, name="rlm_lab view", daemon=True)

    def open(self) -> None:
        """Makes the widget and starts to send; best before the run starts."""
        from rlm_lab.kernel.inline_widget import make_widget

        self._widget = make_widget({"compact": True, "dashboard": True, "mark": self._mark}, self._hear)
        self._end = self._run.subscribe(self._take)
        self._thread.start()

    def around(self, bundle: Message) -> Message:
        """What an output shows, with its HTML marked as the place of the view.

        So a notebook that is saved while a run goes on or is paused holds the HTML, and no widget.
        """
        return bundle | {"text/html": f'<div data-rlm-live="{self._mark}">{bundle["text/html"]}</div>'}

    def close(self) -> None:
        """Ends it, once the last of the run is told: what the output shows next stands for itself.

        A page that was loaded anew meanwhile does not hear what the output shows next, and keeps the view as it is then.
        """
        self._end()
        self._ending = True
        self._news.set()

    # to the front end

    def _take(self, event: ev.Event) -> None:
        self._feed.take(event)
        self._uncovered |= isinstance(event, (ev.StepStarted, ev.Paused))
        self._knocks |= isinstance(event, ev.Resumed)
        self._news.set()

    def _pump(self) -> None:
        while not self._closed:
            self._news.wait()
            self._news.clear()
            ending = self._ending
            self._try(self._tell)
            if ending:
                self._closed = True
                self._try(self._widget.close)
            time.sleep(REST)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:  # a view must never break a run
            _logger.debug("The view of run %s could not be told.", self._run.id, exc_info=True)

    def _tell(self) -> None:
        if not self._drawn or self._closed:
            return
        if self._knocks:
            self._knocks = False
            self._send({"kind": "knock"})
        if self._uncovered:
            self._cover()
        message = self._feed.since(self._seq) if self._seq >= 0 else self._feed.snapshot()
        if message is not None:
            self._seq = message["seq"]
            for piece in pieces(message):
                size = len(json.dumps(piece))
                self._send(piece)
                time.sleep(size / RATE if size > PIECE / 4 else 0)
        state = state_of(self._run)
        if state != self._state:
            self._state = state
            self._send(state)

    def _cover(self) -> None:
        """Tells which parts of the contexts were read, shown and sent so far; of a run with very many calls no more."""
        self._uncovered = False
        if self._run.calls[1] <= MOST_CALLS:
            coverage = coverage_of(self._run.trajectory, self._run.asked.contexts)
            if coverage is not None:
                self._feed.cover(self._run.id, coverage)

    def _send(self, message: Mapping[str, Any]) -> None:
        if not self._closed:
            self._widget.send(message)

    # from the front end

    def _hear(self, content: object) -> None:
        """What the view says; hostile until it is read."""
        if not isinstance(content, Mapping) or self._closed:
            return
        self._drawn = self._drawn or bool(content.get("ready"))
        # Heard only when the cell has ended, it would tell that clicks cannot arrive while one runs.
        self.answered = self.answered or (self._drawn and self._run.status == "running")
        if content.get("ready"):
            self._seq, self._state = -1, None
            self._news.set()
        elif content.get("here"):
            self.heard_at = time.monotonic()
        elif isinstance(name := content.get("module"), str):
            self._send_module(name)
        elif "ping" in content:
            self._send({"kind": "reply", "pong": content["ping"]})
        elif isinstance(fetch := content.get("fetch"), list) and len(fetch) == 2:
            node, field = str(fetch[0]), str(fetch[1])
            self._send({"kind": "reply", "fetch": [node, field], "text": self._feed.full(node, field)})
        elif isinstance(find := content.get("find"), str):
            self._send({"kind": "reply", "find": find, "hits": self._feed.find(find)[:2_000]})
        elif content.get("dashboard"):
            self._send({"kind": "reply", "dashboard": self._link()})
        elif isinstance(content.get("command"), str):
            self._command(dict(content))

    def _send_module(self, name: str) -> None:
        from rlm_lab.kernel.inline_widget import module_of

        self.heard_at = time.monotonic()
        asked_again = self.heard_at - self._modules.get(name, -math.inf) < ON_THE_WAY
        text = None if asked_again else module_of(name)
        if text is not None:
            self._modules[name] = self.heard_at
            self._send({"kind": "module", "name": name, "text": text})

    def _command(self, command: Message) -> None:
        def answer(told: Mapping[str, Any]) -> None:
            self._answer(command, told)
            self._news.set()

        carry_out(self._run, command, answer)

    def _answer(self, command: Message, told: Mapping[str, Any]) -> None:
        self._send({"kind": "reply", **told, "command": {"command": command["command"]}})

    def _link(self) -> str | None:
        """A link to the dashboard, which is started for it."""
        import rlm_lab  # by its public name: the dashboard stands above the kernel's side

        try:
            return str(rlm_lab.dashboard_link(self._run))
        except RLMError:
            return None


def pieces(message: Message, most: int = PIECE) -> Iterator[Message]:
    """A message in parts of bounded size: the first of its kind, the others deltas.

    >>> [len(part["nodes"]) for part in pieces({"kind": "snapshot", "seq": 1, "nodes": [{"id": "a" * 60}] * 3}, most=150)]
    [2, 1]
    """
    part: list[Any] = []
    room, kind = most, message["kind"]
    for node in message["nodes"]:
        size = len(json.dumps(node))
        if part and size > room:
            yield {**message, "kind": kind, "nodes": part}
            part, room, kind = [], most, "delta"
        part.append(node)
        room -= size
    yield {**message, "kind": kind, "nodes": part}


def can_show(shell: Any) -> bool:
    """Whether the front end may be able to draw widgets and to reach a kernel that is busy with a cell."""
    kernel = getattr(shell, "kernel", None)
    return bool(getattr(kernel, "_supports_kernel_subshells", False))


def stay_on_own_subshell(comm: Any) -> None:
    """Keeps the messages of a comm on the subshell that the front end names.

    ipykernel 7.4 sends them to the shell that last published on the comm, which is the one that is busy with the cell. The method
    is private to ipykernel: where there is none, there is nothing to keep.
    """
    if callable(getattr(comm, "_reply_subshell_for", None)):
        comm._reply_subshell_for = lambda _data, default: default
