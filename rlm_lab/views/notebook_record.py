"""The cells of an exported notebook that make the others run: what the models had answered, and the data.

Everything of a run in them is a literal of Python. Pure functions; may be used from any thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.trajectory.tree import Block, Call, Trajectory
from rlm_lab.views import markdown_parts as parts
from rlm_lab.views import notebook_replay
from rlm_lab.views.clean import plain
from rlm_lab.views.notebook_code import import_of, missing_names


def record_cell(trajectory: Trajectory) -> str:
    """The record, a line an answer, between the source of `notebook_replay` and the names that it binds."""
    record: dict[str, Any] = {
        "calls": [_call(call) for block in blocks_of(trajectory) for call in block.calls if _has_ended(call)],
        "children": [_child(child) for block in blocks_of(trajectory) for child in block.children],
        "refused": _refusal(trajectory),
    }
    lines = ["_rlm_answers = {}"]
    for kind in ("calls", "children"):
        listed = "".join(f"    {json.dumps(entry)!r},\n" for entry in record[kind])
        lines.append(f"_rlm_answers[{kind!r}] = [_json.loads(line) for line in [\n{listed}]]")
    lines.append(f"_rlm_answers['refused'] = _json.loads({json.dumps(record['refused'])!r})")
    lines += ["rlm_record = RecordedRun(_rlm_answers, globals())", "globals().update(rlm_record.names())"]
    code = "\n".join(block.code for block in blocks_of(trajectory))
    shown = ["let_figures_show(_get_shell())"] if "matplotlib" in code else []
    of_shell = ["_get_shell().automagic = False  # as in a run", *shown]
    lines += ["_get_shell = globals().get('get_ipython')", "if _get_shell:", *(f"    {line}" for line in of_shell)]
    lines += ["let_asyncio_run()"] if "asyncio.run" in code else []
    lines += (
        ["import json, math, re  # a run with a small model has these without an import"] if trajectory.profile == "small" else []
    )
    source = Path(notebook_replay.__file__).read_text(encoding="utf-8")
    return "\n".join(
        [f"# What the models answered in run {plain(trajectory.run)!a:.80}, and the functions that give it.\n", source, *lines]
    )


def _has_ended(call: Call) -> bool:
    """Whether the code was told what came of a call; `engine.recorded` plays the same ones."""
    return call.status == "answered" or (call.status == "failed" and call.kind != "cancelled")


def _call(call: Call) -> dict[str, str]:
    if call.status == "answered":
        return {"asked": call.prompt, "answer": call.answer or ""}
    return {"asked": call.prompt, "kind": call.kind or "ModelError", "error": call.error or "The call failed."}


def _child(child: Trajectory) -> dict[str, str]:
    if child.status in {"done", "out_of_budget"} and not child.error:
        return {"asked": child.question, "answer": child.answer_text}
    return {"asked": child.question, "kind": "RLMError", "error": child.error or f"The child run {child.status}."}


def _refusal(trajectory: Trajectory) -> dict[str, str] | None:
    """What was said to calls beyond the budget, which leave no other trace than the error of their block."""
    errors = [block.error for block in blocks_of(trajectory) if block.error and block.error.get("type") == "BudgetExceededError"]
    return {"kind": "BudgetExceededError", "error": str(errors[0].get("message"))} if errors else None


def blocks_of(trajectory: Trajectory) -> Iterator[Block]:
    for step in trajectory.steps:
        yield from step.blocks


def data_cell(trajectory: Trajectory, data: Mapping[str, tuple[Path, str]]) -> str:
    """Loads what is stored beside the notebook, names what the reader has to bind."""
    lines, needed = [], {}
    contexts = parts.named_contexts(trajectory)
    for context in contexts:
        name = str(context["name"])
        if name in data:
            path, library = data[name]
            lines.append(f"{name} = rlm_record.load({path.as_posix()!r}{f', {library!r}' if library else ''})")
        else:
            needed[name] = parts.what_it_was(context)
    names = [str(context["name"]) for context in contexts]
    known = {*names, "context"} if len(names) == 1 else set(names)
    missing = missing_names(list(blocks_of(trajectory)), known)
    lines = [*filter(None, map(import_of, missing)), *lines]
    needed |= {name: _told_of(name, trajectory) for name in missing if not import_of(name)}
    if needed:
        lines += [f"# {name} = ..." for name in needed]
        lines += ["rlm_record.needs(", *(f"    {name}={plain(told)!r:.300}," for name, told in needed.items()), ")"]
    if len(names) == 1 and names != ["context"]:
        lines.append(f"context = {names[0]}")
    return "\n".join(lines)


def _told_of(name: str, trajectory: Trajectory) -> str:
    return "a tool of the run" if name in trajectory.tools else "there before the run began"
