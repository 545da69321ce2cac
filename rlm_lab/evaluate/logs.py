"""The logs in a sweep's folder: reading them, bringing them home, and adding up what they tell was spent. Any thread."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlm_lab.config import Budget
from rlm_lab.engine.ledger import Spent
from rlm_lab.errors import RLMError
from rlm_lab.evaluate.manifest import Entry
from rlm_lab.evaluate.purse import SHARED, add
from rlm_lab.trajectory.store import SUFFIX, LogWarning, load
from rlm_lab.trajectory.tree import Trajectory


def taken_by(found: Trajectory | None, share: Budget, *, began: bool) -> Spent:
    """What a run has taken; of one that may have asked a model and was lost, all that it was allowed to."""
    if found is not None:
        return Spent.of(found.usage)
    return _spent_of({name: getattr(share, name) for name in SHARED}) if began else Spent()


def _spent_of(told: Mapping[str, Any]) -> Spent:
    return Spent(calls=told.get("calls") or 0, prompt_tokens=told.get("tokens") or 0, cost=told.get("cost") or 0.0)


def spent_before(folder: Path, entries: Mapping[str, Entry]) -> Spent:
    """What earlier processes have spent in this folder: by the logs, else as the file tells, else all that was set aside."""
    spent = Spent()
    for attempt in (attempt for entry in entries.values() for attempt in entry.attempts):
        found = log_of(folder, attempt.run)
        told = attempt.held if attempt.spent is None else attempt.spent
        spent = add(spent, _spent_of(told) if found is None else Spent.of(found.usage))
    return spent


def log_of(folder: Path, name: str) -> Trajectory | None:
    """The trajectory in a log of this folder, as far as it goes; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LogWarning)  # a run that was killed ends in mid-line
            return load(folder / f"{name}{SUFFIX}")
    except RLMError:
        return None


def bring_home(path: Path, log: str) -> None:
    """Writes a log that came from a worker: whole, or not at all."""
    half = path.with_name(f".{path.name}.part")
    half.write_bytes(log.encode("utf-8", errors="surrogateescape"))
    os.replace(half, path)
