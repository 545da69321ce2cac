"""The live region of a cell: one display, updated in place while a run goes on, and the run's result at its end.

`Watch` follows a run's events, from any thread; `Region` publishes, on the main thread only. Where a display cannot be updated
in place (a terminal), nothing is shown before the end. A view that fails never fails the run.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import uuid
from functools import lru_cache
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from rlm_lab.analysis.acts import act_of
from rlm_lab.engine.run import Run
from rlm_lab.kernel.tables import note
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.fold import Block, Step, Trajectory, fold
from rlm_lab.views import figures
from rlm_lab.views.html import live_html, summary_html
from rlm_lab.views.payload import MIME_TYPE, run_json
from rlm_lab.views.progress import Progress
from rlm_lab.views.text import live_text, summary_text

PERIOD = 0.2  # seconds between two updates of a region
PAUSED = "The kernel is free. %rlm continue goes on, %rlm stop ends the run, %rlm last shows it."
Bundle = dict[str, Any]
_logger = logging.getLogger(__name__)


def result_bundle(trajectory: Trajectory) -> Bundle:
    """A run's result in all its forms."""
    return {
        "text/html": summary_html(trajectory),
        "text/plain": summary_text(trajectory),
        MIME_TYPE: run_json(trajectory),
    }


def trajectory_of(run: Run) -> Trajectory:
    return dataclasses.replace(run.trajectory, path=run.path)


