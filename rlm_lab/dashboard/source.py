"""One run that somebody looks at: its feed, fed by the run itself or by its file, and what can be done with it.

A run of this process is subscribed to: its thread only puts events into a queue and, once until that is emptied, wakes the
dashboard. Any other run is followed in its file. A source is shared by its viewers. The dashboard's loop owns it.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlm_lab.analysis.coverage import coverage_of
from rlm_lab.dashboard.lanes import Lanes
from rlm_lab.engine.orders import ORDERS, state_of
from rlm_lab.engine.run import Run
from rlm_lab.trajectory.events import Event, RunFinished, RunStarted
from rlm_lab.trajectory.following import Follower
from rlm_lab.trajectory.formats.heads import Imported, follower, head_of
from rlm_lab.trajectory.tree import ENDED
from rlm_lab.views.clean import plain
from rlm_lab.views.concluding import conclude, conclude_file
from rlm_lab.views.feed import Feed
from rlm_lab.views.figures import size

_logger = logging.getLogger(__name__)
SAVED = "This run is over; it was read from its file."
ELSEWHERE = "This run lives in another kernel; steer it there."
AT_ONCE = 1_000  # events folded in one turn: a flood is caught up with when the run rests
SEEN = 500.0  # events a second that a person can see come; from five times as many on, all that can be left for later is
PACE = 0.5  # seconds that the pace of events is told over
MOST_COVERED = 10_000  # calls of a run whose prompts are looked for in the data
Message = dict[str, Any]


@dataclass(slots=True)
class Pace:
    """How fast events come: `keep` is told how many came up to a moment.

    >>> pace = Pace(now=0.0)
    >>> for tick in range(1, 101):
    ...     pace.keep(2, tick / 100)
    >>> 150 < pace.events < 250, pace.flood
    (True, 0.0)
    """

    now: float
    events: float = 0.0  # a second

    def keep(self, come: int, now: float) -> None:
        self.events = self.events * math.exp((self.now - now) / PACE) + come / PACE
        self.now = now

    @property
    def flood(self) -> float:
        """From 0 to 1: how much faster events come than a person can see."""
        return min(max(self.events / SEEN - 1, 0.0) / 4, 1.0)


class Source:
    """`run` is set where the run lives in this process; `path` is its file."""

    def __init__(self, name: str, path: Path | None, *, wake: Callable[[], None], kernel: bool) -> None:
        self.name = name
        self.path = path
        self.feed = Feed()
        self.lanes = Lanes(self.feed)
        self.run: Run | None = None
        self.started: RunStarted | None = None
        self.queued: str | None = None  # a command that waits for the kernel
        self.state: Message = {}
        self.loading = False  # a file, of which there is more to read at once
        self.trouble: str | None = None  # with the file
        self._follower = None if path is None else follower(path)
        self._heard: deque[Event] = deque()
        self._come = 0  # events that were heard since the last look
        self.pace = Pace(now=time.monotonic())
        self._folded = -1  # the last event's number
        self._ended = False
        self._standing = "running"  # of a run of another kernel
        self._wake = wake
        self._asleep = True
        self._kernel = kernel
        self._unsubscribe: Callable[[], None] = lambda: None
        self._texts: dict[int, str] = {}
        self._known: tuple[Any, ...] = ()
        self._unconcluded = False  # a run of a file has ended, and nothing was said of it yet
        self._covered = -1  # the run's stamp when its coverage was last looked for

    def look(self, live: Run | None) -> bool:
        """Takes in what is new; whether there is more to take in at once."""
        come, self._come = self._come, 0
        self.pace.keep(come, time.monotonic())
        if live is not None and self.run is None:
            self._live(live)
        more = self._follow() if self.run is None or self._follower is not None else False
        if not more:
            more = self._hear()
        self._tell_state()
        self._cover()
        return more

    def close(self) -> None:
        self._unsubscribe()

    def text_since(self, seq: int) -> tuple[int, str] | None:
        """What is new after a viewer's last message, as JSON, and its number; made once for all viewers that ask the same."""
        if self.feed.seq <= seq and seq >= 0:
            return None
        if self._texts.get(-2) != str(self.feed.seq):
            self._texts = {-2: str(self.feed.seq)}
        if seq not in self._texts:
            message = self.feed.snapshot() if seq < 0 else self.feed.since(seq)
            self._texts[seq] = json.dumps(message, separators=(",", ":"))
        return self.feed.seq, self._texts[seq]

    # where events come from

    def _live(self, run: Run) -> None:
        """Subscribed first, then what came before is read: nothing is missed, and numbers tell what came twice."""
        self.run, self._ended = run, False
        self._unsubscribe = run.subscribe(self._hear_one)
        if self._follower is None:
            for event in run.events:
                self._fold(event)

    def _hear_one(self, event: Event) -> None:
        """In the run's thread: as little as can be."""
        self._heard.append(event)
        self._come += 1
        if self._asleep:
            self._asleep = False
            self._wake()

    def _hear(self) -> bool:
        self._asleep = True  # before the queue is emptied: what comes meanwhile wakes us again
        for _ in range(AT_ONCE):
            if not self._heard:
                return False
            self._fold(self._heard.popleft())
        return True

    def _follow(self) -> bool:
        """Reads the file: of a live run up to where its subscription began, of another for as long as it grows."""
        assert self._follower is not None
        for event in self._follower.look():
            self._fold(event)
        self.loading = self._follower.behind
        if self.loading:
            return True
        if self.run is not None:
            self._follower = None
        elif not self._ended:
            self._look_for_end(self._follower)
        return False

    def _fold(self, event: Event) -> None:
        if 0 <= event.seq <= self._folded:
            return
        self._folded = max(self._folded, event.seq)
        if self.started is None and isinstance(event, RunStarted):
            self.started = event
        if isinstance(event, RunFinished) and self.started is not None and event.run == self.started.run:
            self._ended = self._unconcluded = True
        self.feed.take(event)

    def _look_for_end(self, follower: Follower | Imported) -> None:
        """A file that cannot be read on, or that nobody writes any more, is shown as far as it goes, with a word on its end."""
        head = head_of(follower.path)
        self._standing = "paused" if head.status == "paused" else "running"
        self.trouble = follower.failure
        if head.status == "unreadable":
            self.trouble = self.trouble or f"{follower.path} cannot be read ({head.answer_text})."
        elif head.status == "interrupted" and follower.torn:
            self.trouble = self.trouble or f"{follower.path} ends in mid-line; all before it is shown."
        if self.trouble or head.status == "interrupted":
            self._ended = True
            self.feed.end()

    def _cover(self) -> None:
        """Has it looked for how much of the data was read and sent, where the run stands still; in a thread: it may take long."""
        run = self.run
        if run is not None and run.status != "running" and run.stamp != self._covered and run.calls[1] <= MOST_COVERED:
            self._covered = run.stamp
            threading.Thread(target=self._look_for_coverage, args=(run,), name="rlm-lab-coverage", daemon=True).start()

        ready = self.trouble is None and not self.loading
        if run is None and self._unconcluded and ready and self.path is not None:
            self._unconcluded = False
            threading.Thread(target=self._conclude, args=(self.path,), name="rlm-lab-conclude", daemon=True).start()

    def _conclude(self, path: Path) -> None:
        try:
            conclude_file(self.feed, path)
        except Exception:  # whatever a foreign file makes of it, the run is shown without
            _logger.debug("Nothing could be said of the run in %s.", path, exc_info=True)
        self._wake()

    def _look_for_coverage(self, run: Run) -> None:
        try:
            coverage = coverage_of(run.trajectory, run.asked.contexts)
            if run.status in ENDED:
                conclude(self.feed, replace(run.trajectory, path=run.path), run.asked.contexts)
        except Exception:  # the data is the user's, and may change meanwhile
            _logger.debug("The coverage of run %s could not be told.", run.id, exc_info=True)
            return
        if coverage is not None:
            self.feed.cover(run.id, coverage)
        self._wake()

    # what can be done

    def _tell_state(self) -> None:
        run = self.run
        known: tuple[Any, ...] = (self.queued, self._ended, self._standing, self.trouble, self._reading())
        if run is not None:
            known = (*known, run.status, run.stamp, run.pause_reason, *((id(one), one.hits) for one in run.gates.breakpoints))
        if self.state and known == self._known:
            return
        try:
            self.state = self._made_state()
            self._known = known
        except Exception:  # the run goes on in its own thread meanwhile: what was torn is looked at again
            _logger.debug("The state of run %s could not be told.", self.name, exc_info=True)

    def _made_state(self) -> Message:
        if self.run is None:
            why = SAVED if self._ended else ELSEWHERE
            status = "saved" if self._ended else self._standing
            trouble = self.trouble or self._reading()
            return {
                "kind": "state", "run": plain(self.name), "status": status, "stamp": 0, "gate": None, "breakpoints": [],
                "can": dict.fromkeys(ORDERS, why), "trouble": trouble if trouble is None else plain(trouble),
            }  # fmt: skip
        state = state_of(self.run)
        return {**state, "queued": self.queued, "can": {name: self._why_not(name, why) for name, why in state["can"].items()}}

    def _reading(self) -> str | None:
        """How far a large file was read, so that what is not there yet is not missed."""
        read = self._follower.place if self.loading and isinstance(self._follower, Follower) else 0
        return f"Reading the file, {size(read)} so far: what follows is not shown yet." if read else None

    def _why_not(self, name: str, why: str | None) -> str | None:
        if why is not None or self.run is None or at_once(self.run, name):
            return why
        if self.queued is not None:
            return f"{self.queued} is sent; it waits until the cell that runs has ended."
        if not self._kernel:
            return "This run is not in a notebook; go on where it was started, with %rlm or the methods of Run."
        return None


def at_once(run: Run, name: str) -> bool:
    """Whether an order needs no main thread: it only asks a run that is driven, or changes what it will look at."""
    order = ORDERS.get(name)
    return order is not None and not order.dated and (run.status == "running" or name in {"break", "unbreak"})
