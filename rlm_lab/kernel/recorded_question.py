"""What a recorded run is made from once more: its question, with what no record holds: the data, the tools, and a place to run.

Nothing is run here, and no model is asked. Main thread only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlm_lab.config import Settings
from rlm_lab.engine.context import describe
from rlm_lab.engine.effects import effects_in
from rlm_lab.engine.question import Question
from rlm_lab.engine.schema import Schema
from rlm_lab.engine.tools import tool_table
from rlm_lab.errors import ContextError, StateError, UsageError
from rlm_lab.kernel.ask import Tick, Tools, current_host, name_contexts
from rlm_lab.models.base import Model
from rlm_lab.trajectory.tree import Trajectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrounding:
    """What a record does not hold: the data, the tools, and where the code runs."""

    context: Any = None
    namespace: dict[str, Any] | None = None
    tools: Tools = ()
    sub_tools: Tools = ()
    schema: Any = None
    settings: Settings | None = None
    effects: bool = False
    tick: Tick = lambda _: None


def given_by(surrounding: dict[str, Any]) -> Surrounding:
    """What a caller gave; raises `UsageError` for a parameter that there is not."""
    names = [field.name for field in dataclasses.fields(Surrounding)]
    unknown = [name for name in surrounding if name not in names]
    if unknown:
        raise UsageError(f"There is no parameter {unknown[0]!r}; there are {', '.join(names)}.")
    given = Surrounding(**surrounding)
    if given.namespace is not None and not isinstance(given.namespace, dict):
        raise UsageError(f"The namespace is {given.namespace!r:.60}; give a dict.")
    return given


def question_again(
    recorded: Trajectory,
    given: Surrounding,
    models: Sequence[Model],
    run: str,
    origin: dict[str, Any] | None = None,
    own: bool = False,
) -> Question:
    """The question of a record, for a run of this name; `own` gives it a namespace of its own."""
    check_effects(recorded, given.effects)
    namespace = given.namespace
    if namespace is None:
        namespace = {"__name__": "__main__"} if own else current_host().namespace
    tools = tool_table(given.tools)
    missing = sorted(set(recorded.tools) - set(tools))
    if missing:
        raise UsageError(f"The run {recorded.run} had the tool {missing[0]!r}; give it as tools=[{missing[0]}].")
    return Question(
        run=run,
        text=recorded.question,
        model=models[0],
        sub_model=models[1],
        contexts=_contexts(recorded, given.context, namespace if given.namespace is not None else current_host().namespace),
        namespace=namespace,
        tools=tools,
        sub_tools=tool_table(given.sub_tools),
        schema=_schema(recorded, given.schema),
        origin=origin,
    )


def check_effects(recorded: Trajectory, allowed: bool) -> None:
    """Raises `StateError` where running the code of a record again would repeat what it does outside of the process."""
    effects = effects_in(recorded.steps)
    if effects and not allowed:
        more = f" and {len(effects) - 1} more" if len(effects) > 1 else ""
        raise StateError(f"Running the code of {recorded.run} again repeats {effects[0]}{more}; give effects=True if it may.")


def _schema(recorded: Trajectory, given: Any) -> Schema | None:
    spec = given if given is not None else recorded.schema
    return None if spec is None else Schema(spec)


def _contexts(recorded: Trajectory, context: Any, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a record, by its names; raises `ContextError` for what is missing or not the same."""
    given = name_contexts(context) if context is not None else {}
    found: dict[str, Any] = {}
    for info in recorded.contexts:
        name = str(info["name"])
        if name not in given and name not in namespace:
            raise ContextError(f"The run {recorded.run} was asked about {name!r}, which is not there; load it, or give context=.")
        found |= {name: given[name]} if name in given else name_contexts({name: namespace[name]})
        mark = describe(name, found[name]).fingerprint
        if mark != info.get("fingerprint"):
            raise ContextError(
                f"{name!r} is not the data that the run {recorded.run} was asked about (its fingerprint is {mark}, not "
                f"{info.get('fingerprint')}); load that again."
            )
    return found
