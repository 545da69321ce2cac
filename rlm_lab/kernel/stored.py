"""Runs in the runs folder: found by id or path, listed as a table. Needs no IPython. Any thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlm_lab.errors import LogError
from rlm_lab.kernel.tables import Table
from rlm_lab.kernel.words import near
from rlm_lab.trajectory.store import SUFFIX, RunHead, list_runs, load
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views import figures
from rlm_lab.views.words import status_word

MOST_ROWS = 20


def runs_table(folder: Path, known: Mapping[str, str] | None = None) -> Table:
    """The runs in a folder, the newest first; `known` are states of this process's runs, which a log under way cannot tell."""
    known = known or {}
    heads = list_runs(folder)
    rows = [_row(head, known.get(head.run, head.status)) for head in heads[:MOST_ROWS]]
    more = f" {len(heads) - MOST_ROWS:,} older runs are not shown." if len(heads) > MOST_ROWS else ""
    note_text = f"In {folder}.{more}" if heads else f"No runs yet in {folder}. Ask a question about a variable that is loaded."
    return Table(title="Runs", head=("run", "status", "question", "answer", "steps", "time", "model"), rows=rows, note=note_text)


def find_run(name: str | None, folder: Path) -> Trajectory:
    """The run of a log's path, or of an id (or its beginning) in a folder; without a name the newest."""
    if name is not None and (Path(name).is_file() or name.endswith(SUFFIX)):
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


def _row(head: RunHead, status: str) -> tuple[str, ...]:
    steps = "" if head.steps is None else str(head.steps)
    seconds = "" if head.seconds is None else figures.clock(head.seconds)
    return head.run, status_word(status), _clipped(head.question), _clipped(head.answer_text), steps, seconds, head.model


def _clipped(text: str, width: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
