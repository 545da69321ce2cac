"""A trajectory told again as events, for views that read events: what a trajectory does not hold (edits) is not told.

May be used from any thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.tree import ENDED, Block, Call, Step, Trajectory


def unfold(trajectory: Trajectory) -> list[ev.Event]:
    """Events that fold to this trajectory, in the order of their times.

    >>> [event.type for event in unfold(Trajectory(run="a", status="done", steps=(Step(number=1, reply="FINAL(1)"),)))]
    ['run_started', 'step_started', 'reply_received', 'run_finished']
    """
    return list(_run(trajectory))


def _run(run: Trajectory) -> Iterator[ev.Event]:
    yield ev.RunStarted(
        run=run.run, question=run.question, model=run.model, sub_model=run.sub_model, contexts=[dict(one) for one in run.contexts],
        budget=dict(run.budget), started=run.started, profile=run.profile, parent=run.parent, depth=run.depth, schema=run.schema,
        tools=list(run.tools), cassette=dict(run.cassette) if run.cassette else None,
        imported=dict(run.imported) if run.imported else None, t=run.steps[0].started if run.steps else 0.0,
    )  # fmt: skip
    for step in run.steps:
        yield from _step(run, step)
    end = run.steps[-1].started + run.steps[-1].seconds if run.steps else 0.0
    for pause in run.pauses[-1:] if run.status == "paused" else ():
        yield ev.Paused(run=run.run, reason=pause.reason, step=pause.step, block=pause.block, line=pause.line, t=pause.t)
    if run.status in ENDED and run.depth == 0 and run.parent is None:
        usage = {**dataclasses.asdict(run.usage)}
        yield ev.RunFinished(
            run=run.run, status=run.status, answer=run.answer, answer_text=run.answer_text, answer_type=run.answer_type,
            limit=run.limit, error=run.error, seconds=run.seconds, usage=usage, t=end,
        )  # fmt: skip


def _step(run: Trajectory, step: Step) -> Iterator[ev.Event]:
    yield ev.StepStarted(
        run=run.run, step=step.number, messages=[dict(one) for one in step.messages], dropped=step.dropped, t=step.started
    )
    replied = step.started + step.model_seconds
    if step.reply_error is not None:
        yield ev.ReplyFailed(run=run.run, step=step.number, error=step.reply_error, kind="", seconds=step.model_seconds, t=replied)
    elif step.reply is not None:
        yield ev.ReplyReceived(
            run=run.run, step=step.number, text=step.reply, model=step.model, prompt_tokens=step.prompt_tokens, cost=step.cost,
            completion_tokens=step.completion_tokens, seconds=step.model_seconds, retries=step.retries,
            finish_reason=step.finish_reason or "stop", t=replied,
        )  # fmt: skip
    for block in step.blocks:
        yield from _block(run, step, block)
    for flag in step.flags:
        yield ev.Flagged(run=run.run, step=step.number, flag=flag.flag, message=flag.message, t=step.started + step.seconds)


def _block(run: Trajectory, step: Step, block: Block) -> Iterator[ev.Event]:
    place: dict[str, Any] = {"step": step.number, "block": block.number}
    yield ev.BlockStarted(run=run.run, code=block.code, t=block.started, **place)
    for batch in block.batches:
        size, children = batch.size, batch.children
        yield ev.BatchStarted(
            run=run.run, batch=batch.number, size=size, line=batch.line, children=children, t=block.started, **place
        )
    for call in block.calls:
        yield from _call(run, place, call)
    for child in block.children:
        begin = child.steps[0].started if child.steps else block.started
        line, batch_number, index = child.line, child.batch, child.index
        yield ev.ChildStarted(run=run.run, child=child.run, line=line, batch=batch_number, index=index, t=begin, **place)
        yield from _run(child)
        if child.status in ENDED:
            yield ev.ChildFinished(run=run.run, child=child.run, status=child.status, t=begin + child.seconds)
    end = block.started + block.seconds
    for part in block.outputs:
        yield ev.Output(run=run.run, kind=part.kind, text=part.text, data=dict(part.data), cut=part.cut, t=end, **place)
    if block.finished or block.error is not None:
        error, variables = dict(block.error) if block.error else None, dict(block.variables)
        yield ev.BlockFinished(run=run.run, seconds=block.seconds, error=error, variables=variables, t=end, **place)


def _call(run: Trajectory, place: dict[str, Any], call: Call) -> Iterator[ev.Event]:
    where: dict[str, Any] = {"batch": call.batch, "index": call.index, "line": call.line}
    end = call.started + call.seconds
    yield ev.CallStarted(run=run.run, call=call.number, prompt=call.prompt, model=call.model, t=call.started, **place, **where)
    if call.status == "answered":
        yield ev.CallFinished(
            run=run.run, call=call.number, answer=call.answer or "", model=call.model, prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens, cost=call.cost, seconds=call.seconds, retries=call.retries, t=end,
        )  # fmt: skip
    elif call.status == "failed":
        error, kind = call.error or "", call.kind or ""
        yield ev.CallFailed(
            run=run.run, call=call.number, error=error, kind=kind, seconds=call.seconds, retries=call.retries, t=end
        )