class Region:
    """One display of a cell. `shown` gives it a new content, in place where that is possible."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._publisher = shell.display_pub
        self._id = uuid.uuid4().hex
        self._begun = False
        self.in_place = hasattr(shell, "kernel")

    def show(self, bundle: Bundle) -> None:
        """Published to the cell that the region was made in."""
        transient = {"display_id": self._id} if self.in_place else {}
        update = self.in_place and self._begun
        self._begun = True
        self._publisher.publish(data=bundle, metadata={}, transient=transient, update=update)


class Watch:
    """What a run is doing, told from its events. Each event only sets fields, so that readers need no lock."""

    def __init__(self) -> None:
        self.run = ""
        self.model = ""
        self.sub_model = ""
        self.step = 0
        self.since = time.monotonic()
        self.written = 0
        self.code: str | None = None
        self.line: int | None = None
        self.child: tuple[str, int] | None = None
        self.thinking = False
        self.acts: list[tuple[int, str]] = []
        self._head: ev.Event | None = None
        self._step_events: list[ev.Event] = []

    def __call__(self, event: ev.Event) -> None:
        if isinstance(event, ev.RunStarted) and not self.run:
            self.run, self.model, self.sub_model, self._head = event.run, event.model, event.sub_model, event
        if event.run != self.run:
            self._of_child(event)
        else:
            self._of_root(event)

    def doing(self, calls_open: int) -> str:
        """What happens now, in a few words."""
        seconds = figures.seconds(time.monotonic() - self.since)
        if self.child is not None:
            return f"child run {self.child[0].rpartition('.')[2]}, step {self.child[1]}, {seconds}"
        if calls_open == 1:
            return f"waiting for {self.sub_model}, {seconds}"
        if calls_open:
            return f"{figures.counted(calls_open, 'call')} under way, {seconds}"
        if self.code is not None:
            return "the code runs"
        if self.thinking and self.written:
            return f"{self.model} writes, {self.written:,} characters, {seconds}"
        return f"waiting for {self.model}, {seconds}" if self.thinking else ""

    def _of_root(self, event: ev.Event) -> None:
        match event:
            case ev.StepStarted(step=step):
                self._close_step()
                self.step, self.thinking, self.written, self.code, self.line = step, True, 0, None, None
            case ev.ReplyDelta(text=text):
                self.written += len(text)
                return
            case ev.ReplyReceived() | ev.ReplyFailed():
                self.thinking = False
            case ev.BlockStarted(code=code):
                self.code, self.line = code, None
            case ev.CallStarted(line=line) | ev.BatchStarted(line=line) | ev.ChildStarted(line=line):
                self.line = line
            case ev.CallFinished() | ev.CallFailed():
                self._step_events.append(event)
                return
            case ev.ChildFinished():
                self.child = None
            case ev.BlockFinished():
                self.code, self.line = None, None
            case _:
                return
        self.since = time.monotonic()
        self._step_events.append(event)

    def _of_child(self, event: ev.Event) -> None:
        if isinstance(event, ev.StepStarted):
            self.child = (event.run, event.step)
            self.since = time.monotonic()

    def _close_step(self) -> None:
        """The word for the step that has just ended."""
        if self.step and self._head is not None:
            steps = fold([self._head, *self._step_events]).steps
            self.acts = [*self.acts, *((step.number, act_of(step).word) for step in steps[-1:])]
        self._step_events = []


@lru_cache(maxsize=8)
def _word_of(code: str) -> str:
    return act_of(Step(number=1, blocks=(Block(number=1, code=code),))).word


class Live:
    """A run's region: `tick` while it goes on, `finish` when it has ended or paused."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._watch = Watch()
        self._shown = self._block_shown = 0.0
        self._followed = False
        self.region = Region(shell)

    def follow(self, run: Run) -> None:
        """Begins to listen to a run, before its start."""
        if not self._followed:
            self._followed = True
            run.subscribe(self._watch)
            run.subscribe(lambda event: self._block_begins(run, event))

    def move(self) -> None:
        """A new region, in the cell that runs now; the one before says so."""
        self.region.show(note("The run went on in a later cell."))
        self.region = Region(self._shell)
        self._shown = 0.0

    def tick(self, run: Run) -> None:
        """Called often; shows the run where its turn has come."""
        now = time.monotonic()
        if now - self._shown >= PERIOD:
            self._shown = now
            self._update(run)

    def _block_begins(self, run: Run, event: ev.Event) -> None:
        """Shown at once: no tick comes while a block computes."""
        now = time.monotonic()
        begins = isinstance(event, ev.BlockStarted) and threading.current_thread() is threading.main_thread()
        if begins and now - self._block_shown >= PERIOD:
            self._block_shown = now
            self._update(run)

    def _update(self, run: Run) -> None:
        if not self.region.in_place or run.status != "running":
            return
        try:
            progress = self.progress(run)
            self.region.show({"text/html": live_html(progress), "text/plain": live_text(progress)})
        except Exception:  # a view must never break a run
            _logger.warning("The live region of run %s failed.", run.id, exc_info=True)

    def finish(self, run: Run) -> None:
        """The run's result; for a paused one how to go on."""
        if run.status == "paused":
            self._show_paused(run)
        else:
            self.region.show(result_bundle(trajectory_of(run)))

    def progress(self, run: Run) -> Progress:
        """The run at this moment."""
        watch, spent, budget = self._watch, run.usage, run.ledger.budget
        done, started = run.calls
        return Progress(
            run=run.id, status=run.status, step=watch.step, max_steps=budget.steps, doing=watch.doing(started - done),
            code=watch.code, line=watch.line, acts=(*watch.acts, *self._act_under_way()), calls_done=done, calls_total=started,
            tokens=spent.tokens, max_tokens=budget.tokens, cost=spent.cost, max_cost=budget.cost, seconds=spent.seconds,
            max_seconds=budget.seconds,
        )  # fmt: skip

    def _act_under_way(self) -> tuple[tuple[int, str], ...]:
        if not self._watch.step:
            return ()
        return ((self._watch.step, "think" if self._watch.code is None else _word_of(self._watch.code)),)

    def _show_paused(self, run: Run) -> None:
        trajectory = trajectory_of(run)
        pause = trajectory.pauses[-1] if trajectory.pauses else None
        line = pause.line if pause else None
        progress = dataclasses.replace(self.progress(run), status="paused", doing="", code=None, acts=(), line=line)
        html = live_html(dataclasses.replace(progress, doing=PAUSED))
        self.region.show({"text/html": html, "text/plain": f"{live_text(progress)}\n{PAUSED}", MIME_TYPE: run_json(trajectory)})
