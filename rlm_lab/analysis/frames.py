"""Runs as dataframes: a row for each call, a row for each step, child runs' too.

pandas is imported when a frame is made. Reads trajectories only; may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rlm_lab.analysis.acts import act_of
from rlm_lab.errors import ConfigError
from rlm_lab.trajectory.tree import Block, Call, Step, Trajectory

if TYPE_CHECKING:
    import pandas

CALLS = {
    "run": "str",
    "step": "Int64",
    "block": "Int64",
    "line": "Int64",
    "batch": "Int64",
    "index": "Int64",
    "call": "Int64",
    "model": "str",
    "prompt": "str",
    "answer": "str",
    "status": "str",
    "error": "str",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost": "Float64",
    "seconds": "Float64",
    "started": "Float64",
    "retries": "Int64",
    "source": "str",
    "depth": "Int64",
}
STEPS = {
    "run": "str",
    "step": "Int64",
    "act": "str",
    "model": "str",
    "reply": "str",
    "error": "str",
    "blocks": "Int64",
    "calls": "Int64",
    "failed": "boolean",
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "cost": "Float64",
    "seconds": "Float64",
    "model_seconds": "Float64",
    "code_seconds": "Float64",
    "started": "Float64",
    "retries": "Int64",
    "depth": "Int64",
}
_FACTS = {
    "model": "model",
    "prompt_tokens": "tokens",
    "completion_tokens": "tokens",
    "cost": "cost",
    "retries": "retries",
    **dict.fromkeys(("seconds", "started", "model_seconds", "code_seconds"), "times"),
}  # which fact of a log a column rests on


def calls_frame(runs: Trajectory | Iterable[Trajectory]) -> pandas.DataFrame:
    """All calls of runs and of their child runs, a row each, in the order in which they were started.

    `index` is the place in a batch, from 0; `started` and `seconds` are seconds, `cost` is in US dollars; what is not known is
    missing. A root run has the depth 0. Steps that were put aside are not counted. Raises `ConfigError` without pandas.

    >>> calls_frame(Trajectory(run="a", status="done")).columns[:3].tolist()
    ['run', 'step', 'block']
    """
    return _frame((_call(*place) for run in _listed(runs) for place in _calls(run)), CALLS)


def steps_frame(runs: Trajectory | Iterable[Trajectory]) -> pandas.DataFrame:
    """All steps of runs and of their child runs, a row each; `failed` says that a block ended with an error. Else as `calls_frame`.

    >>> steps_frame([Trajectory(run="a", status="done", steps=(Step(number=1),))]).step.tolist()
    [1]
    """
    return _frame((_step(run, step) for root in _listed(runs) for run in _tree(root) for step in run.steps), STEPS)


def _listed(runs: Any) -> list[Trajectory]:
    """Trajectories; a run stands for its own."""
    listed = runs if isinstance(runs, (list, tuple)) else [runs] if hasattr(runs, "steps") else list(runs)
    return [one if isinstance(one, Trajectory) else one.trajectory for one in listed]


def _frame(rows: Iterator[dict[str, Any]], columns: Mapping[str, str]) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError:
        raise ConfigError("A table needs pandas; install it with: python -m pip install pandas") from None
    found = list(rows)
    series = {name: pandas.Series([_storable(row[name]) for row in found], dtype=kind) for name, kind in columns.items()}
    return pandas.DataFrame(series)


def _storable(value: Any) -> Any:
    """The very text, but for lone surrogates, which neither pandas nor a file can hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _tree(run: Trajectory) -> Iterator[Trajectory]:
    yield run
    for step in run.steps:
        for block in step.blocks:
            for child in block.children:
                yield from _tree(child)


def _calls(root: Trajectory) -> Iterator[tuple[Trajectory, Step, Block, Call]]:
    found = [(run, step, block, call) for run in _tree(root) for step in run.steps for block in step.blocks for call in block.calls]
    return iter(sorted(found, key=lambda place: place[3].started))


def _call(run: Trajectory, step: Step, block: Block, call: Call) -> dict[str, Any]:
    own = {name: getattr(call, name) for name in CALLS.keys() - {"run", "step", "block", "call", "error", "depth"}}
    error = f"{call.kind}: {call.error}" if call.kind and call.error else call.error
    place = {"run": run.run, "step": step.number, "block": block.number, "call": call.number, "depth": run.depth}
    return _recorded({**own, **place, "error": error}, run)


def _step(run: Trajectory, step: Step) -> dict[str, Any]:
    own = {name: getattr(step, name) for name in STEPS.keys() & set(Step.__slots__) - {"blocks"}}
    failed = any(block.error for block in step.blocks)
    counted = {"blocks": len(step.blocks), "calls": step.calls, "failed": failed}
    place = {"run": run.run, "step": step.number, "depth": run.depth}
    return _recorded({**own, **counted, **place, "act": act_of(step).word, "error": step.reply_error}, run)


def _recorded(row: dict[str, Any], run: Trajectory) -> dict[str, Any]:
    """The row without figures that the log of another engine does not hold."""
    return {name: None if _FACTS.get(name) in run.absent else value for name, value in row.items()} if run.absent else row
