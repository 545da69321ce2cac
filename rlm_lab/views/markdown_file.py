"""A run as Markdown, to be read where code is: on GitHub, in an editor, in a ticket.

What a model wrote cannot become markup there (`markdown_parts`). Pure functions; may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.trajectory.tree import Block, Step, Trajectory
from rlm_lab.views import markdown_parts as parts
from rlm_lab.views import words

_TITLE = 100  # characters
_DEEPEST = 6


def markdown_of(trajectory: Trajectory) -> str:
    """The whole run.

    >>> print(markdown_of(Trajectory(run="a", status="done", question="Why?", answer_text="So.")).splitlines()[0])
    # Why?
    """
    return "\n\n".join(part for part in _whole(trajectory, 1) if part) + "\n"


def heading(trajectory: Trajectory, level: int = 1) -> str:
    """The question as a heading, and whole below it where it is longer."""
    question = words.question_text(trajectory).strip()
    title = clipped(question, _TITLE) or "A run"
    whole = "" if title == question else f"\n\n{parts.fenced(question)}"
    return f"{'#' * min(level, 6)} {parts.inline(title)}{whole}"


def child_text(child: Trajectory, level: int = 3) -> str:
    """A child run, folded, and in it each of its steps; one that lies very deep only by its answer."""
    title = f"Child run: {clipped(child.question, _TITLE)} ({words.status_word(child.status)})"
    inside = _whole(child, level, folded=True) if level < _DEEPEST else iter([parts.fenced(child.answer_text)])
    return parts.folded(title, "\n\n".join(part for part in inside if part))


def _whole(trajectory: Trajectory, level: int, *, folded: bool = False) -> Iterator[str]:
    yield heading(trajectory, level)
    yield parts.facts(trajectory)
    large, more = words.headline(trajectory)
    answer = trajectory.answer_text or f"{large}\n{more}".strip()
    yield f"**{'Answer' if trajectory.answer_text else 'No answer'}**"
    yield parts.fenced(answer)
    for step in trajectory.steps:
        title, inside = f"Step {step.number}: {act_of(step).word}", "\n\n".join(part for part in _step(step, level + 1) if part)
        yield parts.folded(title, inside) if folded else f"{'#' * min(level + 1, 6)} {title}\n\n{inside}".rstrip()


def _step(step: Step, level: int) -> Iterator[str]:
    yield parts.prose(reasoning_of(step))
    yield from parts.remarks(step)
    for done in step.interventions:
        yield from (parts.fenced(source, "python") for source in done.cells)
    for block in step.blocks:
        yield from _block(block, level)


def _block(block: Block, level: int) -> Iterator[str]:
    yield parts.fenced(block.code, "python")
    shown = "".join(_line_ended(parts.cut_note(part) + part.text) for part in block.outputs)
    if shown:
        yield parts.fenced(shown, "text")
    if block.error:
        yield parts.fenced(str(block.error.get("traceback") or f"{block.error.get('type')}: {block.error.get('message')}"), "text")
    if not block.finished:
        yield "*The block had not ended here.*"
    yield parts.calls_of(block)
    for child in block.children:
        yield child_text(child, level + 1)


def _line_ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"
