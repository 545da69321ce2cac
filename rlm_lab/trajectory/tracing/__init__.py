"""Runs of other engines written as logs of ours while they happen, so that every view and the dashboard show them live.

`TRACERS` is the one table: the next engine is a module, and one line here. The engine runs as it would without us, in its own
thread; what cannot be written is told to the log of warnings, and never to the engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rlm_lab.config import load_settings
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.tracing import dspy, rlms
from rlm_lab.trajectory.tree import Trajectory


class Traced(Protocol):
    """What `trace` gives: it is used like the object that it stands for, and knows the runs that came of it.

    `paths` are the logs of its runs, the oldest first; `last` is the newest run as far as it has come.
    """

    @property
    def paths(self) -> list[Path]: ...
    @property
    def last(self) -> Trajectory: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracer:
    """An engine's class, by its module and name, so that no engine is imported to ask; and what traces its objects."""

    module: str
    name: str
    make: Callable[[Any, Path], Traced]


TRACERS = (
    Tracer(module="rlm", name="RLM", make=rlms.TracedRlms),
    Tracer(module="dspy", name="RLM", make=dspy.TracedDspy),
)


def trace(engine: object, *, to: str | os.PathLike[str] | None = None) -> Traced:
    """Writes each run of a live `rlms.RLM` or `dspy.RLM` as a log of ours, as it happens.

    Parameters
    ----------
    engine: the object that runs; what is given back is used in its place. As a context manager it traces the object itself, too,
        for as long as the block lasts.
    to: the folder of the logs; by default that of the settings, where `%rlm runs` and the dashboard look.

    Raises `UsageError` for an object of another kind. `rlms` tells an iteration when it is over, `dspy` each reply, block and call.

    >>> trace("no engine")
    Traceback (most recent call last):
        ...
    rlm_lab.errors.UsageError: A str cannot be traced; give a live rlm.RLM or dspy.RLM.
    """
    found = next((tracer for tracer in TRACERS if _is(engine, tracer)), None)
    if found is None:
        names = " or ".join(f"{tracer.module}.{tracer.name}" for tracer in TRACERS)
        raise UsageError(f"A {type(engine).__name__} cannot be traced; give a live {names}.")
    return found.make(engine, load_settings().runs if to is None else Path(to))


def _is(engine: object, tracer: Tracer) -> bool:
    kinds = type(engine).__mro__
    return any(kind.__name__ == tracer.name and kind.__module__.partition(".")[0] == tracer.module for kind in kinds)
