"""Taking a run back to before one of its steps, and the names that stay as they are when that is done.

The steps behind it, its variables and its record of answers make a new task that stands there; the run then goes on with it.
Nothing is asked of a model here. Main thread only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rlm_lab.config import Budget
from rlm_lab.engine.effects import effects_in
from rlm_lab.engine.forking import forked_log, forked_question, new_id, numbers_in
from rlm_lab.engine.keeping import HowKept
from rlm_lab.engine.past import Keeper
from rlm_lab.engine.recorded import Recorded
from rlm_lab.engine.task import Task
from rlm_lab.errors import StateError, UsageError
from rlm_lab.models.base import Model
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.tree import Call, Step


class UserNames:
    """The names that the user has bound in a namespace while the run was not running. The values themselves are not held."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self._seen: dict[str, int] | None = None

    def pause(self, namespace: Mapping[str, Any]) -> None:
        self._seen = {name: id(value) for name, value in namespace.items()}

    def go_on(self, namespace: Mapping[str, Any]) -> None:
        if self._seen is not None:
            self.bound |= namespace.keys() - self._seen.keys()

    def rebound(self, namespace: Mapping[str, Any]) -> set[str]:
        """The names that are new, or bound to something else, since the run stood still."""
        seen = self._seen or {}
        return {name for name, value in namespace.items() if seen.get(name) != id(value)}


def check_step(run: str, keeper: Keeper, steps: tuple[Step, ...], step: int) -> None:
    """Raises `UsageError` for a step that there is not, `StateError` for one whose variables are not kept."""
    if not isinstance(step, int) or not 1 <= step <= len(steps):
        raise UsageError(f"The run {run} has no step {step!r}; it has {len(steps)}.")
    if step not in keeper.kept:
        kept = ", ".join(map(str, keeper.kept)) or "none"
        raise StateError(f"The variables before step {step} of the run {run} are not kept; of its steps, kept are {kept}.")


def how_kept(keeper: Keeper, steps: Sequence[Step], step: int) -> dict[str, HowKept]:
    """How each variable comes back when a run of these steps is taken back to before one of them."""
    kept, first = keeper.kept[step], keeper.kept.get(1)
    found = {name: kept.how(name) for name in kept.values if name.isidentifier()}
    made = {name for name in found if first is not None and first.values.get(name, first) is not kept.values[name]}
    lost = {name: how for name, how in found.items() if how.how == "lost" and name in made}
    effects = effects_in([one for one in steps if one.number < step]) if lost else []
    if effects:
        note = f"running its code again would repeat {effects[0]}"
        return found | dict.fromkeys(lost, HowKept(how="lost", note=note))
    return found | {name: HowKept(how="rebuilt", note=how.note) for name, how in lost.items()}


def task_before(task: Task, step: int, leave: Collection[str]) -> Task:
    """A task that stands before a step of one that has ended, with its variables as they were; not those in `leave`."""
    contexts = task.put_back(step, leave)
    return Task(task.engine, replace(task.question, contexts=contexts), task.past_before(step), task.keeper)


def forked_task(task: Task, step: int, budget: Budget | None, anew: bool, **models: Model) -> Task:
    """A task of another run that stands before a step of this one, with copies of the variables."""
    engine, name = task.engine, new_id()
    origin = {"kind": "fork", "run": task.run_id, "step": step}
    question = forked_question(task.question, task.keeper.kept[step], run=name, origin=origin, **models)
    folder = None if engine.log.path is None else engine.log.path.parent
    log = forked_log(engine.log.events, origin, name, folder)
    known = Recorded() if anew else engine.recorded.copy()
    if not anew:
        known.add(fold(engine.log.events).steps, since=step)
    other = engine.again(log, name, budget or engine.ledger.budget, recorded=known)
    other.traffic.number_from(*numbers_in(log.events))
    return Task(other, question, task.past_before(step))


def find_call(steps: tuple[Step, ...], number: int) -> tuple[Step, Call] | None:
    """A call of a run itself or of one of its child runs, and the run's step that it belongs to."""
    for step in steps:
        for block in step.blocks:
            found = next((call for call in block.calls if call.number == number), None)
            inner = [find_call(child.steps, number) for child in block.children]
            below = next((one[1] for one in inner if one is not None), None)
            if found is not None or below is not None:
                return step, found or below  # type: ignore[return-value]
    return None
