"""The runs that the dashboard knows, as rows: those of its folders, and those of this process that are not written down.

A file is looked at again only when it has changed. Runs under way, in whatever process, are followed, so that their figures grow.
What a file says is hostile: texts are made plain and cut. The dashboard's loop owns a `Shelf`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_lab.engine.run import Run
from rlm_lab.errors import LogError
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.following import Follower
from rlm_lab.trajectory.listing import Catalogue, Listed
from rlm_lab.trajectory.notes import notes_of, notes_path
from rlm_lab.trajectory.reading import RunHead
from rlm_lab.views.clean import plain
from rlm_lab.views.noted import tags_told

LONGEST = 300  # characters of a question or an answer
MOST = 5_000  # rows; older runs are left out, and that is said
READ = 8 * 1024 * 1024  # bytes of logs without an end that are added up in one look
FIGURES = {"tokens": "tokens", "calls": "calls", "cost": "cost", "times": "seconds"}  # by the facts that they tell
UNENDED = frozenset({"running", "paused", "interrupted"})
Row = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """What the events of a log without an end add up to."""

    follower: Follower
    run: str = ""
    steps: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0

    def look(self) -> None:
        for event in self.follower.look():
            self.run, self.seconds = self.run or event.run, event.t
            self.steps += isinstance(event, ev.StepStarted) and event.run == self.run
            self.calls += isinstance(event, ev.CallStarted)
            if isinstance(event, (ev.ReplyReceived, ev.CallFinished)):
                self.tokens += event.prompt_tokens + event.completion_tokens
                self.cost = self.cost if event.cost is None else (self.cost or 0.0) + event.cost

    def figures(self) -> Row:
        return {"steps": self.steps, "calls": self.calls, "tokens": self.tokens, "cost": self.cost, "seconds": self.seconds}


@dataclass(slots=True)
class Shelf:
    """The rows of some folders. `left_out` is how many older runs are not among them."""

    folders: list[Path] = field(default_factory=list)
    left_out: int = 0
    _catalogue: Catalogue = field(default_factory=lambda: Catalogue([]))
    _listed: dict[str, Listed] = field(default_factory=dict)
    _tallies: dict[Path, Tally] = field(default_factory=dict)
    _tags: dict[Path, tuple[int, str]] = field(default_factory=dict)
    _rows: dict[str, tuple[RunHead, Row]] = field(default_factory=dict)  # of runs that have ended

    def look(self, live: Mapping[str, Run]) -> dict[str, Row]:
        """Every run by its name, the newest first."""
        self._catalogue.folders = self.folders
        self._listed = self._catalogue.look(MOST)
        self.left_out = self._catalogue.left_out
        self._add_up()
        rows = {name: self._row_of(name, listed.head) for name, listed in self._listed.items()}
        self._rows = {name: (self._listed[name].head, row) for name, row in rows.items()}
        rows = {name: self._alive(name, row, live[name]) if name in live else row for name, row in rows.items()}
        unwritten = {run.id: _unwritten(run) for run in live.values() if run.id not in rows}
        return dict(sorted((unwritten | rows).items(), key=lambda item: str(item[1]["started"]), reverse=True))

    def _row_of(self, name: str, head: RunHead) -> Row:
        """A run's row; that of one that has ended is made once for each change of its file or its notes."""
        tally, tags = self._tallies.get(head.path), self._tags_of(head.path)
        known, row = self._rows.get(name, (None, {}))
        return row if known is head and tally is None and row["tags"] == tags else {**_row(name, head, tally), "tags": tags}

    def _alive(self, name: str, row: Row, run: Run) -> Row:
        """A row of this process's run. A fork's ledger knows its own part only; all lists count the steps that it shares, too."""
        counted = {} if self._listed[name].head.forked is None else {fact: row[fact] for fact in ("calls", "tokens", "cost")}
        return {**row, **_live(run), **counted}

    def path_of(self, run: str) -> Path | None:
        return self._listed[run].head.path if run in self._listed else None

    def _tags_of(self, log: Path) -> str:
        """Tags and scores of a run in one line; a notes file is read again only when it has changed."""
        try:
            changed = notes_path(log).stat().st_mtime_ns
        except OSError:
            return ""
        known = self._tags.get(log)
        if known is None or known[0] != changed:
            try:
                told = short(tags_told(notes_of(log).about()))
            except LogError:
                told = "notes cannot be read"
            known = self._tags[log] = (changed, told)
        return known[1]

    def _add_up(self) -> None:
        """Adds up logs without an end, as many bytes at once as a look may take."""
        open_ones = [one.head.path for one in self._listed.values() if one.head.status in UNENDED and not one.head.format]
        self._tallies = {path: self._tallies.get(path) or Tally(Follower(path)) for path in open_ones}
        read = 0
        for tally in self._tallies.values():
            if read < READ:
                before = tally.follower.place
                tally.look()
                read += tally.follower.place - before


def _row(name: str, head: RunHead, tally: Tally | None) -> Row:
    usage = head.usage if isinstance(head.usage, Mapping) else {}
    tokens = [figure for name in ("prompt_tokens", "completion_tokens") if (figure := _number(usage.get(name))) is not None]
    figures = tally.figures() if tally else {
        "steps": head.steps, "calls": usage.get("calls"), "tokens": sum(tokens) if tokens else None, "cost": usage.get("cost"),
        "seconds": head.seconds,
    }  # fmt: skip
    figures |= {name: None for fact, name in FIGURES.items() if fact in head.absent}
    texts = {
        "question": head.question,
        "answer": head.answer_text,
        "model": head.model,
        "status": head.status,
        "started": head.started,
    }
    return {
        "run": name,
        **{name: short(text) for name, text in texts.items()},
        "parent": None if (parent := head.parent or head.forked) is None else short(parent),
        "child": head.parent is not None,
        **{name: _number(figure) for name, figure in figures.items()},
        "file": plain(head.path.name)[:LONGEST],
        "absent": sorted(head.absent),
        "here": False,
    }


def _live(run: Run) -> Row:
    spent = run.usage
    answer = {"answer": short(run.answer_text)} if run.answer_text else {}
    figures = {"calls": run.calls[1], "tokens": spent.tokens, "cost": spent.cost or None, "seconds": spent.seconds}
    return {"status": run.status, "here": True, **answer, **figures}


def _unwritten(run: Run) -> Row:
    empty = dict.fromkeys(("answer", "steps", "parent", "file"))
    return {
        "run": run.id,
        "question": short(run.question),
        "model": short(run.asked.model.name),
        "started": "~",
        **empty,
        **_live(run),
    }


def short(text: object) -> str:
    """A hostile text as one line."""
    line = " ".join(plain(str(text)[: LONGEST * 4]).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _number(value: object) -> float | int | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if fits else None  # type: ignore[return-value]


def alive(runs: Iterable[Run | None]) -> dict[str, Run]:
    """Runs by their ids."""
    return {run.id: run for run in runs if run is not None}
