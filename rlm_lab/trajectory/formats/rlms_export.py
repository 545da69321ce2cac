"""A trajectory as a log of the official `rlms` package, for its viewer and its users: JSON lines, a child run nested in its call.

What that format has no place for (the question, tokens of replies, the lines of calls) stands under the key `rlm_lab`, which others
pass over, and from which `formats.rlms` reads it again. Any thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rlm_lab.errors import UsageError
from rlm_lab.trajectory.formats.rlms import OURS
from rlm_lab.trajectory.formats.values import Record
from rlm_lab.trajectory.tree import Block, Call, Step, Trajectory


def write(trajectory: Trajectory, path: str | Path) -> Path:
    """Writes the run as a log of `rlms`; gives its path.

    Parameters
    ----------
    trajectory: any run, whichever engine it is of.
    path: the file, which is written over; its folder is made.

    Raises `UsageError` where it cannot be written.
    """
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
            for line in lines(trajectory):
                file.write(json.dumps(line, default=repr) + "\n")
    except OSError as error:
        raise UsageError(f"The log cannot be written to {path}: {error.strerror or error}.") from None
    return path


def lines(trajectory: Trajectory) -> Iterator[Record]:
    """The lines of the log, as objects.

    >>> [line["type"] for line in lines(Trajectory(run="a", status="done", steps=(Step(number=1, reply="FINAL(1)"),)))]
    ['metadata', 'iteration']
    """
    yield {"type": "metadata", "timestamp": _stamp(trajectory, 0.0), **_metadata(trajectory)}
    yield from _iterations(trajectory)


def _metadata(run: Trajectory) -> Record:
    told = {
        "run": run.run, "question": run.question, "sub_model": run.sub_model, "contexts": [dict(one) for one in run.contexts],
        "status": run.status, "answer": run.answer, "error": run.error, "limit": run.limit, "seconds": run.seconds,
        "started": run.started, "absent": sorted(run.absent),
    }  # fmt: skip
    return {
        "root_model": run.model,
        "max_depth": run.budget.get("depth", 1),
        "max_iterations": run.budget.get("steps") or max(len(run.steps), 1),
        "backend": "openai",
        "backend_kwargs": {"model_name": run.model},
        "environment_type": "local",
        "environment_kwargs": {},
        "other_backends": None,
        OURS: told,
    }


def _iterations(run: Trajectory) -> Iterator[Record]:
    prompt: list[Record] = []
    known: Record = {}
    for step in run.steps:
        prompt = [*prompt, *(dict(message) for message in step.messages)]
        final = run.answer_text if run.status == "done" and step is run.steps[-1] else None
        blocks = [_block(block, known, final if block is step.blocks[-1] else None) for block in step.blocks]
        yield {
            "type": "iteration",
            "iteration": step.number,
            "timestamp": _stamp(run, step.started + step.seconds),
            "prompt": prompt,
            "response": step.reply or "",
            "code_blocks": blocks,
            "final_answer": final,
            "iteration_time": step.seconds,
            OURS: _of_reply(step),
        }


def _of_reply(step: Step) -> Record:
    return {
        "model": step.model,
        "prompt_tokens": step.prompt_tokens,
        "completion_tokens": step.completion_tokens,
        "cost": step.cost,
        "seconds": step.model_seconds,
    }


def _block(block: Block, known: Record, final: str | None) -> Record:
    """A block and its result; `known` are the variables so far, which the format repeats in each."""
    for kind in ("added", "changed"):
        found = block.variables.get(kind)
        known.update({name: _shown(about) for name, about in found.items()} if isinstance(found, Mapping) else {})
    errors = [part.text for part in block.outputs if part.kind == "stderr"]
    errors += [f"{block.error.get('type')}: {block.error.get('message')}"] if block.error else []
    both: list[Call | Trajectory] = [*block.calls, *block.children]
    asked = sorted(both, key=_began)
    result = {
        "stdout": "".join(part.text for part in block.outputs if part.kind != "stderr"),
        "stderr": "\n".join(errors),
        "locals": dict(known),
        "execution_time": block.seconds,
        "rlm_calls": [_call(one) if isinstance(one, Call) else _child(one) for one in asked],
        "final_answer": final,
        OURS: {"variables": dict(block.variables)},
    }
    return {"code": block.code, "result": result}


def _shown(about: Any) -> Any:
    return about.get("repr") if isinstance(about, Mapping) else about


def _began(one: Call | Trajectory) -> float:
    return one.started if isinstance(one, Call) else one.steps[0].started if one.steps else 0.0


def _call(call: Call) -> Record:
    failed = call.error or ("It was not answered." if call.status == "waiting" else None)
    told = {"line": call.line, "batch": call.batch, "index": call.index}
    spent = _usage(call.model, call.prompt_tokens, call.completion_tokens, call.cost)
    made = {"root_model": call.model, "prompt": call.prompt, "response": call.answer or "", "usage_summary": spent}
    return {**made, "execution_time": call.seconds, OURS: told, **({} if failed is None else {"error": failed})}


def _child(run: Trajectory) -> Record:
    usage = run.usage
    return {
        "root_model": run.model,
        "prompt": run.question,
        "response": run.answer_text,
        "usage_summary": _usage(run.model, usage.prompt_tokens, usage.completion_tokens, usage.cost),
        "execution_time": run.seconds,
        "metadata": {"run_metadata": _metadata(run), "iterations": list(_iterations(run))},
        OURS: {"line": run.line, "batch": run.batch, "index": run.index},
    }


def _usage(model: str, tokens_in: int, tokens_out: int, cost: float | None) -> Record:
    spent: Record = {"total_calls": 1, "total_input_tokens": tokens_in, "total_output_tokens": tokens_out}
    return {"model_usage_summaries": {model: spent if cost is None else spent | {"total_cost": cost}}}


def _stamp(run: Trajectory, t: float) -> str:
    """A time of the run as ISO 8601; of a run without a start the seconds alone."""
    try:
        return (datetime.fromisoformat(run.started) + timedelta(seconds=t)).isoformat()
    except (ValueError, OverflowError):
        return ""
