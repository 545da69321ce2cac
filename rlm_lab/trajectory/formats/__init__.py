"""Logs of other engines, read into our events; then the ordinary fold makes a trajectory of them, which every view understands.

`FORMATS` is the one table: the next engine is a module with `recognises` and `read`, and one line here. What a file is, its
content says, not its name. A fact that a format does not hold is `absent`. Files are data: nothing in them is evaluated. Any
thread.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm_lab.errors import LogError
from rlm_lab.trajectory import reading
from rlm_lab.trajectory.events import Event
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.formats import droste, dspy, fast_rlm, nano_rlm, predict_rlm, recursive_flow, rlm_code, rlms
from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Recorder
from rlm_lab.trajectory.formats.values import Misfit
from rlm_lab.trajectory.reading import SUFFIX, LogWarning
from rlm_lab.trajectory.tree import Trajectory

SUFFIXES = (".jsonl", ".ndjson", ".json", ".log")  # of files that are looked into, in a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One engine's logs.

    `marks` are texts of which one stands in the head of every such file, so that other files are passed over unread; `recognises`
    decides by the first value in it, `read` gives its runs. `folder` is the file that makes a folder such a log.
    """

    name: str
    marks: tuple[bytes, ...]
    recognises: Callable[[Any], bool]
    read: Callable[[Source], Iterator[Recorder]]
    folder: str = ""
    is_live: Callable[[object], bool] = lambda _: False


FORMATS = (
    Format(
        name=rlms.NAME,
        marks=(b'"root_model"', b'"backend"', b'"code_blocks"', b'"run_metadata"'),
        recognises=rlms.recognises,
        read=rlms.read,
        is_live=rlms.is_completion,
    ),
    Format(
        name=dspy.NAME,
        marks=(b'"reasoning"', b'"trajectory"'),
        recognises=dspy.recognises,
        read=dspy.read,
        is_live=dspy.is_prediction,
    ),
    Format(
        name=recursive_flow.NAME,
        marks=(b'"root_agent_id"',),
        recognises=recursive_flow.recognises,
        read=recursive_flow.read,
        folder=recursive_flow.FOLDER,
    ),
    Format(name=fast_rlm.NAME, marks=(b'"event_type"',), recognises=fast_rlm.recognises, read=fast_rlm.read),
    Format(name=predict_rlm.NAME, marks=(b'"steps"',), recognises=predict_rlm.recognises, read=predict_rlm.read),
    Format(name=rlm_code.NAME, marks=(b'"event_type"',), recognises=rlm_code.recognises, read=rlm_code.read),
    Format(name=droste.NAME, marks=(b'"persistence_class"',), recognises=droste.recognises, read=droste.read),
    Format(
        name=nano_rlm.NAME,
        marks=(b'"timestamp"',),
        recognises=nano_rlm.recognises,
        read=nano_rlm.read,
        folder=nano_rlm.FOLDER,
    ),
)


def load(source: str | os.PathLike[str] | object) -> Trajectory:
    """The run in a log, whichever engine wrote it.

    Parameters
    ----------
    source: a file, or the folder that an engine made of one run; or an object: a completion of `rlms`, a prediction of
        `dspy.RLM`, or the JSON value of one of these logs. Of a file that holds several runs the last is given, with a
        `LogWarning`; `FILE#2` is its second, and `load_all` gives all.

    Raises `LogError`, which names file and line, for what is missing, no log that is known here, cut off, or not what it seems.

    >>> run = load([{"reasoning": "I look.", "code": "print(1)", "output": "1"}])
    >>> run.imported["format"], len(run.steps), "times" in run.absent
    ('dspy', 1, True)
    """
    if not isinstance(source, (str, os.PathLike)):
        return _one(_trajectories(Source(None, source)), "The object")
    path, number = place_of(Path(source))
    if is_own(path):
        return reading.load(path)
    runs = _trajectories(Source(path))
    return _one(runs, f"{path}") if number is None else _numbered(runs, number, path)


def load_all(source: str | os.PathLike[str]) -> list[Trajectory]:
    """The runs of a folder, the oldest first, or all that a file holds; files that cannot be read are told with a `LogWarning`.

    Raises `LogError` for a folder or file that is missing, or a file that is no log.

    >>> load_all("nowhere")
    Traceback (most recent call last):
        ...
    rlm_lab.errors.LogError: There is no file nowhere; check the path.
    """
    path = Path(source)
    if not path.is_dir() or format_of(Source(path)) is not None:
        return [reading.load(path)] if is_own(path) else list(_trajectories(Source(path)))
    found: list[Trajectory] = []
    for one in logs_in(path):
        try:
            found += load_all(one)
        except LogError as error:
            warnings.warn(f"{error}", LogWarning, stacklevel=2)
    return sorted(found, key=lambda run: run.started)


