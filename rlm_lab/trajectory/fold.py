"""Events to a trajectory, in one pass.

`fold` takes any prefix of a run's events: a run under way, one that was killed, a whole one. It takes time linear in their
number, reads no files and may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.collect import Collector, OpenBlock, OpenCall, OpenRun, OpenStep
from rlm_lab.trajectory.tree import Batch, Block, BudgetWarning, Call, CallStatus, Flag, OutputPart, Pause, Step, Trajectory, Usage

__all__ = ["Batch", "Block", "BudgetWarning", "Call", "Flag", "OutputPart", "Pause", "Step", "Trajectory", "Usage", "fold"]


def fold(events: Iterable[ev.Event], *, unfinished: str = "running") -> Trajectory:
    """The trajectory of the first run in `events`, its child runs nested in the blocks that started them.

    Parameters
    ----------
    events: in the order of `seq`; may stop anywhere.
    unfinished: the status of runs that have no end, where they are not paused.

    >>> fold([ev.RunStarted(run="a", question="Why?", model="m", sub_model="m", contexts=[], budget={}, started="")]).status
    'running'
    """
    collector = Collector()
    for event in events:
        collector.take(event)
    return _build(collector, unfinished)


def _build(collector: Collector, unfinished: str) -> Trajectory:
    """Backwards, so that children are built before the blocks that hold them, however deep they nest."""
    built: dict[str, Trajectory] = {}
    root = next(iter(collector.runs), None)
    if root is None:
        return Trajectory(run="", status=unfinished)
    for name, run in reversed(collector.runs.items()):
        over = run.end is not None or run.end_status is not None
        built[name] = _trajectory(run, built, unfinished, run.last if over else max(run.last, collector.now))
    return built[root]


def _trajectory(run: OpenRun, built: Mapping[str, Trajectory], unfinished: str, last: float) -> Trajectory:
    begin, end, origin = run.started, run.end, run.origin
    status = _status(run, unfinished)
    steps, discarded = _steps(run, built, last), _discarded(run, built)
    usage = _usage((*steps, *discarded), end.seconds if end else last - run.first - _held(run, run.first, last))
    return Trajectory(
        run=run.name,
        status=status,
        parent=begin.parent if begin and begin.parent is not None else origin.run if origin else None,
        line=origin.line if origin else None,
        batch=origin.batch if origin else None,
        index=origin.index if origin else None,
        seconds=usage.seconds,
        steps=steps,
        discarded=discarded,
        flags=tuple(run.flags),
        edits=tuple(run.edits),
        usage=_recorded(usage, end.usage, _answered_by_user((*steps, *discarded))) if end and _is_ledgers(run) else usage,
        warnings=tuple(run.warnings),
        pauses=_pauses(run),
        **(_of_start(begin) if begin else {}),
        **(_of_end(end) if end else {}),
    )


def _status(run: OpenRun, unfinished: str) -> str:
    if run.end is not None:
        return run.end.status
    if run.end_status is not None:
        return run.end_status
    paused = len(run.resumed) < len(run.pauses)
    return "paused" if paused and unfinished == "running" else unfinished


def _of_start(event: ev.RunStarted) -> dict[str, Any]:
    names = (
        "question", "model", "sub_model", "budget", "started", "profile", "depth", "schema", "cassette", "origin", "versions",
        "imported",
    )  # fmt: skip
    return {**{name: getattr(event, name) for name in names}, "contexts": tuple(event.contexts), "tools": tuple(event.tools)}


def _of_end(event: ev.RunFinished) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("answer", "answer_text", "answer_type", "limit", "error")}


def _pauses(run: OpenRun) -> tuple[Pause, ...]:
    lengths = [event.seconds for event in run.resumed] + [None] * (len(run.pauses) - len(run.resumed))
    return tuple(
        Pause(reason=event.reason, step=event.step, block=event.block, line=event.line, t=event.t, seconds=seconds)
        for event, seconds in zip(run.pauses, lengths, strict=True)
    )


def _steps(run: OpenRun, built: Mapping[str, Trajectory], last: float) -> tuple[Step, ...]:
    opened = list(run.steps.values())
    spans = [(step.started.t, last if step.ended is None else step.ended) for step in opened]
    seconds = [max(end - begin - _held(run, begin, end), 0.0) for begin, end in spans]
    return tuple(_step(step, time, built) for step, time in zip(opened, seconds, strict=True))


def _discarded(run: OpenRun, built: Mapping[str, Trajectory]) -> tuple[Step, ...]:
    spans = [(step.started.t, step.ended or step.started.t) for step in run.discarded]
    return tuple(
        _step(step, max(end - begin - _held(run, begin, end), 0.0), built)
        for step, (begin, end) in zip(run.discarded, spans, strict=True)
    )


def _held(run: OpenRun, begin: float, end: float) -> float:
    """How long the run was paused between two times: waiting for a person is not the step's time."""
    return sum(event.seconds for event in run.resumed if begin < event.t <= end)


