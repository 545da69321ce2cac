"""Traces of `predict-rlm`: one JSON object with the steps of a run, its `predict()` calls in groups, tokens, cost and times.

It holds neither the question nor the data, nor the prompts of the root model, nor the answer: that stands in the prediction.
Calls of a group that ran at the same time are shown as a batch. Nothing is read or written here. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Asked, Recorder, Spent
from rlm_lab.trajectory.formats.values import Record, number, record, records, seconds, text, whole

NAME = "predict-rlm"
HOLDS = ("calls", "tokens", "times", "model")
_STATUS = {"completed": "done", "max_iterations": "out_of_budget", "error": "failed"}


def recognises(first: Any) -> bool:
    """Whether this is such a trace."""
    return isinstance(first, dict) and {"status", "model", "iterations", "steps", "usage"} <= first.keys()


def read(source: Source) -> Iterator[Recorder]:
    """The run of a trace."""
    trace = record(source.whole(), "trace")
    run = Recorder(source.name, format=NAME, file=source.file, holds=HOLDS)
    model = trace.get("model")
    most = whole(trace.get("max_iterations"))
    run.start(model=model, sub_model=trace.get("sub_model") or model, budget={} if most is None else {"steps": most})
    for step in records(trace.get("steps"), "steps"):
        _step(run, step)
    status = _STATUS.get(text(trace.get("status")))
    if status is not None:
        run.finish(status, spent=_total(trace), limit="steps" if status == "out_of_budget" else None)
    yield run


def _step(run: Recorder, step: Record) -> None:
    begin, took = run.now, seconds(step.get("duration_ms"))
    groups = records(step.get("predict_calls"), "predict_calls")
    calls = [_asked(group, call) for group in groups for call in records(group.get("calls"), "calls")]
    waited = sum(number(call.spent.seconds) or 0.0 for call in calls)
    run.step()
    main = _usage(record(step.get("usage"), "usage").get("main"))
    run.reply(step.get("reasoning"), spent=main)
    run.block(step.get("code"))
    run.now = max(begin + (took or 0.0) - waited, begin)
    for group in groups:
        _group(run, [_asked(group, call) for call in records(group.get("calls"), "calls")])
    _end(run, step, waited)
    run.now = begin + (took or 0.0)


def _group(run: Recorder, calls: list[Asked]) -> None:
    if len(calls) == 1:
        run.call(calls[0])
    elif calls:
        run.batch(calls)


def _end(run: Recorder, step: Record, waited: float) -> None:
    output = text(step.get("untruncated_output") or step.get("output"))
    failed = step.get("error") is True
    run.output("" if failed else output)
    run.end_block(took=waited, error=output or "Error" if failed else None)


def _asked(group: Record, call: Record) -> Asked:
    """A call's inputs as its prompt, its outputs as its answer, each with the signature's name."""
    instructions = text(group.get("instructions"))
    given = "\n".join(f"{key}: {text(value)}" for key, value in record(call.get("input"), "input").items())
    got = record(call.get("output"), "output")
    answer = text(next(iter(got.values()))) if len(got) == 1 else text(got)
    spent = _usage(call.get("usage"), call.get("duration_ms"))
    signature = text(group.get("signature"))
    prompt = "\n\n".join(part for part in (signature, instructions, given) if part)
    return Asked(prompt=prompt, answer=answer, error=call.get("error"), model=group.get("model"), spent=spent)


def _usage(value: Any, milliseconds: Any = None) -> Spent:
    """A cost of 0 is what the trace says where no price is known, too: then none is told."""
    usage = record(value, "usage")
    return Spent(
        tokens_in=usage.get("input_tokens"),
        tokens_out=usage.get("output_tokens"),
        cost=number(usage.get("cost")) or None,
        seconds=seconds(milliseconds),
    )


def _total(trace: Record) -> Spent:
    parts = [_usage(part) for part in record(trace.get("usage"), "usage").values() if isinstance(part, dict)]
    return Spent(
        tokens_in=sum(whole(part.tokens_in) or 0 for part in parts),
        tokens_out=sum(whole(part.tokens_out) or 0 for part in parts),
        cost=sum(number(part.cost) or 0.0 for part in parts) or None,
        seconds=seconds(trace.get("duration_ms")),
    )
