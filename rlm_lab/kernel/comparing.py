"""`compare`: finds the runs that are meant, by themselves, by path or by id, and holds them against each other. Any thread."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rlm_lab.config import load_settings
from rlm_lab.engine.record import Record
from rlm_lab.engine.run import known_runs
from rlm_lab.errors import LogError, UsageError
from rlm_lab.kernel.stored import find_run
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.comparison import Comparison

Compared = Record | Trajectory | str | Path


def compare(*runs: Compared | Iterable[Compared], folder: str | Path | None = None) -> Comparison:
    """Holds runs against each other: two step by step, more of them also in a table.

    Parameters
    ----------
    runs: runs, trajectories, paths of logs or ids of runs, also in lists.
    folder: where ids are looked up; by default the runs folder of the settings.

    Raises `UsageError` for fewer than two runs, `LogError` for one that is not there.

    >>> from rlm_lab import ScriptedModel, ask
    >>> models = [ScriptedModel([f"```repl\\nFINAL({code})\\n```"]) for code in ("n", "n + 1")]
    >>> one, other = (ask("?", context={"n": 2}, model=model) for model in models)
    >>> compare(one, other).divergence.sentence
    'The same messages got another reply.'
    """
    flat = list(_flat(runs))
    if len(flat) < 2:
        raise UsageError(f"Two runs or more can be compared, and {len(flat)} given; name another by its id or path.")
    found = [_found(one, folder) for one in flat]
    return Comparison(runs=tuple(found), tags={run.run: _tags(one, run) for one, run in zip(flat, found, strict=True)})


def _tags(one: Compared, run: Trajectory) -> tuple[str, ...]:
    """What a run is grouped by; a notes file that cannot be read keeps no run from being compared."""
    try:
        return (one if isinstance(one, Record) else run).notes.tags
    except LogError:
        return ()


def _flat(runs: Iterable[Compared | Iterable[Compared]]) -> Iterable[Compared]:
    for one in runs:
        if isinstance(one, (Record, Trajectory, str, Path)):
            yield one
        elif isinstance(one, Iterable):
            yield from _flat(one)
        else:
            raise UsageError(f"A {type(one).__name__} cannot be compared; give runs, trajectories, paths or ids.")


def _found(one: Compared, folder: str | Path | None) -> Trajectory:
    if isinstance(one, Trajectory):
        return one
    if isinstance(one, Record):
        return one.trajectory
    try:
        return find_run(str(one), Path(folder) if folder is not None else load_settings().runs)
    except LogError:
        held = next((run for run in known_runs() if run.id == str(one)), None)  # of this process, with its log elsewhere
        if held is None:
            raise
        return held.trajectory
