"""The Lesson page: a run, also one that goes on, as slides; without a run the list of those that can be taught from.

A file is read, and a lesson drafted, on a thread of its own, so that the dashboard's loop goes on; what comes of it is sent from
the loop, which owns everything else here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from panel.viewable import Viewable

from rlm_lab.dashboard.desk import Desk
from rlm_lab.dashboard.pages import Module
from rlm_lab.dashboard.shelf import alive
from rlm_lab.engine.run import known_runs
from rlm_lab.errors import RLMError
from rlm_lab.trajectory.formats import load
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.lesson_page import lesson, lesson_json

MOST_RUNS = 200  # in the list


def lesson_part(desk: Desk) -> Viewable:
    """The page's part for one tab."""
    part: list[Module] = []
    tasks: set[asyncio.Task[None]] = set()

    async def answer(name: str) -> None:
        listed = desk.listed().get(name, {})
        part[0].send(json.dumps(await asyncio.to_thread(_lesson_of, name, desk.path_of(name), listed.get("status"))))

    def hear(message: object) -> None:
        if not isinstance(message, Mapping) or "open" not in message:
            return
        name = message["open"]
        if isinstance(name, str):
            tasks.add(task := asyncio.ensure_future(answer(name)))
            task.add_done_callback(tasks.discard)
        else:
            part[0].send(json.dumps(_runs(desk)))

    part.append(Module(hear, bundle="lesson", sizing_mode="stretch_both"))
    return part[0]


def _runs(desk: Desk) -> dict[str, Any]:
    rows = [row for row in desk.listed().values() if not row.get("child")]
    kept = ("run", "question", "answer", "status", "steps", "model", "started")
    return {"kind": "runs", "rows": [{name: row.get(name) for name in kept} for row in rows[:MOST_RUNS]]}


def _lesson_of(name: str, path: Path | None, status: object) -> dict[str, Any]:
    """A message with a run's lesson, or why there is none."""
    try:
        trajectory = _trajectory(name, path, status)
        if trajectory is None:
            return {"kind": "trouble", "text": f"No run is called {name[:200]!r} here."}
        taught = lesson(trajectory)
    except RLMError as error:
        return {"kind": "trouble", "text": str(error)}
    return {"kind": "lesson", "run": name, "lesson": lesson_json(taught, back=f"./#run={quote(name)}")}


def _trajectory(name: str, path: Path | None, status: object) -> Trajectory | None:
    """A run of this process as it stands; another one from its file, which cannot tell by itself that it goes on."""
    run = alive(known_runs()).get(name)
    if run is not None:
        return replace(run.trajectory, path=run.path, status=run.status)
    if path is None:
        return None
    found = load(path)
    return replace(found, status="running") if found.status == "interrupted" and status == "running" else found
