"""What a run is doing, followed by its events: the source of every live view. Needs no IPython.

A `Watch` is told events in the thread that emits them and read from any other: each event only sets fields, so there is no lock.
"""

from __future__ import annotations

import time
from functools import lru_cache

from rlm_lab.analysis.acts import act_of
from rlm_lab.engine.run import Run
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.fold import Block, Step, fold
from rlm_lab.views import figures
from rlm_lab.views.progress import Progress


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

    def catch_up(self, run: Run) -> None:
        """Takes in what a run has done before it was watched."""
        if self.run:
            return
        self.run, self.model, self.sub_model = run.id, run.asked.model.name, run.asked.sub_model.name
        steps = run.steps
        self.step = steps[-1].number if steps else 0
        self.acts = [(step.number, act_of(step).word) for step in steps[:-1]]
        block = steps[-1].blocks[-1] if steps and steps[-1].blocks else None
        self.code = None if block is None or block.finished else block.code

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
            case ev.Edited(what="model", after=str(name)):
                self.model = name
            case ev.Edited(what="sub_model", after=str(name)):
                self.sub_model = name
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

    @property
    def act_under_way(self) -> tuple[tuple[int, str], ...]:
        """Number and word of the step under way."""
        if not self.step:
            return ()
        return ((self.step, "think" if self.code is None else _word_of(self.code)),)


def progress_of(run: Run, watch: Watch) -> Progress:
    """The run at this moment."""
    spent, budget = run.usage, run.ledger.budget
    done, started = run.calls
    return Progress(
        run=run.id, status=run.status, step=watch.step, max_steps=budget.steps, doing=watch.doing(started - done),
        code=watch.code, line=watch.line, acts=(*watch.acts, *watch.act_under_way), calls_done=done, calls_total=started,
        tokens=spent.tokens, max_tokens=budget.tokens, cost=spent.cost, max_cost=budget.cost, seconds=spent.seconds,
        max_seconds=budget.seconds,
    )  # fmt: skip


@lru_cache(maxsize=8)
def _word_of(code: str) -> str:
    return act_of(Step(number=1, blocks=(Block(number=1, code=code),))).word
