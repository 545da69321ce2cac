"""What a sweep has done so far: a file of lines in its folder, from which it goes on after a crash.

A line is one JSON object, flushed as it is written: `sweep` first, then `begun` and `ended` of each run. A line that was cut at
the end is dropped. One process at a time may write. Nothing is evaluated; no model object, key or data is ever in it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.errors import LogError, StateError

NAME = "sweep.jsonl"
FORMAT = 1
JSON = Any


@dataclass(slots=True)
class Attempt:
    """One try of a run: its log's name, what it may have taken if its worker is lost (`held`), and at its end what it has taken."""

    run: str
    held: Mapping[str, JSON]
    spent: Mapping[str, JSON] | None = None


@dataclass(slots=True)
class Entry:
    """What the file tells of one run. The last of its attempts is the one that counts."""

    plan: Mapping[str, JSON]
    attempts: list[Attempt] = field(default_factory=list)
    ended: bool = False
    error: str | None = None

    @property
    def run(self) -> str:
        """The name of the latest log."""
        return self.attempts[-1].run

    def begin(self, run: str, held: Mapping[str, JSON]) -> None:
        self.attempts.append(Attempt(run=run, held=held))
        self.ended, self.error = False, None

    def end(self, done: bool, error: str | None, spent: Mapping[str, JSON]) -> None:
        self.attempts[-1].spent = spent
        self.ended, self.error = done, error


class Manifest:
    """The file of one sweep, open for writing. `entries` are the runs that it knows, by key."""

    def __init__(self, path: Path, entries: dict[str, Entry], file: FileIO) -> None:
        self.path = path
        self.entries = entries
        self._file = file

    @classmethod
    def open(cls, folder: Path) -> Manifest:
        """That of a folder, which is made where it is not. Raises `LogError`, or `StateError` while another process writes it."""
        path = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = FileIO(path, "ab+")
        except OSError as error:
            raise LogError(f"The sweep's folder {folder} cannot be written ({error.strerror or error}); give another.") from None
        if not _lock(file):
            file.close()
            raise StateError(f"The sweep in {folder} is under way in another process; wait for it, or give another folder.")
        try:
            made = cls(path, read(folder), file)
            whole = path.read_bytes().rfind(b"\n") + 1
            file.truncate(whole)
        except BaseException:
            file.close()
            raise
        if not whole:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            made.write({"type": "sweep", "format": FORMAT, "rlm_lab": __version__, "started": now})
        return made

    def begin(self, key: str, run: str, plan: Mapping[str, JSON], held: Mapping[str, JSON]) -> None:
        """Tells, before it is sent anywhere, that a run begins."""
        self.write({"type": "begun", "key": key, "run": run, "plan": plan, "held": held})
        self.entries.setdefault(key, Entry(plan=plan)).begin(run, held)

    def end(self, key: str, *, error: str | None, spent: Mapping[str, JSON]) -> None:
        """Tells that a run has ended: without an error where it has a log that tells its end."""
        self.write({"type": "ended", "key": key, "done": error is None, "error": error, "spent": spent})
        self.entries[key].end(error is None, error, spent)

    def write(self, line: Mapping[str, JSON]) -> None:
        try:
            self._file.write(json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n")
        except OSError as error:
            raise LogError(f"The sweep's file {self.path} cannot be written ({error.strerror or error}).") from None

    def close(self) -> None:
        self._file.close()


def read(folder: Path) -> dict[str, Entry]:
    """The runs that a folder's file knows, in the order in which they began; none where there is no file."""
    path = folder / NAME
    if not path.exists():
        return {}
    entries: dict[str, Entry] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], 1):  # the last is empty, or was cut
        try:
            _note(entries, json.loads(line), number)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise LogError(f"{path} is no sweep's file, or is damaged in line {number}; give another folder.") from None
    return entries


def _note(entries: dict[str, Entry], line: Mapping[str, JSON], number: int) -> None:
    kind = line["type"]
    if number == 1 and (kind != "sweep" or line["format"] > FORMAT):
        raise ValueError
    if kind == "begun":
        entries.setdefault(line["key"], Entry(plan=dict(line["plan"]))).begin(_name(line["run"]), dict(line["held"]))
    elif kind == "ended":
        entries[line["key"]].end(bool(line["done"]), line["error"], dict(line["spent"]))


def _name(given: JSON) -> str:
    """The name of a log, which is a file of this folder and no other."""
    if not isinstance(given, str) or not given or Path(given).name != given:
        raise ValueError
    return given


try:
    import fcntl
except ImportError:  # Windows has no advisory locks

    def _lock(file: FileIO) -> bool:
        return True

else:

    def _lock(file: FileIO) -> bool:
        """Hold the file for this process; where a disk has no locks, whoever starts two sweeps in one folder is not told."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True
