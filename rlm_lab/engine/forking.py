"""A second run that shares the first steps of another: its events, its past, and a copy of its variables.

Pure construction; nothing of the first run is changed, and nothing is started. Main thread only.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlm_lab.engine.block import contexts_of
from rlm_lab.engine.keeping import Kept
from rlm_lab.engine.question import Question
from rlm_lab.errors import StateError
from rlm_lab.trajectory.events import (
    BatchStarted,
    CallStarted,
    ChildFinished,
    ChildStarted,
    Event,
    Rewound,
    RunStarted,
    StepStarted,
)
from rlm_lab.trajectory.store import SUFFIX, EventLog


def new_id() -> str:
    """The name of a new run: when it was made, and a few letters that no other run of that second has."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def forked_log(events: Iterable[Event], origin: dict[str, Any], name: str, folder: Path | None) -> EventLog:
    """A log that begins with the events of a run before a step, both named in `origin`, under another name."""
    run, step = origin["run"], origin["step"]
    shared = [_renamed(event, run, name) for event in events_before(events, run, step)]
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    begin = {"origin": origin, "started": now}
    shared = [dataclasses.replace(event, **begin) if _begins(event, name) else event for event in shared]  # type: ignore[arg-type]
    return EventLog.begun(None if folder is None else folder / f"{name}{SUFFIX}", shared)


def events_before(events: Iterable[Event], run: str, step: int) -> list[Event]:
    """The events up to the start of a step, without what was put aside on the way."""
    kept: list[Event] = []
    begun: dict[int, int] = {}
    for event in events:
        if event.run == run and isinstance(event, Rewound):
            del kept[begun.get(event.step, len(kept)) :]
            continue
        if event.run == run and isinstance(event, StepStarted):
            begun[event.step] = len(kept)
        kept.append(event)
    return kept[: begun.get(step, len(kept))]


def numbers_in(events: Sequence[Event]) -> tuple[int, int]:
    """The highest numbers of a call and of a batch."""
    calls = [event.call for event in events if isinstance(event, CallStarted)]
    batches = [event.batch for event in events if isinstance(event, BatchStarted)]
    return max(calls, default=0), max(batches, default=0)


def forked_question(asked: Question, kept: Kept, **changes: Any) -> Question:
    """The same question in a namespace of its own, with copies of the variables and contexts."""
    other: dict[str, Any] = {name: value for name, value in asked.namespace.items() if name.startswith("__")}
    try:
        values = kept.fork(asked.namespace, other)
    except Exception as error:  # an object, or its hash, may refuse to be copied
        raise StateError(f"The variables cannot be copied for a second run: {type(error).__name__}: {error!s:.200}") from error
    contexts = contexts_of(values)
    other.update({name: value for name, value in values.items() if name.isidentifier()})
    return dataclasses.replace(asked, namespace=other, contexts=contexts, **changes)


def _begins(event: Event, run: str) -> bool:
    return isinstance(event, RunStarted) and event.run == run


def _renamed(event: Event, run: str, name: str) -> Event:
    """The event in the name of another root run; its child runs are renamed alike."""
    changes: dict[str, Any] = {"run": name + event.run.removeprefix(run)}
    if isinstance(event, ChildStarted | ChildFinished):
        changes["child"] = name + event.child.removeprefix(run)
    if isinstance(event, RunStarted) and event.parent is not None:
        changes["parent"] = name + event.parent.removeprefix(run)
    return dataclasses.replace(event, **changes)
