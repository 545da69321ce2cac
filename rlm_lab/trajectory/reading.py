"""Reading run logs: whole, as a trajectory, or only their ends for a list of runs.

A log is data: nothing in it is evaluated, and what does not fit is told by file and line. May be used from any thread.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from rlm_lab.errors import LogError
from rlm_lab.trajectory.events import Edited, Event, Paused, RunFinished, RunStarted, StepStarted, forked_from
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.lines import from_line
from rlm_lab.trajectory.tree import Trajectory

SUFFIX = ".rlm.jsonl"
_TAIL = 8 * 1024
LONGEST_LINE = 256 * 1024 * 1024
_LONGEST_TAIL = 16 * 1024 * 1024


class LogWarning(UserWarning):
    """A log could be read, but not all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """What a list of runs shows of one. `status` is `unreadable` for a file that is no log; `answer_text` then says why.

    `format` is that of another engine's run, `absent` the facts that it does not hold (see `Trajectory.absent`).
    `forked` is the run that a fork was made from; its figures count the steps that both share, as its log and its view do.
    """

    run: str
    path: Path
    status: str
    question: str = ""
    model: str = ""
    started: str = ""
    parent: str | None = None
    answer_text: str = ""
    steps: int | None = None
    seconds: float | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    format: str = ""
    forked: str | None = None


def read(path: str | Path) -> list[Event]:
    """The events of a log; a half-written last line is left out with a `LogWarning`.

    Raises `LogError` for a file that is missing, empty, not a run log, or corrupt before its end.
    """
    path = Path(path)
    with _open(path) as file:
        events = list(_events(file, path))
    if not events:
        raise LogError(f"{path} holds no whole event; the run ended before its first line was written.")
    return events


def load(path: str | Path) -> Trajectory:
    """The trajectory in a log. A run without an end is `interrupted`, or `running` while a process still writes it."""
    path = Path(path)
    with _open(path) as file:
        trajectory = fold(_events(file, path), unfinished=_unfinished(path))
    if not trajectory.run:
        raise LogError(f"{path} holds no whole event; the run ended before its first line was written.")
    return dataclasses.replace(trajectory, path=path)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise LogError(f"There is no file {path}; check the path.") from None
    except IsADirectoryError:
        raise LogError(f"{path} is a folder; give the path of one {SUFFIX} file in it.") from None
    except OSError as error:
        raise LogError(f"The log {path} cannot be read ({error.strerror or error}).") from None


def _events(file: BinaryIO, path: Path) -> Iterator[Event]:
    try:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            if len(line) > LONGEST_LINE:
                raise LogError(f"{path} has a line of more than {LONGEST_LINE:,} bytes, line {number}; it is no run log.")
            if not line.strip():
                continue
            try:
                event = from_line(line)
            except LogError as error:
                if not line.endswith(b"\n") and _may_be_torn(line, number):
                    warnings.warn(f"{path} ends in mid-line, line {number}; all before it was read.", LogWarning, stacklevel=4)
                    return
                raise LogError(_what_is_wrong(path, number, error)) from None
            if number == 1 and not isinstance(event, RunStarted):
                raise LogError(f"{path} is not a run log: its first line is {event.type or 'unknown'!r}, not 'run_started'.")
            yield event
    except OSError as error:
        raise LogError(f"The log {path} cannot be read ({error.strerror or error}).") from None


def _may_be_torn(line: bytes, number: int) -> bool:
    """Whether a last line that cannot be read may be one of ours, cut; the first line shows what kind of file it is."""
    return number > 1 or line.startswith(b'{"v":') or b'{"v":'.startswith(line)


def _what_is_wrong(path: Path, number: int, error: LogError) -> str:
    if number == 1:
        return f"{path} is not a run log: line 1 cannot be read as an event ({_clause(error)})."
    return f"{path} is corrupt in line {number} ({_clause(error)}); the lines before it can be saved as a log of their own."


def _clause(error: LogError) -> str:
    return str(error).rstrip(".")


def head_of(path: Path) -> RunHead:
    """What the first and the last line of a log tell; never raises for what a file holds."""
    try:
        with path.open("rb") as file:
            first = from_line(file.readline(_LONGEST_TAIL))
            last = _last_event(file)
    except (OSError, LogError) as error:
        return RunHead(run=path.name.removesuffix(SUFFIX), path=path, status="unreadable", answer_text=f"{error}")
    if not isinstance(first, RunStarted):
        return RunHead(run=path.name.removesuffix(SUFFIX), path=path, status="unreadable", answer_text=f"{path} is not a run log.")
    head = RunHead(
        run=first.run, path=path, status="", question=first.question, model=first.model, started=first.started, parent=first.parent,
        absent=_absent(first), format=_format(first), forked=forked_from(first),
    )  # fmt: skip
    if not isinstance(last, RunFinished) or last.run != first.run:
        steps = last.step if isinstance(last, StepStarted) else None
        return dataclasses.replace(head, status=_standing(path, last), steps=steps, seconds=last.t if last else None)
    usage = last.usage if head.forked is None else _counted(path, last.usage)
    steps = usage.get("steps")
    return dataclasses.replace(
        head,
        status=last.status,
        answer_text=last.answer_text or last.error or "",
        steps=steps if isinstance(steps, int) else None,
        seconds=last.seconds,
        usage=usage,
    )


def _counted(path: Path, spent: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the steps of a log add up to; what the end of a fork's tells is only what was spent since."""
    try:
        with _open(path) as file:
            return dataclasses.asdict(fold(_events(file, path)).usage)
    except LogError:
        return spent


def _standing(path: Path, last: Event | None) -> str:
    """The status of a run without an end. What a person changes of a paused one is written while it is paused."""
    status = _unfinished(path)
    return "paused" if status == "running" and isinstance(last, (Paused, Edited)) else status


def _absent(event: RunStarted) -> frozenset[str]:
    facts = event.imported.get("absent") if event.imported else None
    return frozenset(fact for fact in facts if isinstance(fact, str)) if isinstance(facts, list) else frozenset()


def _format(event: RunStarted) -> str:
    return str(event.imported.get("format") or "") if event.imported else ""


def _last_event(file: BinaryIO) -> Event | None:
    """The last whole line's event, found from the end; None where it cannot be read, or is very long."""
    end = file.seek(0, os.SEEK_END)
    size = _TAIL
    while True:
        start = file.seek(max(end - size, 0))
        tail = file.read(end - start)
        whole = tail[: tail.rfind(b"\n")].strip() if b"\n" in tail else b""
        cut = whole.rfind(b"\n")
        if cut >= 0 or start == 0 or size >= _LONGEST_TAIL:
            break
        size *= 4
    try:
        return from_line(whole[cut + 1 :]) if cut >= 0 or start == 0 else None
    except LogError:
        return None


if sys.platform == "win32":

    def _unfinished(path: Path) -> str:
        """Windows has no advisory locks: whether the run still lives cannot be told."""
        return "interrupted"

else:
    import fcntl

    def _unfinished(path: Path) -> str:
        """`running` while the process that writes the log holds its lock (see `store`), else `interrupted`."""
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return "running"
        except OSError:
            return "interrupted"
        return "interrupted"
