"""What a person changes of a paused run as a whole, from where it stands: its models, its budget. Pure functions.

A prompt profile stays as it was chosen at the start, since the conversation has begun in its words. A call that is pending keeps
the model that it was made for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rlm_lab.config import Budget
from rlm_lab.engine.question import Engine, Question
from rlm_lab.errors import UsageError
from rlm_lab.models.base import Model

LIMITS = tuple(field.name for field in dataclasses.fields(Budget))
Named = str | Model | None


def changed_question(engine: Engine, asked: Question, model: Named, sub_model: Named) -> Question:
    """The question with other models; a name is resolved as at the start. Raises what that raises."""
    return dataclasses.replace(
        asked,
        model=asked.model if model is None else _resolved(engine, model),
        sub_model=asked.sub_model if sub_model is None else _resolved(engine, sub_model),
    )


def changed_budget(now: Budget, given: Budget | Mapping[str, Any] | None) -> Budget:
    """The budget with some limits changed, or another one. Raises `UsageError` for a limit that there is not, or that cannot be.

    >>> changed_budget(Budget(calls=5), {"calls": 50}).calls
    50
    """
    if isinstance(given, Budget):
        return given
    unknown = [name for name in given or {} if name not in LIMITS]
    if unknown:
        raise UsageError(f"There is no limit {unknown[0]!r}; a budget has {', '.join(LIMITS)}.")
    return dataclasses.replace(now, **(given or {}))


def difference(before: Budget, after: Budget) -> tuple[dict[str, Any], dict[str, Any]]:
    """The limits that differ, as they were and as they are."""
    names = [name for name in LIMITS if getattr(before, name) != getattr(after, name)]
    return {name: getattr(before, name) for name in names}, {name: getattr(after, name) for name in names}


def _resolved(engine: Engine, named: str | Model) -> Model:
    return engine.resolve(named) if isinstance(named, str) else named
