"""A lesson as one HTML file, to be shown on a wall and printed: no network, a strict policy, everything of a run as text.

May be used from any thread.
"""

from __future__ import annotations

import html
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rlm_lab.analysis.lesson_draft import lesson_of
from rlm_lab.analysis.lesson_file import beside, with_words
from rlm_lab.analysis.lessons import Lesson
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.formats import load
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.clean import plain, storable
from rlm_lab.views.code import code_pieces
from rlm_lab.views.lesson_static import lesson_html
from rlm_lab.views.page import document, write_page

_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]+$")
_PLAIN = "<style>html body{height:auto;margin:1em}#rlm-lab-view{display:none}</style>"
_HEIGHT = 720  # pixels of the slides in a notebook


def lesson(run: object, *, words: str | Path | bool = True) -> Lesson:
    """A run as a lesson: a slide for each step, drafted from what it does, with a question before it.

    Parameters
    ----------
    run: a `Run`, a `Trajectory`, or the path of a log.
    words: a teacher's file, whose words replace the drafts; True takes `RUN.rlm.lesson.md` beside the log where there is one,
        False takes none.

    Raises `LogError` where a file cannot be read, `UsageError` with file and line for words that do not fit the run.

    >>> lesson(Trajectory(run="a", status="done", question="Why?", answer_text="So.")).closing.so_far
    'So.'
    """
    trajectory = _trajectory(run)
    drafted = lesson_of(trajectory)
    if isinstance(words, (str, Path)):
        return with_words(drafted, Path(words).expanduser())
    file = beside(trajectory.path) if trajectory.path is not None else None
    return with_words(drafted, file) if words and file is not None and file.is_file() else drafted


def _trajectory(run: object) -> Trajectory:
    if isinstance(run, (str, Path)):
        return load(Path(run).expanduser())
    found = getattr(run, "trajectory", run)
    if not isinstance(found, Trajectory):
        raise UsageError(f"A lesson is made from a run, a trajectory or the path of a log; {run!r:.60} is something else.")
    path = getattr(run, "path", None)
    if found.path is None and isinstance(path, Path):
        return replace(found, path=path)
    return found


def lesson_json(taught: Lesson, *, back: str | None = None) -> dict[str, Any]:
    """What the page is drawn from; `back` is the address of the run itself."""
    told: dict[str, Any] = storable(asdict(replace(taught, path=None, source=None)))
    for slide in told["slides"]:
        slide["code"] = [code_pieces(code.rstrip()) for code in slide["code"]]
        for shown in slide["outputs"]:
            if not _PICTURE.match(shown["picture"]):
                shown["picture"] = ""
    return told | {"back": back}


def lesson_page(taught: Lesson) -> str:
    """The whole page; without scripts it shows what `lesson_html` gives.

    >>> "Why is it so?" in lesson_page(lesson(Trajectory(run="a", status="done", question="Why is it so?")))
    True
    """
    title = plain(taught.question)[:120] or "A lesson"
    return document(title, "lesson.js", "rlm-lab-lesson", lesson_json(taught), f"{_PLAIN}{lesson_html(taught)}")


def save_lesson(taught: Lesson, path: str | Path) -> Path:
    """Writes the page into a file; gives its path."""
    return write_page(lesson_page(taught), path)


def write_lesson(taught: Lesson, path: str | Path) -> Path:
    """Writes a lesson as what its file's ending says: `.html` a page, `.ipynb` a notebook, `.md` its words, to be edited."""
    writers = {".html": taught.to_html, ".ipynb": taught.to_notebook, ".md": taught.to_words}
    ending = Path(path).suffix.lower()
    if ending not in writers:
        raise UsageError(f"A lesson is written as .html, .ipynb or .md; {str(path)!r} ends otherwise.")
    return writers[ending](path)


def lesson_bundle(taught: Lesson) -> dict[str, Any]:
    """What a notebook shows: the slides in a frame that can reach nothing, and the same without scripts, folded.

    Where a site or an untrusted notebook takes the frame away, the second stays.
    """
    frame = (
        f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(lesson_page(taught), quote=True)}" title="Lesson" '
        f'style="width:100%;height:{_HEIGHT}px;border:1px solid rgba(128,128,128,.4)"></iframe>'
    )
    folded = f"<details><summary>The lesson, to be opened step by step, without scripts</summary>{lesson_html(taught)}</details>"
    text = f"{plain(repr(taught))}; .to_html(path) writes it as a page."
    return {"text/html": frame + folded, "text/plain": text}
