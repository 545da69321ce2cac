"""A run as a notebook that runs without a model: what was asked is answered from the record, which its first cell holds.

Everything in it is data of nbformat; the code is the run's own, as it ran, and `notebook_replay`. Nothing is executed here. May
be used from any thread.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.analysis.acts import FINALS, act_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.trajectory.tree import Block, Intervention, OutputPart, Step, Trajectory
from rlm_lab.views import markdown_parts as parts
from rlm_lab.views.clean import plain
from rlm_lab.views.harmless import bundle_of
from rlm_lab.views.markdown_file import child_text, heading
from rlm_lab.views.notebook_code import called, is_python, unfit_to_run
from rlm_lab.views.notebook_record import blocks_of, data_cell, record_cell

_LONGEST_ID = 64  # characters, of nbformat
_HOW = (
    "The run's code stands here as it ran, with what it showed. It can be run again, and no model is asked: the first cell holds "
    "what the models had answered. Run the cells from the top."
)


@dataclass(slots=True)
class _Maker:
    """The cells so far. `count` is the execution count of the last code cell."""

    cells: list[Any] = field(default_factory=list)
    count: int = 0
    ids: set[str] = field(default_factory=set)

    def text(self, name: str, *paragraphs: str) -> None:
        from nbformat import v4

        if source := "\n\n".join(part for part in paragraphs if part):
            self.cells.append(v4.new_markdown_cell(source, id=self._id(name)))

    def code(self, name: str, source: str, outputs: list[Any] | None = None, **metadata: Any) -> None:
        from nbformat import v4

        for output in outputs or []:
            if output["output_type"] == "execute_result":
                output["execution_count"] = self.count + 1
        self.count += 1
        made = v4.new_code_cell(source, id=self._id(name), execution_count=self.count, outputs=outputs or [], metadata=metadata)
        self.cells.append(made)

    def _id(self, name: str) -> str:
        """The name, where it can be a cell's: a log may number its steps as it likes, and no two cells have one id."""
        if len(name) > _LONGEST_ID or name in self.ids:
            name = f"cell-{len(self.cells) + 1}"
        self.ids.add(name)
        return name


def notebook_of(trajectory: Trajectory, data: Mapping[str, tuple[Path, str]] | None = None) -> Any:
    """The notebook, as nbformat has it.

    Parameters
    ----------
    trajectory: of the run; its child runs are told step by step in folded text, their answers come from the record.
    data: for contexts that are stored beside the notebook, their files, relative to it, and the library that reads them.

    >>> len(notebook_of(Trajectory(run="a", status="done", question="Why?")).cells)
    3
    """
    from nbformat import v4

    maker = _Maker()
    maker.text("question", heading(trajectory), parts.facts(trajectory), _HOW, *_limits(trajectory))
    maker.code("record", record_cell(trajectory), jupyter={"source_hidden": True}, tags=["rlm-record"])
    if source := data_cell(trajectory, data or {}):
        maker.text("data-told", "The data is not part of a run's record. This cell finds it, or says what is missing.")
        maker.code("data", source)
    for step in trajectory.steps:
        _step(maker, trajectory, step)
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
    if any(block.children for block in blocks_of(trajectory)):
        yield (
            "Child runs stand folded below the cell that asked them, step by step; their answers come from the record, "
            "and their code is not run."
        )


# steps


def _step(maker: _Maker, run: Trajectory, step: Step) -> None:
    name = f"step-{step.number}"
    maker.text(name, f"## Step {step.number}: {act_of(step).word}", parts.prose(reasoning_of(step)), *parts.remarks(step))
    waiting = list(enumerate(step.interventions, 1))
    for block in step.blocks:
        while waiting and waiting[0][1].t <= block.started:
            _meanwhile(maker, run, f"{name}-pause-{waiting[0][0]}", waiting.pop(0)[1])
        _block(maker, f"{name}-block-{block.number}", block)
    for number, done in waiting:
        _meanwhile(maker, run, f"{name}-pause-{number}", done)


def _meanwhile(maker: _Maker, run: Trajectory, name: str, done: Intervention) -> None:
    """The cells that the user ran while the run was paused: to be run between blocks, and only told in the midst of one."""
    pause = next((one for one in reversed(run.pauses) if one.t <= done.t), None)
    inside = pause is not None and pause.block is not None
    for number, source in enumerate(done.cells, 1):
        if inside or not is_python(source):
            why = "in the midst of the block above" if inside else "with commands of the notebook"
            maker.text(f"{name}-{number}", f"*The user ran this {why}; it is not run again here:*", parts.fenced(source, "python"))
        else:
            maker.text(f"{name}-{number}-told", "*The user ran this while the run was paused:*")
            maker.code(f"{name}-{number}", _storable(source))


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
