"""The live region of a cell: one display, updated in place while a run goes on, and the run's result at its end.

`Region` publishes, on the main thread only. Where a display cannot be updated in place (a terminal), nothing is shown before the
end. A view that fails never fails the run.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from rlm_lab.engine.run import Run
from rlm_lab.kernel.errands import under_way
from rlm_lab.kernel.inline import Inline, can_show
from rlm_lab.kernel.pausing import NewNames, paused_of
from rlm_lab.kernel.tables import note
from rlm_lab.kernel.watch import Watch, progress_of
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.tree import ENDED, Trajectory
from rlm_lab.views.html import live_html, summary_html
from rlm_lab.views.payload import MIME_TYPE, run_json
from rlm_lab.views.text import live_text, summary_text

PERIOD = 0.2  # seconds between two updates of a region
PATIENCE = 2.0  # seconds that a front end has to say that it has drawn the live view
QUIET = (
    '<p style="margin:2px 0;font-size:11px;opacity:.75">Buttons cannot reach this kernel while a cell runs; '
    "<code>%rlm dashboard</code> gives a page where they can.</p>"
)
Bundle = dict[str, Any]
_logger = logging.getLogger(__name__)


def result_bundle(trajectory: Trajectory) -> Bundle:
    """A run's result in all its forms."""
    return {
        "text/html": summary_html(trajectory),
        "text/plain": summary_text(trajectory),
        MIME_TYPE: run_json(trajectory),
    }


def run_bundle(run: Run, watch: Watch | None = None, names: tuple[str, ...] = ()) -> Bundle:
    """A run in all its forms: its result, and as long as it is paused what it waits for."""
    if run.status != "paused":
        return result_bundle(trajectory_of(run))
    progress = dataclasses.replace(
        progress_of(run, watch or Watch()), doing="", code=None, line=None, acts=(), paused=paused_of(run, names)
    )
    html, text = live_html(progress), live_text(progress)
    paused = dataclasses.replace(trajectory_of(run), status="paused")  # a fork's own events do not say so before it goes on
    return {"text/html": html, "text/plain": text, MIME_TYPE: run_json(paused)}


def so_far(run: Run) -> Bundle:
    """The payload of a run that is not over: which it is, where it stands, what it has spent. From any thread; folds nothing."""
    spent = run.usage
    started = next((event.started for event in run.events if isinstance(event, ev.RunStarted)), "")
    head = Trajectory(
        run=run.id, status=run.status, question=run.question, model=run.asked.model.name, path=run.path, started=started
    )
    payload = run_json(head)
    usage = {"calls": run.calls[1], "tokens": spent.tokens, "cost": spent.cost}
    return {**payload, "summary": {**payload["summary"], "steps": spent.steps, "usage": usage}}


def trajectory_of(run: Run) -> Trajectory:
    """What the log says, and where it is; of a run whose log cannot be written what the run says itself."""
    told = run.trajectory
    error = told.error or (None if run.error is None else str(run.error))
    return dataclasses.replace(told, path=run.path, error=error, question=told.question or run.question)


