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
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from rlm_lab.engine.run import Run
from rlm_lab.kernel.tables import note
from rlm_lab.kernel.watch import Watch, progress_of
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.html import live_html, summary_html
from rlm_lab.views.payload import MIME_TYPE, run_json
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
            progress = progress_of(run, self._watch)
            self.region.show({"text/html": live_html(progress), "text/plain": live_text(progress)})
        except Exception:  # a view must never break a run
            _logger.warning("The live region of run %s failed.", run.id, exc_info=True)

    def finish(self, run: Run) -> None:
        """The run's result; for a paused one how to go on."""
        if run.status == "paused":
            self._show_paused(run)
        else:
            self.region.show(result_bundle(trajectory_of(run)))

    def _show_paused(self, run: Run) -> None:
        trajectory = trajectory_of(run)
        pause = trajectory.pauses[-1] if trajectory.pauses else None
        line = pause.line if pause else None
        progress = dataclasses.replace(progress_of(run, self._watch), status="paused", doing="", code=None, acts=(), line=line)
        html = live_html(dataclasses.replace(progress, doing=PAUSED))
        self.region.show({"text/html": html, "text/plain": f"{live_text(progress)}\n{PAUSED}", MIME_TYPE: run_json(trajectory)})
