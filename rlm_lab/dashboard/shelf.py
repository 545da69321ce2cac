"""The runs that the dashboard knows, as rows: those of its folders, and those of this process that are not written down.

A file is looked at again only when it has changed. Runs under way, in whatever process, are followed, so that their figures grow.
What a file says is hostile: texts are made plain and cut. The dashboard's loop owns a `Shelf`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_lab.engine.run import Run
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.following import Follower
from rlm_lab.trajectory.reading import SUFFIX, RunHead, head_of
from rlm_lab.views.clean import plain

LONGEST = 300  # characters of a question or an answer
MOST = 5_000  # rows; older runs are left out, and that is said
READ = 8 * 1024 * 1024  # bytes of logs without an end that are added up in one look
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
class Known:
    """A log as it was when it was last looked at."""

    stamp: tuple[int, int]
    head: RunHead
    tally: Tally | None = None


@dataclass(slots=True)
class Shelf:
    """The rows of some folders. `left_out` is how many older runs are not among them."""

    folders: list[Path] = field(default_factory=list)
    left_out: int = 0
    _known: dict[Path, Known] = field(default_factory=dict)

    def look(self, live: Mapping[str, Run]) -> dict[str, Row]:
        """Every run by its name, the newest first."""
        files = self._files()
        self.left_out, files = max(len(files) - MOST, 0), files[:MOST]
        self._known = {path: self._of(path, stamp) for path, stamp in files}
        self._add_up()
        rows = {name_of(path): _row(known) for path, known in reversed(self._known.items())}
        rows = {name: {**row, **_live(live[name])} if name in live else row for name, row in rows.items()}
        unwritten = {run.id: _unwritten(run) for run in live.values() if run.id not in rows}
        return dict(sorted((unwritten | rows).items(), key=lambda item: str(item[1]["started"]), reverse=True))

    def path_of(self, run: str) -> Path | None:
        return next((path for path in self._known if name_of(path) == run), None)

    def _files(self) -> list[tuple[Path, tuple[int, int]]]:
        found = []
        for folder in self.folders:
            try:
                entries = [entry for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)]
            except OSError:  # not there yet, or not ours to read: then it holds no runs for us
                continue
            found += [(Path(entry.path), stamp) for entry in entries if (stamp := _stamp(entry)) is not None]
        return sorted(found, key=lambda item: item[1], reverse=True)

    def _of(self, path: Path, stamp: tuple[int, int]) -> Known:
        known = self._known.get(path)
        if known is None:
            return Known(stamp, head_of(path))
        if known.stamp != stamp or known.head.status == "running":
            known.stamp, known.head = stamp, head_of(path)
        return known

    def _add_up(self) -> None:
        """Adds up logs without an end, as many bytes at once as a look may take."""
        read = 0
        for path, known in self._known.items():
            if known.head.status not in {"running", "interrupted"}:
                known.tally = None
                continue
            known.tally = known.tally or Tally(Follower(path))
            if read < READ:
                before = known.tally.follower.place
                known.tally.look()
                read += known.tally.follower.place - before


def name_of(path: Path) -> str:
    """A run's name is its file's: what a file says of itself could be another run's name."""
    return path.name.removesuffix(SUFFIX)


def _stamp(entry: os.DirEntry[str]) -> tuple[int, int] | None:
    try:
        status = entry.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if entry.is_file() else None


def _row(known: Known) -> Row:
    head = known.head
    usage = head.usage if isinstance(head.usage, Mapping) else {}
    tokens = [figure for name in ("prompt_tokens", "completion_tokens") if (figure := _number(usage.get(name))) is not None]
    figures = known.tally.figures() if known.tally else {
        "steps": head.steps, "calls": usage.get("calls"), "tokens": sum(tokens) if tokens else None, "cost": usage.get("cost"),
        "seconds": head.seconds,
    }  # fmt: skip
    texts = {
        "question": head.question,
        "answer": head.answer_text,
        "model": head.model,
        "status": head.status,
        "started": head.started,
    }
    return {
        "run": name_of(head.path),
        **{name: short(text) for name, text in texts.items()},
        "parent": None if head.parent is None else short(head.parent),
        **{name: _number(figure) for name, figure in figures.items()},
        "file": plain(known.head.path.name)[:LONGEST],
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
