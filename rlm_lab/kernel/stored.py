"""Runs in the runs folder: found by id or path, listed as a table. Needs no IPython. Any thread."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from rlm_lab.errors import LogError
from rlm_lab.kernel.tables import Table
from rlm_lab.kernel.words import near
from rlm_lab.trajectory.formats import format_of, load, place_of
from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.importing import import_runs
from rlm_lab.trajectory.listing import list_runs, name_of
from rlm_lab.trajectory.reading import SUFFIX, LogWarning, RunHead
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views import figures
from rlm_lab.views.words import NOT_RECORDED, status_word

MOST_ROWS = 20
_SURE = 10  # letters; so many at the beginning of an id are no other word


def runs_table(folder: Path, known: Mapping[str, str] | None = None) -> Table:
    """The runs in a folder, the newest first; `known` are states of this process's runs, which a log under way cannot tell."""
    known = known or {}
    heads = list_runs(folder)
    rows = [_row(head, known.get(head.run, head.status)) for head in heads[:MOST_ROWS]]
    more = f" {len(heads) - MOST_ROWS:,} older runs are not shown." if len(heads) > MOST_ROWS else ""
    note_text = f"In {folder}.{more}" if heads else f"No runs yet in {folder}; a question that is asked makes one."
    return Table(title="Runs", head=("run", "status", "question", "answer", "steps", "time", "model"), rows=rows, note=note_text)


def import_table(source: str, to: str | Path) -> Table:
    """Imports the runs of a log, or of a folder of logs (see `import_runs`); what came of it, a row for each."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", LogWarning)
        written = import_runs(source, to)
    rows = [(name_of(path), str(path)) for path in written]
    note = " ".join([*(str(one.message) for one in told), *([] if rows else [f"{source} holds no run of another engine."])])
    return Table(title="Imported", head=("run", "log"), rows=rows, note=note)


def find_run(name: str | None, folder: Path) -> Trajectory:
    """The run of a log's path, or of an id (or its beginning) in a folder; without a name the newest."""
    if name is not None and _is_log(Path(name)):
        return load(Path(name))
    heads = list_runs(folder)
    if name is None:
        if not heads:
            raise LogError(f"There are no runs in {folder}; ask a question first, or give the path of a log.")
        return load(heads[0].path)
    found = [head for head in heads if head.run == name] or [head for head in heads if head.run.startswith(name)]
    if not found:
        raise LogError(f"There is no run {name!r} in {folder}, and no such file.{near(name, (head.run for head in heads))}")
    if len(found) > 1:
        raise LogError(f"{len(found)} runs in {folder} begin with {name!r}; give more of the id, such as {found[0].run}.")
    return load(found[0].path)


def is_stored(word: str, folder: Path) -> bool:
    """Whether a word can only mean a run: a log's path, or an id (or a long beginning of one) in a folder."""
    if len(word) >= _SURE and _is_log(Path(word)):
        return True
    return any(head.run == word or (len(word) >= _SURE and head.run.startswith(word)) for head in list_runs(folder))


def _is_log(path: Path) -> bool:
    """Whether a word is a log, of whichever engine, and not the id of a run."""
    place = place_of(path)[0]
    return place.is_file() or path.name.endswith(SUFFIX) or (place.is_dir() and format_of(Source(place)) is not None)


def _row(head: RunHead, status: str) -> tuple[str, ...]:
    steps = "" if head.steps is None else str(head.steps)
    seconds = "" if head.seconds is None else figures.clock(head.seconds)
    texts = {"question": _clipped(head.question), "times": seconds, "model": head.model}
    question, took, model = (text or (NOT_RECORDED if fact in head.absent else "") for fact, text in texts.items())
    return name_of(head.path), status_word(status), question, _clipped(head.answer_text), steps, took, model


def _clipped(text: str, width: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
