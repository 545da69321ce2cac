"""What the tasks of a tree wait for: replies, calls, children, a point in time, a file that can be read.

Plain bookkeeping of the hub's. The main thread only, but for `arrived`, which is called from wherever something comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.actions import Action, Until
from rlm_lab.models.loop import ModelLoop

if TYPE_CHECKING:
    from rlm_lab.engine.task import Task


class Waiting:
    """The tasks that wait, each for one action; `arrived` is called with a task, its action and what came of it."""

    def __init__(self, arrived: Callable[[Task, Action, Any], None]) -> None:
        self._arrived = arrived
        self._actions: dict[Task, Action] = {}

    def add(self, task: Task, action: Action) -> None:
        """From now on the task waits for this; a file is looked at by the model loop until it is ready once."""
        self._actions[task] = action
        if isinstance(action, Until):
            ModelLoop.shared().add_reader(action.fileno, lambda: self._ready(task, action))

    def end(self, task: Task, action: Action) -> bool:
        """Ends the wait for this very action; False if the task does not wait for it any more."""
        if self._actions.get(task) is not action:
            return False
        del self._actions[task]
        return True

    def end_any(self, task: Task) -> None:
        """Ends whatever the task waits for."""
        self._actions.pop(task, None)

    def take_sleepers(self, until: float | None = None) -> list[Task]:
        """Ends the waits for a time or a file, all or those whose time has come; gives their tasks."""
        asleep = [
            (task, action)
            for task, action in self._actions.items()
            if isinstance(action, Until) and (until is None or (action.deadline is not None and action.deadline <= until))
        ]
        for task, action in asleep:
            del self._actions[task]
            _unwatch(action)
        return [task for task, _ in asleep]

    def seconds(self, most: float) -> float:
        """The time until the first of the tasks is to be woken, at most so many seconds."""
        deadlines = [action.deadline for action in self._actions.values() if isinstance(action, Until)]
        now = time.monotonic()
        return min([most, *(max(deadline - now, 0.0) for deadline in deadlines if deadline is not None)])

    def unwatch(self) -> None:
        """Has no file looked at any more."""
        for action in self._actions.values():
            if isinstance(action, Until):
                _unwatch(action)

    def _ready(self, task: Task, action: Until) -> None:
        asyncio.get_running_loop().remove_reader(action.fileno)  # at once: the block may close the file next
        self._arrived(task, action, None)


def _unwatch(action: Until) -> None:
    """Ends a watch: the block may close the file, and its number may be another file's soon."""
    ModelLoop.shared().remove_reader(action.fileno)
