"""Sorts the events of a run into what they belong to: runs, steps, blocks, calls.

The values here are open: they change as events come. `fold` makes a trajectory of them. Events that belong to nothing that
is known, and events of later versions, are passed over. One thread at a time may use a `Collector`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.tree import BudgetWarning, Edit, Flag, Intervention


@dataclass(slots=True)
class OpenCall:
    started: ev.CallStarted
    end: ev.CallFinished | ev.CallFailed | None = None


@dataclass(slots=True)
class OpenBlock:
    started: ev.BlockStarted
    outputs: list[ev.Output] = field(default_factory=list)
    calls: list[OpenCall] = field(default_factory=list)
    batches: list[ev.BatchStarted] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    end: ev.BlockFinished | None = None


@dataclass(slots=True)
class OpenStep:
    started: ev.StepStarted
    messages: list[Mapping[str, str]] = field(default_factory=list)
    blocks: dict[int, OpenBlock] = field(default_factory=dict)
    reply: ev.ReplyReceived | None = None
    failure: ev.ReplyFailed | None = None
    lost_seconds: float = 0.0
    flags: list[Flag] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    ended: float | None = None  # when the next step began


@dataclass(slots=True)
class OpenRun:
    name: str
    origin: ev.ChildStarted | None = None
    started: ev.RunStarted | None = None
    end: ev.RunFinished | None = None
    end_status: str | None = None
    steps: dict[int, OpenStep] = field(default_factory=dict)
    discarded: list[OpenStep] = field(default_factory=list)
    calls: dict[int, OpenCall] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    warnings: list[BudgetWarning] = field(default_factory=list)
    pauses: list[ev.Paused] = field(default_factory=list)
    resumed: list[ev.Resumed] = field(default_factory=list)
    first: float = 0.0
    last: float = 0.0


class Collector:
    """What is known so far, by run; a child always comes after its parent, and never twice."""

    def __init__(self) -> None:
        self.runs: dict[str, OpenRun] = {}
        self.now = 0.0

    def take(self, event: ev.Event) -> None:
        self.now = event.t
        run = self.runs.get(event.run)
        if run is None:
            if not self.runs and isinstance(event, ev.RunStarted):
                self.runs[event.run] = OpenRun(name=event.run, started=event, first=event.t, last=event.t)
            return
        run.last = event.t
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, run, event)

    def run_started(self, run: OpenRun, event: ev.RunStarted) -> None:
        if run.started is None:
            run.started, run.first = event, event.t

    def run_finished(self, run: OpenRun, event: ev.RunFinished) -> None:
        run.end = event

    def step_started(self, run: OpenRun, event: ev.StepStarted) -> None:
        last = next(reversed(run.steps.values()), None)
        if last is not None and last.ended is None and event.step not in run.steps:
            last.ended = event.t
        step = run.steps.setdefault(event.step, OpenStep(event))
        step.messages.extend(event.messages)

    def reply_received(self, run: OpenRun, event: ev.ReplyReceived) -> None:
        if step := run.steps.get(event.step):
            step.reply = event

    def reply_failed(self, run: OpenRun, event: ev.ReplyFailed) -> None:
        if step := run.steps.get(event.step):
            step.failure = event
            step.lost_seconds += event.seconds

    def block_started(self, run: OpenRun, event: ev.BlockStarted) -> None:
        if step := run.steps.get(event.step):
            step.blocks[event.block] = OpenBlock(event)

    def block_finished(self, run: OpenRun, event: ev.BlockFinished) -> None:
        if block := _block(run, event.step, event.block):
            block.end = event

    def output(self, run: OpenRun, event: ev.Output) -> None:
        if block := _block(run, event.step, event.block):
            block.outputs.append(event)

    def batch_started(self, run: OpenRun, event: ev.BatchStarted) -> None:
        if block := _block(run, event.step, event.block):
            block.batches.append(event)

    def call_started(self, run: OpenRun, event: ev.CallStarted) -> None:
        if block := _block(run, event.step, event.block):
            call = run.calls[event.call] = OpenCall(event)
            block.calls.append(call)

    def call_ended(self, run: OpenRun, event: ev.CallFinished | ev.CallFailed) -> None:
        if call := run.calls.get(event.call):
            call.end = event

    def child_started(self, run: OpenRun, event: ev.ChildStarted) -> None:
        block = _block(run, event.step, event.block)
        if block is not None and event.child not in self.runs:
            self.runs[event.child] = OpenRun(name=event.child, origin=event, first=event.t, last=event.t)
            block.children.append(event.child)

    def child_finished(self, run: OpenRun, event: ev.ChildFinished) -> None:
        child = self.runs.get(event.child)
        if child is not None and child is not run:
            child.end_status = event.status

    def paused(self, run: OpenRun, event: ev.Paused) -> None:
        run.pauses.append(event)

    def was_resumed(self, run: OpenRun, event: ev.Resumed) -> None:
        if len(run.resumed) < len(run.pauses):
            run.resumed.append(event)

    def rewound(self, run: OpenRun, event: ev.Rewound) -> None:
        run.end = run.end_status = None
        run.flags = [flag for flag in run.flags if flag.step < event.step]
        run.edits = [edit for edit in run.edits if edit.step < event.step]
        for number in [number for number in run.steps if number >= event.step]:
            step = run.steps.pop(number)
            step.ended = step.ended or event.t
            run.discarded.append(step)
            for block in step.blocks.values():
                block.children = [self._put_aside(child) for child in block.children]

    def _put_aside(self, child: str) -> str:
        """Gives a child run another key, so that its name is free again; it stays before its own children and after its parent."""
        other = f"{child}~{sum(key.startswith(f'{child}~') for key in self.runs) + 1}"
        self.runs = {other if key == child else key: run for key, run in self.runs.items()}
        for step in [*self.runs[other].steps.values(), *self.runs[other].discarded]:
            for block in step.blocks.values():
                block.children = [self._put_aside(below) for below in block.children if "~" not in below]
        return other

    def budget_warned(self, run: OpenRun, event: ev.BudgetWarned) -> None:
        run.warnings.append(BudgetWarning(limit=event.limit, used=event.used, maximum=event.maximum, t=event.t))

    def edited(self, run: OpenRun, event: ev.Edited) -> None:
        names = ("step", "block", "what", "before", "after", "by", "t")
        edit = Edit(**{name: getattr(event, name) for name in names})
        run.edits.append(edit)
        if step := run.steps.get(event.step):
            step.edits.append(edit)

    def intervened(self, run: OpenRun, event: ev.Intervened) -> None:
        if step := run.steps.get(event.step):
            names = ("step", "more", "variables", "t")
            fields = {name: getattr(event, name) for name in names}
            step.interventions.append(Intervention(cells=tuple(str(cell.get("source", "")) for cell in event.cells), **fields))

    def flagged(self, run: OpenRun, event: ev.Flagged) -> None:
        flag = Flag(step=event.step, flag=event.flag, message=event.message)
        run.flags.append(flag)
        if step := run.steps.get(event.step):
            step.flags.append(flag)


_HANDLERS: dict[type[ev.Event], Callable[[Collector, OpenRun, Any], None]] = {
    ev.CallStarted: Collector.call_started,
    ev.CallFinished: Collector.call_ended,
    ev.CallFailed: Collector.call_ended,
    ev.Output: Collector.output,
    ev.RunStarted: Collector.run_started,
    ev.StepStarted: Collector.step_started,
    ev.ReplyReceived: Collector.reply_received,
    ev.ReplyFailed: Collector.reply_failed,
    ev.BlockStarted: Collector.block_started,
    ev.BlockFinished: Collector.block_finished,
    ev.BatchStarted: Collector.batch_started,
    ev.ChildStarted: Collector.child_started,
    ev.ChildFinished: Collector.child_finished,
    ev.Paused: Collector.paused,
    ev.Resumed: Collector.was_resumed,
    ev.Rewound: Collector.rewound,
    ev.Edited: Collector.edited,
    ev.Intervened: Collector.intervened,
    ev.BudgetWarned: Collector.budget_warned,
    ev.Flagged: Collector.flagged,
    ev.RunFinished: Collector.run_finished,
}


def _block(run: OpenRun, step: int, block: int) -> OpenBlock | None:
    found = run.steps.get(step)
    return found.blocks.get(block) if found else None
