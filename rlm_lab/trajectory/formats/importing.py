"""Runs of other engines written as logs of ours. The only part of `formats` that writes. Any thread."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path

from rlm_lab.errors import LogError
from rlm_lab.trajectory.events import Event
from rlm_lab.trajectory.formats import format_of, is_own, logs_in, runs_in
from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.store import SUFFIX, EventLog, LogWarning


def import_runs(source: str | os.PathLike[str], to: str | os.PathLike[str]) -> list[Path]:
    """Writes each run of a log, or of the logs in a folder, as `<run>.rlm.jsonl`; gives their paths.

    Parameters
    ----------
    source: a log of another engine, or a folder of such logs; of a folder, what cannot be imported is told with a `LogWarning`.
    to: the folder that they are written into; it is made.

    Raises `LogError` for what is missing or no log, where a file of the name is there already, and where the disk is full.

    >>> import_runs("nowhere.jsonl", ".rlm/runs")
    Traceback (most recent call last):
        ...
    rlm_lab.errors.LogError: There is no file nowhere.jsonl; check the path.
    """
    path, folder = Path(source), Path(to)
    if not path.is_dir() or format_of(Source(path)) is not None:
        return _import(path, folder)
    written: list[Path] = []
    for one in logs_in(path):
        try:
            written += [] if is_own(one) else _import(one, folder)
        except LogError as error:
            warnings.warn(f"{error}", LogWarning, stacklevel=2)
    return written


def _write(target: Path, events: list[Event]) -> None:
    """The whole log, or none."""
    log = EventLog.begun(target, events)
    log.close()
    if log.failure is not None:
        with suppress(OSError):
            target.unlink()
        remedy = "free some space, or give another folder with --to"
        raise LogError(f"The log {target} cannot be written whole (the disk is full, or fails); {remedy}.")


def _import(path: Path, folder: Path) -> list[Path]:
    if path.exists() and is_own(path):
        raise LogError(f"{path} is a run of rlm_lab already; it can be opened as it is.")
    written = []
    for events in runs_in(Source(path)):
        target = folder / f"{events[0].run}{SUFFIX}"
        if target.exists():
            raise LogError(f"There is a file {target} already, and no log is written over; give another folder with --to.")
        _write(target, events)
        written.append(target)
    return written
