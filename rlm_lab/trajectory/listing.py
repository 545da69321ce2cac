"""The runs in folders, for every list of them: `%rlm runs`, `rlm-lab runs`, the dashboard's shelf, the server.

Only the head and the end of a log are read, and a log is read again only when it has changed. Logs of other engines are found by
their content; what is none is passed over. One thread at a time may use a `Catalogue`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rlm_lab.errors import LogError
from rlm_lab.trajectory.notes import NOTES
from rlm_lab.trajectory.reading import SUFFIX, RunHead, head_of

Stamp = tuple[int, int]
FOREIGN_AT_ONCE = 32 * 1024 * 1024  # bytes of files of other kinds that are looked into in one look
_OTHERS = (".jsonl", ".ndjson", ".json", ".log")
_MARKS = ("graph.json", "messages.jsonl")  # what makes a folder a log of another engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A run in a folder; `stamp` is the time of its file's last change, in nanoseconds, and the file's size."""

    stamp: Stamp
    head: RunHead


@dataclass(slots=True)
class Catalogue:
    """The runs of some folders, by the names that they are asked for: of ours the file's without its ending, else the file's.

    `at_once` bounds the bytes of other engines' logs that one look reads; what is over it comes in the next.
    """

    folders: Iterable[Path]
    at_once: int = FOREIGN_AT_ONCE
    left_out: int = 0
    _known: dict[Path, tuple[Stamp, tuple[RunHead, ...]]] = field(default_factory=dict)

    def look(self, most: int | None = None) -> dict[str, Listed]:
        """The runs, the file that changed last first, at most so many files; `left_out` counts those that are not among them."""
        files = sorted(_files(self.folders), key=lambda item: item[1], reverse=True)
        self.left_out = max(len(files) - most, 0) if most is not None else 0
        known, self._known, read = self._known, {}, 0
        found: dict[str, Listed] = {}
        for path, stamp in files[:most]:
            own = path.name.endswith(SUFFIX)
            heads = _unchanged(known.get(path), stamp)
            if heads is None and not own and read > self.at_once:
                continue  # in the next look
            if heads is None:
                heads = (head_of(path),) if own else _foreign(path)
                read += 0 if own else stamp[1]
            self._known[path] = (stamp, heads)
            for head in heads:
                found.setdefault(name_of(head.path), Listed(stamp=stamp, head=head))
        return found


def list_runs(folder: str | Path) -> list[RunHead]:
    """The runs in a folder, newest first; reads the first and the last line of each. No folder means no runs."""
    folder = Path(folder)
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LogError(f"The runs folder {folder} cannot be read ({error.strerror or error}).") from None
    heads = [listed.head for listed in Catalogue([folder], at_once=sys.maxsize).look().values()]
    return sorted(sorted(heads, key=lambda head: str(head.path)), key=lambda head: head.started, reverse=True)


def name_of(path: Path) -> str:
    """A run's name is its file's: what a file says of itself could be another run's name."""
    return path.name.removesuffix(SUFFIX)


def _unchanged(known: tuple[Stamp, tuple[RunHead, ...]] | None, stamp: Stamp) -> tuple[RunHead, ...] | None:
    """The heads of a file that has not changed, and whose run was not under way: one that is may have died without a word."""
    if known is None or known[0] != stamp or any(head.status in {"running", "paused"} for head in known[1]):
        return None
    return known[1]


def _foreign(path: Path) -> tuple[RunHead, ...]:
    from rlm_lab.trajectory.formats.heads import heads_of

    return heads_of(path)


def _files(folders: Iterable[Path]) -> list[tuple[Path, Stamp]]:
    """Files that may be logs, and folders that may be one."""
    found = []
    for folder in dict.fromkeys(folders):
        try:
            entries = list(os.scandir(folder))
        except OSError:  # not there yet, or not ours to read: then it holds no runs for us
            continue
        found += [(Path(entry.path), stamp) for entry in entries if (stamp := _stamp(entry)) is not None]
    return found


def _stamp(entry: os.DirEntry[str]) -> Stamp | None:
    own = entry.name.endswith(SUFFIX)
    try:
        if not own and entry.is_dir():
            marks = [Path(entry.path, mark) for mark in _MARKS] if not entry.name.startswith(".") else []
            status = next((mark.stat() for mark in marks if mark.is_file()), None)
        else:
            other = entry.name.endswith(_OTHERS) and not entry.name.endswith(NOTES)
            status = entry.stat() if (own or other) and entry.is_file() else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size)
