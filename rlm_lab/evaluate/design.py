"""What a sweep is made of: its questions, models, methods, settings and repeats, and from them its runs in order.

Each run has a key that is the same in any process as long as it is the same run, so that one that is done is found again. Pure, but
for looking at the data and the user's own functions. Main thread only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rlm_lab.config import Budget, Settings, load_settings
from rlm_lab.engine.schema import Schema
from rlm_lab.errors import UsageError
from rlm_lab.evaluate import marks
from rlm_lab.evaluate.cases import NOT_GIVEN, Case, Score, cases_of
from rlm_lab.evaluate.job import Spec
from rlm_lab.evaluate.methods import Method, method_of
from rlm_lab.models.base import Model
from rlm_lab.models.litellm_model import LiteLLMModel

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """All that a sweep is made from; the parameters are those of `rlm_lab.sweep`."""

    question: Any
    context: Any = None
    model: Any = None
    sub_model: Spec = None
    method: str | Sequence[str] = "rlm"
    settings: Settings | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    repeats: int = 1
    expected: Any = NOT_GIVEN
    score: Score | None = None
    tools: Any = ()
    schema: Any = None
    room: int | None = None
    budget: Budget | None = None
    each: Budget | None = None
    folder: str | Path | None = None
    executor: Any = None
    at_once: int | None = None
    again: bool = False
    record: str | Path | None = None
    replay: str | Path | None = None
    progress: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One run of a sweep before it is made. `model` and `sub_model` are what the user gave, their labels what tables say."""

    key: str
    case: Case
    method: Method
    model: Spec
    model_label: str
    settings: Settings
    changes: Mapping[str, JSON]
    repeat: int

    def as_json(self) -> dict[str, JSON]:
        """What the sweep's file says of it: no data, no model object."""
        case = self.case
        return {
            "question": case.question,
            "case": case.label,
            "length": case.length,
            "method": self.method.name,
            "model": self.model_label,
            "settings": {name: str(value) for name, value in self.changes.items()},
            "repeat": self.repeat,
        }


def plan(design: Design) -> tuple[Planned, ...]:
    """The runs of a sweep: of each question, of each model, of each method, of each setting, as often as is asked for.

    Raises `UsageError`, `ConfigError` or `ContextError` for what cannot be.
    """
    if isinstance(design.repeats, bool) or not isinstance(design.repeats, int) or design.repeats < 1:
        raise UsageError(f"The repeats are {design.repeats!r}; give a whole number of at least 1.")
    if design.room is not None and design.room < 1:
        raise UsageError(f"The room is {design.room!r}; give how many characters of data a baseline's prompt may hold.")
    methods = [method_of(name) for name in ([design.method] if isinstance(design.method, str) else design.method)]
    grid = product(
        _marked(cases_of(design.question, design.context, design.expected)),
        _models(design.model),
        methods,
        _settings(design.settings),
        range(1, design.repeats + 1),
    )
    runs = tuple(_planned(design, *point) for point in grid)
    if not runs:
        raise UsageError("The sweep has no runs; give at least one question, model, method and setting.")
    if len({run.key for run in runs}) < len(runs):
        raise UsageError("Two runs of the sweep are the same; give each question, model and method once, and use `repeats`.")
    return runs


def _planned(
    design: Design,
    case: tuple[Case, JSON],
    model: tuple[str, Spec],
    method: Method,
    settings: tuple[Settings, Mapping[str, JSON]],
    repeat: int,
) -> Planned:
    sub = settings[0].sub_model or "" if design.sub_model is None else label_of(design.sub_model, "sub-model")
    named = settings[0].model if model[1] is None else None  # what the default is
    schema = None if design.schema is None else Schema(design.schema).as_json()
    changes = {name: str(value) for name, value in sorted(settings[1].items())}
    how = marks.of_settings(settings[0])
    only = {"room": design.room} if method.program else {"tools": marks.of_tools(design.tools)}
    told = [case[0].question, case[0].label, case[1], model[0], named, sub, method.name, changes, how, schema, only, repeat]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Planned(
        key=digest,
        case=case[0],
        method=method,
        model=model[1],
        model_label=model[0],
        settings=settings[0],
        changes=settings[1],
        repeat=repeat,
    )


def _marked(cases: Sequence[Case]) -> list[tuple[Case, JSON]]:
    """The cases and the marks of their data, which are made once where several share it."""
    shared = {id(case.context): case.context for case in cases}
    made = {at: marks.of_data(context) for at, context in shared.items()}
    return [(case, made[id(case.context)]) for case in cases]


def _models(given: Any) -> list[tuple[str, Spec]]:
    """Models and what they are called: from one, a list, or a mapping from labels."""
    if isinstance(given, Mapping):
        return [(str(label), spec) for label, spec in given.items()]
    several = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    return [(label_of(spec, f"model {number}"), spec) for number, spec in enumerate(several, 1)]


def label_of(spec: Any, otherwise: str) -> str:
    """What a model is called.

    >>> label_of("openai/gpt-4o", "model 1"), label_of(None, "model 1")
    ('openai/gpt-4o', 'default')
    """
    if spec is None:
        return "default"
    if isinstance(spec, str):
        return spec
    if isinstance(spec, LiteLLMModel | Model):  # in this order: the protocol would ask for its window, and import LiteLLM
        return spec.name
    if callable(spec):
        return str(getattr(spec, "__name__", otherwise))
    raise UsageError(f"A model is a name, a model object, or a function that makes one, not {type(spec).__name__}.")


def _settings(given: Any) -> Iterator[tuple[Settings, Mapping[str, JSON]]]:
    """Settings and how they differ from those of the environment."""
    if isinstance(given, Settings):
        yield given, {}
        return
    for changes in [given] if given is None or isinstance(given, Mapping) else given:
        yield load_settings(changes), dict(changes or {})