class Region:
    """One display of a cell. `shown` gives it a new content, in place where that is possible."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._publisher = shell.display_pub
        self._id = uuid.uuid4().hex
        self.cell = shell.displayhook.prompt_count  # as the cell is numbered, whatever the version of IPython
        self._begun = False
        self.in_place = hasattr(shell, "kernel")

    def show(self, bundle: Bundle) -> None:
        """Published to the cell that the region was made in."""
        transient = {"display_id": self._id} if self.in_place else {}
        update = self.in_place and self._begun
        self._begun = True
        if MIME_TYPE in bundle:  # when it was told: a page that was opened later asks the run's file for what has come since
            bundle = bundle | {MIME_TYPE: bundle[MIME_TYPE] | {"told": datetime.now(UTC).isoformat(timespec="milliseconds")}}
        self._publisher.publish(data=bundle, metadata={}, transient=transient, update=update)


class Live:
    """A run's region: `tick` while it goes on, `finish` when it has ended or paused.

    After a pause it is in the cell where the run goes on. `out` is the name that the answer is bound to. With `buttons` the region
    is a live view that can be clicked, where the front end answers in time; else it is HTML that is shown anew.
    """

    def __init__(self, shell: InteractiveShell, *, out: str | None = None, buttons: bool = False) -> None:
        self._shell = shell
        self._buttons = buttons
        self._inline: Inline | None = None
        self._shows_view = False
        self._asked_at: float | None = None
        self._watch = Watch()
        self._shown = self._block_shown = 0.0
        self._followed = self._goes_on = self._ended = False
        self._new = NewNames(shell.user_ns, frozenset({out} if out else ()))
        self.region = Region(shell)

    def follow(self, run: Run) -> None:
        """Begins to listen to a run, best before its start."""
        if not self._followed:
            self._followed = True
            if run.status != "waiting":
                self._watch.catch_up(run)
            run.subscribe(self._watch)
            self._open(run)
            run.subscribe(lambda event: self._heed(run, event))

    def tick(self, run: Run) -> None:
        """Called often; shows the run where its turn has come."""
        now = time.monotonic()
        if now - self._shown >= PERIOD:
            self._shown = now
            self._update(run)

    def finish(self, run: Run) -> None:
        """The run's result; of a paused one what it waits for."""
        self._move_on()
        self._ended = run.status in ENDED
        own = run.asked.namespace is self._shell.user_ns
        names = self._new.pause() if run.status == "paused" and own else ()
        try:
            self._settle(run, run_bundle(run, self._watch, names))
        except Exception:  # a view must never break a run
            _logger.warning("The region of run %s failed.", run.id, exc_info=True)
            self.region.show(note(f"The run {run.id} is {run.status.replace('_', ' ')}; %rlm last gives it."))

    def _begin_anew(self, run: Run) -> None:
        """A run that had ended was taken back: its result stays where it is, and the run is in the cell that runs now."""
        self._ended = self._goes_on = self._shows_view = False
        self._asked_at = None
        if not under_way(run):
            self.region = Region(self._shell)
        self._open(run)

    def _heed(self, run: Run, event: ev.Event) -> None:
        if isinstance(event, ev.Rewound) and self._ended and event.run == run.id:
            self._begin_anew(run)
        elif isinstance(event, ev.Resumed):
            self._goes_on = not under_way(run)
            self._new.go_on()
        elif isinstance(event, ev.BlockStarted):
            self._block_begins(run)

    def _block_begins(self, run: Run) -> None:
        """Shown at once: no tick comes while a block computes."""
        now = time.monotonic()
        if threading.current_thread() is threading.main_thread() and now - self._block_shown >= PERIOD:
            self._block_shown = now
            self._update(run)

    def _move_on(self) -> None:
        """After a pause a new region, in the cell that runs now; the one before says so."""
        if self._goes_on:
            self._goes_on = self._shows_view = False
            if self.region.in_place:
                cell = self._shell.displayhook.prompt_count
                self.region.show(note(f"The run went on {'below' if cell == self.region.cell else f'in [{cell}]'}."))
            self.region = Region(self._shell)

    def _update(self, run: Run) -> None:
        if not self.region.in_place or run.status != "running":
            return
        try:
            self._move_on()
            if self._inline is None or self._has_no_answer(self._inline):
                self._shows_view = False
                self.region.show(self._progress(run))
            elif not (self._shows_view and self._inline.answered):  # until it answers, a front end without widgets has to see news
                self._shows_view = True
                self._asked_at = self._asked_at or time.monotonic()
                self.region.show(self._inline.around(self._progress(run)))
        except Exception:  # a view must never break a run
            _logger.warning("The live region of run %s failed.", run.id, exc_info=True)

    def _open(self, run: Run) -> None:
        """The view that can be clicked, where the front end may draw one."""
        if not self._buttons or not self.region.in_place or not can_show(self._shell):
            return
        try:
            inline = Inline(run)
            inline.open()
            self._inline = inline
        except Exception:  # a view must never break a run
            _logger.warning("The view of run %s could not be opened.", run.id, exc_info=True)

    def _has_no_answer(self, inline: Inline) -> bool:
        """Whether the front end has let its time pass: it draws no widgets, or cannot reach a kernel that is busy."""
        waited = self._asked_at is not None and time.monotonic() - max(self._asked_at, inline.heard_at) > PATIENCE
        return waited and not inline.answered

    def _settle(self, run: Run, bundle: Bundle) -> None:
        """A paused run keeps its buttons; what has ended stands for itself, so that no dead widget is saved."""
        inline = self._inline
        if inline is None:
            self.region.show(bundle)
        elif run.status == "paused":
            self._shows_view = inline.answered
            self.region.show(inline.around(bundle))  # the kernel is free: whatever front end there is can answer now
        else:
            self._inline = None
            self.region.show(bundle)
            inline.close()

    def _progress(self, run: Run) -> Bundle:
        progress = progress_of(run, self._watch)
        quiet = QUIET if self._buttons and (self._inline is None or self._has_no_answer(self._inline)) else ""
        return {"text/html": live_html(progress) + quiet, "text/plain": live_text(progress), MIME_TYPE: so_far(run)}
