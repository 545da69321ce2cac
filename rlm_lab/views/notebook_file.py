"""A run as a notebook that runs without a model: what was asked is answered from the record, which its first cell holds.

Everything in it is data of nbformat; the code is the run's own, as it ran, and `notebook_replay`. Nothing is executed here. May
be used from any thread.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.analysis.acts import FINALS, act_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.trajectory.tree import Block, OutputPart, Step, Trajectory
from rlm_lab.views import markdown_parts as parts
from rlm_lab.views import notebook_replay
from rlm_lab.views.clean import plain
from rlm_lab.views.harmless import bundle_of
from rlm_lab.views.markdown_file import child_text, heading
from rlm_lab.views.notebook_code import called, missing_names, unfit_to_run

_HOW = (
    "The run's code stands here as it ran, with what it showed. It can be run again, and no model is asked: the first cell holds "
    "what the models had answered. Run the cells from the top."
)


@dataclass(slots=True)
class _Maker:
    """The cells so far. `count` is the execution count of the last code cell."""

    cells: list[Any] = field(default_factory=list)
    count: int = 0

    def text(self, name: str, *paragraphs: str) -> None:
        from nbformat import v4

        if source := "\n\n".join(part for part in paragraphs if part):
            self.cells.append(v4.new_markdown_cell(source, id=name))

    def code(self, name: str, source: str, outputs: list[Any] | None = None, **metadata: Any) -> None:
        from nbformat import v4

        for output in outputs or []:
            if output["output_type"] == "execute_result":
                output["execution_count"] = self.count + 1
        self.count += 1
        made = v4.new_code_cell(source, id=name, execution_count=self.count, outputs=outputs or [], metadata=metadata)
        self.cells.append(made)


def notebook_of(trajectory: Trajectory, data: Mapping[str, tuple[Path, str]] | None = None) -> Any:
    """The notebook, as nbformat has it.

    Parameters
    ----------
    trajectory: of the run; its child runs are told in folded text, their answers come from the record.
    data: for contexts that are stored beside the notebook, their files, relative to it, and the library that reads them.

    >>> len(notebook_of(Trajectory(run="a", status="done", question="Why?")).cells)
    3
    """
    from nbformat import v4

    maker = _Maker()
    maker.text("question", heading(trajectory), parts.facts(trajectory), _HOW, *_limits(trajectory))
    maker.code("record", _record_cell(trajectory), jupyter={"source_hidden": True}, tags=["rlm-record"])
    if source := _data_cell(trajectory, data or {}):
        maker.text("data-told", "The data is not part of a run's record. This cell finds it, or says what is missing.")
        maker.code("data", source)
    for step in trajectory.steps:
        _step(maker, step)
    _answer(maker, trajectory)
    about = {"run": plain(trajectory.run), "version": __version__}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(
        cells=maker.cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}, "rlm_lab": about}
    )


def write_notebook(notebook: Any, path: Path) -> None:
    """Writes it into a file. Raises `OSError`."""
    import nbformat

    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def _limits(trajectory: Trajectory) -> Iterator[str]:
    """What the notebook does not hold of the run."""
    number = len(trajectory.discarded)
    if number:
        told = "One step that was" if number == 1 else f"{number:,} steps that were"
        yield f"{told} put aside when the run was taken back {'is' if number == 1 else 'are'} left out here; the log has all."
    if "calls" in trajectory.absent:
        yield "The log does not hold what sub-models answered: where the code asks one, the notebook stops."
    if any(block.children for block in _blocks(trajectory)):
        yield "Child runs are told in folded text; their answers come from the record, too, and their code is not run."


# cells that make the others run


def _record_cell(trajectory: Trajectory) -> str:
    """The record, a line an answer, between the source of `notebook_replay` and the names that it binds."""
    record: dict[str, Any] = {
        "calls": [_call(call) for block in _blocks(trajectory) for call in block.calls if call.status != "waiting"],
        "children": [_child(child) for block in _blocks(trajectory) for child in block.children],
        "refused": _refusal(trajectory),
    }
    lines = ["_rlm_answers = {}"]
    for kind in ("calls", "children"):
        listed = "".join(f"    {json.dumps(entry)!r},\n" for entry in record[kind])
        lines.append(f"_rlm_answers[{kind!r}] = [_json.loads(line) for line in [\n{listed}]]")
    lines.append(f"_rlm_answers['refused'] = _json.loads({json.dumps(record['refused'])!r})")
    lines += ["rlm_record = RecordedRun(_rlm_answers, globals())", "globals().update(rlm_record.names())"]
    lines += ["_get_shell = globals().get('get_ipython')", "if _get_shell:\n    _get_shell().automagic = False  # as in a run"]
    code = "\n".join(block.code for block in _blocks(trajectory))
    lines += ["let_asyncio_run()"] if "asyncio.run" in code else []
    lines += (
        ["import json, math, re  # a run with a small model has these without an import"] if trajectory.profile == "small" else []
    )
    source = Path(notebook_replay.__file__).read_text(encoding="utf-8")
    return "\n".join(
        [f"# What the models answered in run {plain(trajectory.run)!a:.80}, and the functions that give it.\n", source, *lines]
    )


def _call(call: Any) -> dict[str, str]:
    if call.status == "answered":
        return {"asked": call.prompt, "answer": call.answer or ""}
    return {"asked": call.prompt, "kind": call.kind or "ModelError", "error": call.error or "The call failed."}


def _child(child: Trajectory) -> dict[str, str]:
    if child.status in {"done", "out_of_budget"} and not child.error:
        return {"asked": child.question, "answer": child.answer_text}
    return {"asked": child.question, "kind": "RLMError", "error": child.error or f"The child run {child.status}."}


def _refusal(trajectory: Trajectory) -> dict[str, str] | None:
    """What was said to calls beyond the budget, which leave no other trace than the error of their block."""
    errors = [block.error for block in _blocks(trajectory) if block.error and block.error.get("type") == "BudgetExceededError"]
    return {"kind": "BudgetExceededError", "error": str(errors[0].get("message"))} if errors else None


def _blocks(trajectory: Trajectory) -> Iterator[Block]:
    for step in trajectory.steps:
        yield from step.blocks


def _data_cell(trajectory: Trajectory, data: Mapping[str, tuple[Path, str]]) -> str:
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
    for name in missing_names(list(_blocks(trajectory)), known={*names, "context"} if len(names) == 1 else set(names)):
        needed[name] = "a tool" if name in trajectory.tools else "there before the run"
    if needed:
        lines += [f"# {name} = ..." for name in needed]
        lines += ["rlm_record.needs(", *(f"    {name}={plain(told)!r:.300}," for name, told in needed.items()), ")"]
    if len(names) == 1 and names != ["context"]:
        lines.append(f"context = {names[0]}")
    return "\n".join(lines)


# steps


def _step(maker: _Maker, step: Step) -> None:
    name = f"step-{step.number}"
    maker.text(name, f"## Step {step.number}: {act_of(step).word}", parts.prose(reasoning_of(step)), *parts.remarks(step))
    for block in step.blocks:
        _block(maker, f"{name}-block-{block.number}", block)


def _block(maker: _Maker, name: str, block: Block) -> None:
    why = unfit_to_run(block)
    if why:
        shown = [parts.fenced(parts.cut_note(part) + part.text) for part in block.outputs]
        maker.text(name, f"*Left as text: {parts.inline(why)}*", parts.fenced(block.code, "python"), *shown, _failure(block))
    else:
        outputs = [output for part in block.outputs for output in _outputs(part)]
        tags = {"tags": ["raises-exception"]} if block.error else {}
        maker.code(name, _storable(block.code), [*outputs, *_error(block)], **tags)
    maker.text(f"{name}-calls", parts.calls_of(block), *(child_text(child) for child in block.children))


def _failure(block: Block) -> str:
    return (
        f"**{parts.inline(str(block.error.get('type')))}** {parts.inline(str(block.error.get('message')))}" if block.error else ""
    )


def _outputs(part: OutputPart) -> Iterator[Any]:
    from nbformat import v4

    if part.kind in {"stdout", "stderr", "process"}:
        stream = "stderr" if part.kind == "stderr" else "stdout"
        yield v4.new_output("stream", name=stream, text=_storable(parts.cut_note(part) + part.text))
        return
    if part.cut:
        yield v4.new_output("stream", name="stdout", text=parts.cut_note(part))
    data = bundle_of(part.data, part.text)
    yield v4.new_output("execute_result" if part.kind == "value" else "display_data", data=data)


def _error(block: Block) -> Iterator[Any]:
    from nbformat import v4

    if block.error:
        error = {key: plain(str(block.error.get(key) or "")) for key in ("type", "message", "traceback")}
        lines = error["traceback"].split("\n")
        yield v4.new_output("error", ename=error["type"], evalue=error["message"], traceback=lines)


def _answer(maker: _Maker, trajectory: Trajectory) -> None:
    """The answer as text, and as a cell where the code above gives it."""
    if not trajectory.answer_text:
        maker.text("answer", "## No answer", parts.inline(trajectory.error or f"The run is {trajectory.status}."))
        return
    maker.text("answer", "## Answer", parts.fenced(trajectory.answer_text))
    last = trajectory.steps[-1].blocks if trajectory.steps else ()
    if any(called(block.code, FINALS | {"answer"}) for block in last):
        from nbformat import v4

        is_text = isinstance(trajectory.answer, str)
        text = repr(trajectory.answer) if is_text else trajectory.answer_text
        result = v4.new_output("execute_result", data={"text/plain": plain(text)})
        maker.code("answer-given", "rlm_record.final", [result])


def _storable(text: str) -> str:
    """The very text, but for what no file can hold."""
    return text.encode(sys.getdefaultencoding(), "replace").decode()
