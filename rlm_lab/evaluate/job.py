"""One run of a sweep: what it is made from, and making it. A job may be sent to another process; keys are never part of it.

`run_job` is for the main thread, where model code runs; everything else may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlm_lab.config import Budget, Settings
from rlm_lab.engine.host import PlainHost
from rlm_lab.engine.run import Run
from rlm_lab.errors import ConfigError, UsageError
from rlm_lab.evaluate.guard import SOFT, Allowance, Guarded, Limited
from rlm_lab.evaluate.methods import Method, block_of
from rlm_lab.evaluate.texts import text_of_contexts
from rlm_lab.evaluate.written import Written
from rlm_lab.kernel.ask import Inquiry, name_contexts, prepare
from rlm_lab.models.base import Model
from rlm_lab.models.cassette import Cassette, RecordingModel, ReplayingModel
from rlm_lab.models.resolve import check, resolve
from rlm_lab.models.silent import NoModel

Spec = str | Model | Callable[[], Model] | None
TOKENS_BESIDE = 1_500  # of a window, left for the question, the instructions and the answer
CHARACTERS_A_TOKEN = 3  # fewer than English has, so that dense text fits too
LEAST_ROOM = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run's log goes, and which cassette it uses. `folder` is None in a process that shall give the log back."""

    folder: Path | None
    record: Path | None = None
    replay: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: `name` is its log's, `budget` what is set aside for it, `room` the characters of data in a baseline's prompt."""

    name: str
    question: str
    context: Any
    method: Method
    model: Spec
    sub_model: Spec
    settings: Settings
    budget: Budget
    place: Place
    tools: Any = ()
    schema: Any = None
    room: int | None = None


def run_job(job: Job) -> Run:
    """Makes the run, to its end; an interrupt stops it and is raised again. Raises `RLMError` before the run has begun."""
    if job.place.folder is None:
        raise UsageError("A job needs a folder for its log.")
    settings = replace(job.settings, runs=job.place.folder)
    model, sub_model = _models(job, settings)
    inquiry = _baseline(job, model) if job.method.program else _asked(job, model, sub_model)
    run = prepare(replace(inquiry, settings=settings), host=PlainHost(), name=job.name)
    try:
        run.start()
    finally:
        if run.status == "paused":
            run.stop()
    return run


def _asked(job: Job, model: Model, sub_model: Model) -> Inquiry:
    budget = _soft(job.budget)
    return Inquiry(
        question=job.question,
        context=job.context,
        model=model,
        sub_model=sub_model if job.method.calls else NoModel(),
        budget=budget if job.method.calls else replace(budget, depth=0),
        tools=job.tools,
        schema=job.schema,
        fresh=True,
    )


def _baseline(job: Job, model: Model) -> Inquiry:
    """A run whose code is written: it finds the question, the whole text and the room for it as variables.

    Its calls go to the model that its row names: a baseline has no other.
    """
    contexts = name_contexts(job.context)
    room = job.room or max((model.context_window - TOKENS_BESIDE) * CHARACTERS_A_TOKEN, LEAST_ROOM)
    given = {"question": job.question, "text": text_of_contexts(contexts), "room": room}
    return Inquiry(
        question=job.question,
        context=contexts,
        model=Written(job.method.name, block_of(job.method)),
        sub_model=model,
        budget=_soft(job.budget),
        schema=job.schema,
        namespace={"__name__": "__main__", **given},
    )


def _soft(budget: Budget) -> Budget:
    """The limits at which the run is asked for its last answer, so that this answer fits into what was set aside."""
    tokens = None if budget.tokens is None else max(int(budget.tokens * SOFT), 1)
    return replace(budget, tokens=tokens, cost=None if budget.cost is None else budget.cost * SOFT)


def _models(job: Job, settings: Settings) -> tuple[Model, Model]:
    """Root and sub-model, recorded or played where that is asked for, both within what was set aside."""
    played = None if job.place.replay is None else Cassette.load(job.place.replay)
    recorded = None if job.place.record is None else Cassette.record(job.place.record)
    allowance = Allowance(job.budget)

    def made(spec: Spec, at: int) -> Model:
        if played is not None:
            names = list(played.models)
            return ReplayingModel(played, names[min(at, len(names) - 1)] if names else None)
        model: Model = Limited(resolve(_built(spec), settings), allowance)
        return model if recorded is None else RecordingModel(model, recorded)

    model = made(job.model, 0)
    sub = job.sub_model if job.sub_model is not None else settings.sub_model
    return Guarded(model, allowance), Guarded(model if sub is None else made(sub, 1), allowance)


def check_models(specs: Iterable[tuple[Spec, Spec, Settings]], *, here: bool) -> None:
    """Raises what `resolve` raises for the model or the sub-model of a run, with its settings; see `check` for `here`."""
    seen = set()
    for model, sub_model, settings in specs:
        if (known := (id(model), id(settings))) not in seen:
            seen.add(known)
            sub = settings.sub_model if sub_model is None else sub_model
            for spec in [model, *([] if sub is None else [sub])]:
                check(spec, settings, here=here)


def _built(spec: Spec) -> object:
    """The model that a function makes, here where it will run; anything else as it is."""
    if isinstance(spec, str | Model) or not callable(spec):
        return spec
    try:
        return spec()
    except Exception as error:
        raise ConfigError(f"The function that should make a model failed with {type(error).__name__}: {error}") from error
