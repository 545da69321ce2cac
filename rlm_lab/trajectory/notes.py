"""Notes, tags and scores on a run, its steps and its calls, in `<run>.rlm.notes.json` beside the log, which is never rewritten.

An entry is only ever added, under an id of its own; one that is taken back is marked so. A writer locks the folder, reads the
file, adds its entry and puts the whole file in the place of the old one at once, so that writers of several processes lose nothing
of each other and a reader never sees half a file. Windows has no such locks: there the last of two writers at the same instant
wins. Nothing in the file is evaluated. May be used from any thread.
"""

from __future__ import annotations

import dataclasses
import getpass
import json
import math
import os
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from rlm_lab.errors import LogError, StateError, UsageError
from rlm_lab.trajectory.reading import SUFFIX
from rlm_lab.trajectory.tree import Step

NOTES = ".rlm.notes.json"
FORMAT = 1
Kind = Literal["note", "tag", "score"]
_LONGEST, _LONGEST_NAME, _LARGEST = 20_000, 80, 20_000_000  # characters of a note, of a tag or name; bytes of a file
_TEXTS = ("id", "kind", "text", "by", "at")
_ABOUT = ("step", "call", "value", "by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody said of a run, or of its `step` or `call`, by their numbers.

    `text` is the note, the tag, or the score's name; `value` the score. `by` is who, `at` when (ISO 8601, UTC).
    """

    id: str
    kind: Kind
    text: str
    value: float | None = None
    step: int | None = None
    call: int | None = None
    by: str = ""
    at: str = ""
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """All that was said of a run, in the order in which it was."""

    entries: tuple[Note, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the run as a whole, each once."""
        return tuple(dict.fromkeys(entry.text for entry in self.about() if entry.kind == "tag"))

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the run as a whole; of one that was given twice the newer."""
        return {entry.text: entry.value for entry in self.about() if entry.kind == "score" and entry.value is not None}

    def about(self, step: int | None = None, call: int | None = None) -> tuple[Note, ...]:
        """What was said of a step, of a call, or, without both, of the run."""
        return tuple(entry for entry in self.entries if (entry.step, entry.call) == (step, call))


def notes_of(log: str | Path) -> Notes:
    """What was said of the run of this log; nothing where there is no notes file. Raises `LogError` for one that is none.

    >>> notes_of("no-such-run.rlm.jsonl").tags
    ()
    """
    return Notes(entries=tuple(note for note in _read(notes_path(Path(log))) if not note.removed))


def notes_path(log: Path) -> Path:
    """The notes file of a log."""
    return log.with_name(log.name.removesuffix(SUFFIX) + NOTES)


def add(log: Path | None, kind: Kind, text: str, **about: Any) -> Note:
    """Adds an entry, and gives it; a tag that is there already stays as it is.

    Parameters
    ----------
    log: the run's log. kind: note, tag or score. text: the note, the tag, or the score's name.
    about: `step`, `call` (numbers), `value` (of a score), `by` (by default the user of this process).

    Raises `UsageError` for a text, a value or a word that does not fit, `StateError` for a run without a file, `LogError` where
    the file cannot be read or written.
    """
    if log is None:
        raise StateError("This run has no log, so notes on it cannot be kept; ask with a runs folder.")
    from rlm_lab.trajectory.formats import place_of  # it is only asked for where something is written

    if not place_of(log)[0].exists():
        raise StateError(f"The run's log {log} is gone, so notes on it cannot be kept.")
    note = _made(kind, text, {name: value for name, value in about.items() if value is not None})
    with _locked(log.parent):
        path = notes_path(log)
        entries = _read(path)
        known = next((entry for entry in entries if note.kind == "tag" and _is_same(entry, note)), None)
        if known is None:
            _write(path, [*entries, note])
    return known or note


def placed(steps: Sequence[Step], about: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a note is about, if a run of these steps has it. Raises `UsageError` for a step or call that is not there."""
    known = {"step": {step.number for step in steps}}
    known["call"] = {call.number for step in steps for block in step.blocks for call in block.calls}
    for name, numbers in known.items():
        if about.get(name) is not None and not (_is_place(about[name]) and about[name] in numbers):
            raise UsageError(f"The run has no {name} {about[name]}; it has {len(numbers):,} of them.")
    return about


def remove(log: Path, note: str) -> None:
    """Takes back the entry with this id. Raises `UsageError` where there is none."""
    with _locked(log.parent):
        path = notes_path(log)
        entries = _read(path)
        if not any(entry.id == note and not entry.removed for entry in entries):
            raise UsageError(f"There is no note {note!r} on this run.")
        _write(path, [dataclasses.replace(entry, removed=entry.removed or entry.id == note) for entry in entries])


def _made(kind: Kind, text: str, about: Mapping[str, Any]) -> Note:
    """A new entry that can be read again."""
    if kind not in get_args(Kind):
        raise UsageError(f"A run has no {kind!r}; there are {', '.join(get_args(Kind))}.")
    if unknown := about.keys() - set(_ABOUT):
        raise UsageError(f"A {kind} has no {min(unknown)!r}; there are {', '.join(_ABOUT)}.")
    for name, value in (("text", text), ("by", about.get("by", ""))):
        if not isinstance(value, str):
            raise UsageError(f"The {kind}'s {name} is {value!r:.80}; give a text.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    note = Note(**{"id": uuid.uuid4().hex[:12], "kind": kind, "text": text.strip(), "at": now, "by": _user(), **about})
    _check(note)
    return note


def _is_same(entry: Note, other: Note) -> bool:
    facts = [(one.kind, one.text, one.step, one.call) for one in (entry, other)]
    return facts[0] == facts[1] and not entry.removed


def _check(note: Note) -> None:
    longest = _LONGEST if note.kind == "note" else _LONGEST_NAME
    if not note.text:
        raise UsageError(f"The {note.kind} is empty; write something.")
    if len(note.text) > longest:
        raise UsageError(f"The {note.kind} has {len(note.text):,} characters; {longest:,} fit.")
    if note.kind == "tag" and len(note.text.split()) > 1:
        raise UsageError(f"The tag {note.text!r} has blanks; a tag is one word, such as {'-'.join(note.text.split())!r}.")
    if (note.kind == "score" or note.value is not None) and not _is_number(note.value):
        value = "too large" if type(note.value) is int else f"{note.value!r:.80}"
        raise UsageError(f"The {note.kind} {note.text[:80]!r} is worth {value}; give a number.")
    for name in ("step", "call"):
        if not _is_place(getattr(note, name)):
            raise UsageError(f"The {name} is {getattr(note, name)!r}; give its number.")


def _read(path: Path) -> list[Note]:
    """The entries of a notes file, those that were taken back too."""
    try:
        if path.stat().st_size > _LARGEST:
            raise LogError(f"The notes file {path} has more than {_LARGEST:,} bytes; move it away.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise LogError(f"The notes file {path} cannot be read ({_first_line(error)}); mend it or move it away.") from None
    entries = found.get("entries") if isinstance(found, dict) and found.get("format") == FORMAT else None
    if not isinstance(entries, list):
        raise LogError(f"The file {path} holds no notes of format {FORMAT}; mend it or move it away.")
    return [_note(path, number, entry) for number, entry in enumerate(entries, 1)]


def _note(path: Path, number: int, entry: Any) -> Note:
    fits = (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in _TEXTS)
        and entry["kind"] in ("note", "tag", "score")
        and (entry.get("value") is None or _is_number(entry["value"]))
        and all(_is_place(entry.get(name)) for name in ("step", "call"))
    )
    if not fits:
        raise LogError(f"Entry {number} of the notes file {path} is no note; mend it or move the file away.")
    known = {field.name: entry[field.name] for field in dataclasses.fields(Note) if field.name in entry}
    return Note(**{**known, "removed": known.get("removed") is True})


def _write(path: Path, entries: list[Note]) -> None:
    told = {"format": FORMAT, "entries": [_told(entry) for entry in entries]}
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise LogError(f"The notes file {path} cannot be written ({error.strerror or error}).") from None


def _told(entry: Note) -> dict[str, Any]:
    facts = dataclasses.asdict(entry)
    return {name: value for name, value in facts.items() if value is not None and value is not False}


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number larger than any that is measured
        return False


def _is_place(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return "user"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


if sys.platform == "win32":

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        """Windows has no advisory locks."""
        yield

else:
    import fcntl

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        """Only one process or thread at a time writes notes in a folder; where a disk has no locks, as on Windows."""
        place = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):
                fcntl.flock(place, fcntl.LOCK_EX)
            yield
        finally:
            os.close(place)
