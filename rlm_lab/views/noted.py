"""Notes, tags and scores as text, as static HTML, and as rows for the live view. Hostile texts are escaped. Any thread."""

from __future__ import annotations

from collections.abc import Iterable

from rlm_lab.errors import LogError
from rlm_lab.trajectory.notes import Note
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.clean import escaped, plain

MOST = 200
_LONGEST = 2_000


def noted(trajectory: Trajectory) -> tuple[tuple[Note, ...], str]:
    """What was noted on a run, and why that cannot be told, if it cannot: a bad notes file never keeps a run from being shown."""
    try:
        return trajectory.notes.entries[:MOST], ""
    except LogError as error:
        return (), str(error)


def noted_lines(trajectory: Trajectory) -> list[str]:
    """A line each."""
    notes, trouble = noted(trajectory)
    return [*([f"! {plain(trouble)}"] if trouble else []), *(plain(f"✎ {_line(note)}") for note in notes)]


def noted_html(trajectory: Trajectory) -> str:
    """A paragraph each; nothing where nothing was noted."""
    notes, trouble = noted(trajectory)
    lines = [*([trouble] if trouble else []), *(f"✎ {_line(note)}" for note in notes)]
    told = "".join(f'<p class="rlm-wrap rlm-flag">{escaped(line)}</p>' for line in lines)
    return f'<div class="rlm-head">{told}</div>' if told else ""


def title_of(note: Note) -> str:
    """What kind it is, with a tag or a score as it reads.

    >>> title_of(Note(id="a", kind="score", text="right", value=1.0))
    'right 1'
    """
    if note.kind == "score":
        return f"{note.text} {note.value:g}"
    return f"#{note.text}" if note.kind == "tag" else "note"


def place_of(note: Note) -> str:
    """
    >>> place_of(Note(id="a", kind="tag", text="odd", step=2))
    'step 2'
    """
    parts = [f"{name} {number}" for name, number in (("step", note.step), ("call", note.call)) if number is not None]
    return ", ".join(parts) or "the run"


def tags_told(notes: Iterable[Note]) -> str:
    """The tags and scores in one line."""
    return " · ".join(title_of(note) for note in notes if note.kind != "note")


def _line(note: Note) -> str:
    text = f": {note.text[:_LONGEST]}" if note.kind == "note" else ""
    by = f" ({note.by}, {note.at[:10]})" if note.by else ""
    return f"{title_of(note)} on {place_of(note)}{text}{by}"
