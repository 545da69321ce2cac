"""What a list of runs shows of the logs of other engines, and their events for who follows a log.

A small log is read whole for its head; of a large one only its name is told, until it is opened. Any thread.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rlm_lab.errors import LogError
from rlm_lab.trajectory import reading
from rlm_lab.trajectory.events import Event, RunFinished, RunStarted
from rlm_lab.trajectory.following import Follower
from rlm_lab.trajectory.formats import format_of, is_own, place_of, runs_in
from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.reading import SUFFIX, RunHead

LARGE = 16 * 1024 * 1024  # bytes of a file, or of one value in it, that is not read for a list
LARGEST = 64 * 1024 * 1024  # bytes of a file that is read where others wait, which takes about a second
AT_ONCE = 2_000  # events given in one look
SAVED = "saved"
_logger = logging.getLogger(__name__)


def heads_of(path: Path) -> tuple[RunHead, ...]:
    """The runs in a log of another engine; none where it is none, or cannot be read."""
    source = Source(path, largest=LARGE, quiet=True)
    found = format_of(source)
    if found is None:
        return ()
    if path.is_file() and path.stat().st_size > LARGE:
        return (RunHead(run=path.name, path=path, status=SAVED, format=found.name),)
    try:
        heads = [_head(events) for events in runs_in(source)]
    except LogError as error:
        return (_unreadable(path, found.name, f"{error}"),)
    except Exception as error:  # whatever a foreign file holds, it must not hide the other runs of its folder
        _logger.debug("The log %s cannot be read.", path, exc_info=True)
        told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return (_unreadable(path, found.name, f"{path} cannot be read as a log of {found.name} ({told})."),)
    places = [path] if len(heads) == 1 else [path.with_name(f"{path.name}#{number}") for number in range(1, len(heads) + 1)]
    return tuple(dataclasses.replace(head, run=place.name, path=place) for head, place in zip(heads, places, strict=True))


def head_of(path: Path) -> RunHead:
    """The head of one log. One of another engine is never under way: without an end it was cut off."""
    place = place_of(path)[0]
    if place == path and is_own(path):
        return reading.head_of(path)
    return RunHead(run=path.name, path=path, status="interrupted" if place.exists() else "unreadable")


def _unreadable(path: Path, format: str, why: str) -> RunHead:
    return RunHead(run=path.name, path=path, status="unreadable", answer_text=why, format=format)


def _head(events: list[Event]) -> RunHead:
    started = events[0]
    assert isinstance(started, RunStarted)
    absent = frozenset((started.imported or {}).get("absent", ()))
    format_name = str((started.imported or {}).get("format", ""))
    head = RunHead(run=started.run, path=Path(), status="interrupted", absent=absent, format=format_name, usage=_added(events))
    head = dataclasses.replace(head, question=started.question, model=started.model, started=started.started)
    end = events[-1]
    if not isinstance(end, RunFinished):
        return dataclasses.replace(head, seconds=None if "times" in absent else end.t)
    seconds = None if "times" in absent else end.seconds
    told: dict[str, Any] = {"status": end.status, "answer_text": end.answer_text or end.error or "", "seconds": seconds}
    return dataclasses.replace(head, **told, usage={**head.usage, **end.usage}, steps=end.usage.get("steps"))


def _added(events: list[Event]) -> dict[str, Any]:
    """What the run and its children spent, where the log tells no sum."""
    from rlm_lab.trajectory.fold import fold

    usage = fold(events).usage
    return {"calls": usage.calls, "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}


class Imported:
    """The events of a log of another engine, as a `Follower` gives those of ours: read once, some at a time.

    Parameters
    ----------
    path: the log, with `#2` after its name for the second run in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: str | None = None
        self.behind = True
        self.torn = False
        self.place = 0
        self._events: Iterator[Event] | None = None

    def look(self) -> list[Event]:
        """The next events."""
        if self._events is None:
            self._events = self._read()
            self.failure = _too_large(place_of(self.path)[0])
        if self.failure is not None:
            self.behind = False
            return []
        found: list[Event] = []
        try:
            found = list(islice(self._events, AT_ONCE))
        except LogError as error:
            self.failure = str(error)
        self.place += len(found)
        self.behind = len(found) == AT_ONCE
        return found

    def _read(self) -> Iterator[Event]:
        path, number = place_of(self.path)
        last: list[Event] = []
        for count, last in enumerate(runs_in(Source(path)), 1):  # noqa: B007 - the last one
            if count == number:
                break
        yield from last


def _too_large(path: Path) -> str | None:
    size = path.stat().st_size if path.is_file() else 0
    told = f"{path} has {size / 1e6:,.0f} MB, too much to be read at once here; import it first: rlm-lab import {path.name}."
    return told if size > LARGEST else None


def follower(path: Path) -> Follower | Imported:
    """Who gives the events of a log, whichever engine wrote it."""
    return Follower(path) if path.name.endswith(SUFFIX) or is_own(path) else Imported(path)
