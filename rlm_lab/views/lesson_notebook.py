"""A lesson as a notebook that runs: the run's own notebook, with a question before each step and the step folded.

The cells of the code are those of `notebook_file`, with what they showed; they are closed until somebody opens them. Nothing is
executed here. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlm_lab.analysis.lessons import Lesson, Slide
from rlm_lab.errors import UsageError
from rlm_lab.views import markdown_parts as parts

_CLOSED = {"source_hidden": True, "outputs_hidden": True}
_HOW = (
    "Guess before you look: below each question, open *See what it did*, then the closed cells (the blue bars, or View, Expand). "
    "The cells run without a model; the first one holds what the models had answered."
)
_LETTERS = "ABCD"


def lesson_notebook(taught: Lesson) -> Any:
    """The notebook, as nbformat has it. Raises `UsageError` for a lesson that was not drafted from a run."""
    from nbformat import v4

    from rlm_lab.views.notebook_file import notebook_of

    if taught.source is None:
        raise UsageError("This lesson has no run that its cells could be taken from; make it with rlm_lab.lesson(run).")
    made = notebook_of(taught.source)
    slides = {f"step-{slide.number}": slide for slide in taught.slides}
    cells: list[Any] = []
    for cell in made.cells:
        cells += _cells(cell, slides, taught)
    words = [f"**{parts.inline(term.word)}**: {parts.inline(term.meaning)}" for term in taught.glossary]
    cells.append(v4.new_markdown_cell(parts.folded("Glossary", "\n\n".join(words)), id="glossary"))
    made.cells = cells
    return made


def save_lesson_notebook(taught: Lesson, path: str | Path) -> Path:
    """Writes the notebook into a file; gives its path. Raises `UsageError` where that cannot be done."""
    from rlm_lab.views.notebook_file import write_notebook

    path = Path(path).expanduser()
    notebook = lesson_notebook(taught)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_notebook(notebook, path)
    except OSError as error:
        raise UsageError(f"The lesson cannot be written to {path}: {error.strerror or error}.") from None
    return path


def _cells(cell: Any, slides: dict[str, Slide], taught: Lesson) -> Iterator[Any]:
    """What stands in the lesson in place of a cell of the run's notebook."""
    name = str(cell.id)
    if name == "question":
        cell.source = _opening(taught)
    elif name in slides:
        cell.source = _question(slides[name])
    elif name.startswith("step-") and cell.cell_type == "markdown":
        cell.source = _other(name, cell.source)
    elif name.startswith(("step-", "answer-given")):
        cell.metadata["jupyter"] = dict(_CLOSED)
        cell.source = f"# Open this cell to see the code.\n{cell.source}"  # a closed cell shows its first line
    elif name == "answer":
        cell.source = f"## The end\n\n{parts.folded('See the answer', cell.source.partition(chr(10))[2])}"
    yield cell


def _other(name: str, source: str) -> str:
    """What a step says beside its question: that it is left out, its code where that cannot run, its calls."""
    if "-block-" not in name:
        step = parts.inline(name.replace("-", " ").capitalize())
        return f"*{step} is left out of the lesson; its code runs all the same.*"
    return parts.folded("What it asked" if name.endswith("-calls") else "Its code", source)


def _opening(taught: Lesson) -> str:
    slide = taught.opening
    shown = [parts.fenced(one.text) for one in slide.outputs]
    head = [f"# {parts.inline(taught.question) or 'A run'}", f"**{parts.inline(slide.title)}.** {parts.prose(slide.narration)}"]
    return "\n\n".join([*head, *shown, _HOW])


def _question(slide: Slide) -> str:
    lines = [f"## Step {slide.number}: what will the model do next?"]
    if slide.options:
        lines.append(
            "\n".join(f"- **{letter}** {parts.inline(one.text)}" for letter, one in zip(_LETTERS, slide.options, strict=False))
        )
    return "\n\n".join([*lines, parts.folded("See what it did", "\n\n".join(_revealed(slide)))])


def _revealed(slide: Slide) -> Iterator[str]:
    yield f"**{parts.inline(slide.title)}.** {parts.prose(slide.narration)}"
    rows = []
    for letter, option in zip(_LETTERS, slide.options, strict=False):
        mark = " **✓ this is what it did.**" if option.right else ""
        rows.append(f"- **{letter}** {parts.inline(option.text)}{mark} {parts.inline(option.reason)}")
    if rows:
        yield "\n".join(rows)
    if slide.talk:
        yield f"**To talk about.** {parts.prose(slide.talk)}"