def _step(step: OpenStep, seconds: float, built: Mapping[str, Trajectory]) -> Step:
    blocks = tuple(_built_block(block, built) for block in step.blocks.values())
    reply, failure = step.reply, step.failure
    return Step(
        number=step.started.step,
        messages=tuple(step.messages),
        dropped=step.started.dropped,
        started=step.started.t,
        seconds=seconds,
        model_seconds=(reply.seconds if reply else 0.0) + step.lost_seconds,
        code_seconds=sum(block.seconds for block in blocks),
        reply=reply.text if reply else None,
        reply_error=failure.error if failure and not reply else None,
        model=reply.model if reply else "",
        prompt_tokens=reply.prompt_tokens if reply else 0,
        completion_tokens=reply.completion_tokens if reply else 0,
        cost=reply.cost if reply else None,
        retries=(reply.retries if reply else 0) + (failure.retries if failure else 0),
        finish_reason=reply.finish_reason if reply else "",
        source=reply.source if reply else "",
        blocks=blocks,
        flags=tuple(step.flags),
        edits=tuple(step.edits),
        interventions=tuple(step.interventions),
    )


def _built_block(block: OpenBlock, built: Mapping[str, Trajectory]) -> Block:
    calls = tuple(_call(call) for call in block.calls)
    members: dict[int, list[Call]] = {}
    for call in calls:
        if call.batch is not None:
            members.setdefault(call.batch, []).append(call)
    end = block.end
    return Block(
        number=block.started.block,
        code=block.started.code,
        started=block.started.t,
        seconds=end.seconds if end else 0.0,
        finished=end is not None,
        outputs=_outputs(block.outputs),
        calls=calls,
        batches=tuple(_batch(event, members.get(event.batch, [])) for event in block.batches),
        children=tuple(built[name] for name in block.children),
        error=end.error if end else None,
        variables=end.variables if end else {},
        digest=end.digest if end else "",
    )


def _batch(event: ev.BatchStarted, calls: list[Call]) -> Batch:
    return Batch(number=event.batch, size=event.size, line=event.line, children=event.children, calls=tuple(calls))


def _outputs(events: list[ev.Output]) -> tuple[OutputPart, ...]:
    """Pieces that a stream wrote one after another become one."""
    runs: list[list[ev.Output]] = []
    for event in events:
        joins = runs and event.kind == runs[-1][0].kind and event.kind in {"stdout", "stderr"} and not (event.cut or event.data)
        if joins and not runs[-1][0].data:
            runs[-1].append(event)
        else:
            runs.append([event])
    return tuple(
        OutputPart(kind=run[0].kind, text="".join(event.text for event in run), data=run[0].data, cut=run[0].cut) for run in runs
    )


def _call(call: OpenCall) -> Call:
    begin, end = call.started, call.end
    answered = end if isinstance(end, ev.CallFinished) else None
    failed = end if isinstance(end, ev.CallFailed) else None
    status: CallStatus = "answered" if answered else "failed" if failed else "waiting"
    return Call(
        number=begin.call,
        prompt=begin.prompt,
        model=answered.model if answered else begin.model,
        line=begin.line,
        batch=begin.batch,
        index=begin.index,
        status=status,
        answer=answered.answer if answered else None,
        error=failed.error if failed else None,
        kind=failed.kind if failed else None,
        prompt_tokens=answered.prompt_tokens if answered else 0,
        completion_tokens=answered.completion_tokens if answered else 0,
        cost=answered.cost if answered else None,
        seconds=end.seconds if end else 0.0,
        retries=end.retries if end else 0,
        started=begin.t,
        source=answered.source if answered else "",
        asked=begin.model,
    )


def _usage(steps: tuple[Step, ...], seconds: float) -> Usage:
    """Sums over a run and its children; `steps` are the run's own."""
    blocks = [block for step in steps for block in step.blocks]
    calls = [call for block in blocks for call in block.calls]
    children = [child.usage for block in blocks for child in block.children]
    spent: list[Step | Call | Usage] = [*steps, *calls, *children]
    costs = [item.cost for item in spent if item.cost is not None]
    return Usage(
        steps=len(steps),
        calls=len(calls) + sum(usage.calls for usage in children),
        prompt_tokens=sum(item.prompt_tokens for item in spent),
        completion_tokens=sum(item.completion_tokens for item in spent),
        cost=sum(costs) if costs else None,
        seconds=seconds,
    )


def _is_ledgers(run: OpenRun) -> bool:
    """Whether the end of a run tells what its steps took: a child tells nothing, a fork only what came after the shared steps."""
    if run.started is not None and run.started.imported:
        return True
    return run.origin is None and not (run.started is not None and ev.forked_from(run.started))


def _answered_by_user(steps: tuple[Step, ...]) -> int:
    """Calls of a run and its children that the user answered: listed as any other, but nothing was spent for them."""
    blocks = [block for step in steps for block in step.blocks]
    calls = sum(call.model == "user" != call.asked and not call.source for block in blocks for call in block.calls)
    return calls + sum(_answered_by_user((*child.steps, *child.discarded)) for block in blocks for child in block.children)


def _recorded(usage: Usage, recorded: Mapping[str, Any], by_user: int) -> Usage:
    """The ledger's own figures where the log has them; they also know what was spent on replies that were lost."""

    def whole(name: str, default: int) -> int:
        value = recorded.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    cost = recorded.get("cost", usage.cost)
    return Usage(
        steps=usage.steps,
        calls=whole("calls", usage.calls - by_user) + by_user,
        prompt_tokens=whole("prompt_tokens", usage.prompt_tokens),
        completion_tokens=whole("completion_tokens", usage.completion_tokens),
        cost=cost if isinstance(cost, (int, float)) and not isinstance(cost, bool) else usage.cost,
        seconds=usage.seconds,
    )