def logs_in(folder: Path) -> list[Path]:
    """The logs in a folder by their names, whichever engine wrote them; what is no log is left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise LogError(f"The runs folder {folder} cannot be read ({error.strerror or error}).") from None
    return [Path(entry.path) for entry in entries if entry.name.endswith(SUFFIX) or is_foreign(entry)]


def is_foreign(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is the log of another engine."""
    if entry.name.startswith(".") or entry.name.endswith(SUFFIX):
        return False
    try:
        return (entry.is_dir() or entry.name.endswith(SUFFIXES)) and format_of(Source(Path(entry.path))) is not None
    except OSError:
        return False


def is_own(path: Path) -> bool:
    """Whether a path is a log of this engine: by its name, or its first bytes."""
    if not path.is_file():
        return path.name.endswith(SUFFIX) or (not path.exists() and "#" not in path.name)
    try:
        head = Source(path).head()
    except LogError:
        return True
    own = head.startswith(b'{"v":') and b'"type":"run_started"' in head[:400]
    return own or (path.name.endswith(SUFFIX) and format_of(Source(path)) is None)


def place_of(path: Path) -> tuple[Path, int | None]:
    """A path, and the number of the run in it that was asked for, as in `log.jsonl#2`.

    >>> place_of(Path("log.jsonl#2"))
    (PosixPath('log.jsonl'), 2)
    """
    bare, mark, number = path.name.rpartition("#")
    if mark and number.isdecimal() and not path.exists():
        return path.with_name(bare), int(number)
    return path, None


def format_of(source: Source) -> Format | None:
    """The format of a file, a folder or an object, told by its content; None for what is none of these logs."""
    if source.path is None:
        return next((one for one in FORMATS if one.is_live(source.value) or one.recognises(source.value)), None)
    if source.path.is_dir():
        found = [one for one in FORMATS if one.folder and (source.path / one.folder).is_file()]
        return next((one for one in found if one.recognises(Source(source.path / one.folder).first())), None)
    try:
        head = source.head()
    except LogError:
        return None
    likely = [one for one in FORMATS if any(mark in head for mark in one.marks)]
    first = Source(source.path, largest=source.largest).first() if likely else None
    return next((one for one in likely if one.recognises(first)), None)


def runs_in(source: Source) -> Iterator[list[Event]]:
    """The runs of a log of another engine, each as its events, one after another."""
    found = format_of(source)
    if found is None:
        source = source if source.path is None else _opened(source)
        names = ", ".join(one.name for one in FORMATS)
        raise LogError(f"{_told(source)} is no log that is known here: of rlm_lab ({SUFFIX}), or of {names}.")
    try:
        for recorder in found.read(source):
            yield recorder.events()
    except Misfit as error:
        place = f", line {source.line}" if source.line else ""
        raise LogError(f"{_told(source)} cannot be read as a log of {found.name}{place}: {error}.") from None
    except RecursionError:
        raise LogError(f"{_told(source)} is nested too deep, line {source.line}.") from None


def _opened(source: Source) -> Source:
    """The same source; raises `LogError` where its file is missing, or is not text."""
    assert source.path is not None
    if source.path.is_dir():
        raise LogError(f"{source.path} is a folder of no run that is known here; load_all gives the runs in it.")
    source.check()
    if source.first() is None and any(mark in source.head() for one in FORMATS for mark in one.marks):
        source.whole()  # tells where it is no JSON
    return source


def _told(source: Source) -> str:
    return f"An object ({type(source.value).__name__})" if source.path is None else str(source.path)


def _trajectories(source: Source) -> Iterator[Trajectory]:
    """The runs; of several in a file each has a path of its own, `FILE#2`, so that what is noted on one is not said of another."""
    runs = (fold(events, unfinished="interrupted") for events in runs_in(source))
    before, number = next(runs, None), 0
    for number, run in enumerate(runs, 1):
        assert before is not None
        yield dataclasses.replace(before, path=_place(source.path, number))
        before = run
    if before is not None:
        yield dataclasses.replace(before, path=_place(source.path, number + 1) if number else source.path)


def _place(path: Path | None, number: int) -> Path | None:
    """The path of one of several runs, as `place_of` reads it."""
    return None if path is None else path.with_name(f"{path.name}#{number}")


def _one(runs: Iterator[Trajectory], where: str) -> Trajectory:
    found: Trajectory | None = None
    count = 0
    for count, found in enumerate(runs, 1):  # noqa: B007 - the last one
        pass
    if found is None:
        raise LogError(f"{where} holds no run.")
    if count > 1:
        warnings.warn(f"{where} holds {count:,} runs; this is the last, and load_all gives all.", LogWarning, stacklevel=3)
    return found


def _numbered(runs: Iterator[Trajectory], number: int, path: Path) -> Trajectory:
    count = 0
    for count, run in enumerate(runs, 1):
        if count == number:
            return run
    raise LogError(f"{path} holds {count:,} runs; there is no run {number} in it.")
