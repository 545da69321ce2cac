"""Where settings, models, a host and a log become a run: the one place that puts everything together.

`ask` is the whole job; `prepare` stops before the first step, for faces that show the run while it goes. Main thread only.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlm_lab.config import Budget, Settings, load_budget, load_settings
from rlm_lab.engine.context import describe
from rlm_lab.engine.forking import new_id
from rlm_lab.engine.gates import Gates
from rlm_lab.engine.host import Host, PlainHost
from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.engine.profiles import choose_profile
from rlm_lab.engine.question import Engine, Question
from rlm_lab.engine.record import Record
from rlm_lab.engine.run import Run, running
from rlm_lab.engine.schema import Schema
from rlm_lab.engine.task import Task
from rlm_lab.engine.textfile import TextFile
from rlm_lab.engine.tools import RESERVED, tool_table
from rlm_lab.errors import ContextError, StateError, UsageError
from rlm_lab.models.base import Model
from rlm_lab.models.cassette import Cassette, RecordingModel, ReplayingModel
from rlm_lab.models.resolve import resolve
from rlm_lab.trajectory.store import SUFFIX, EventLog

Tools = Iterable[Callable[..., Any]] | Mapping[str, Callable[..., Any]]
Tick = Callable[[Run], None]
_OF_ROOTS = ("budget", "step", "breakpoints")  # what a whole tree of runs has once


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """All that a run is made from; the parameters are those of `ask`."""

    question: str
    context: Any = None
    model: str | Model | None = None
    sub_model: str | Model | None = None
    budget: Budget | None = None
    tools: Tools = ()
    sub_tools: Tools = ()
    schema: Any = None
    namespace: dict[str, Any] | None = None
    fresh: bool = False
    record: str | Path | None = None
    replay: str | Path | None = None
    settings: Settings | None = None
    step: bool = False
    breakpoints: tuple[str, ...] = ()


@calls_user_code
def ask(question: str, *, tick: Tick = lambda _: None, **parameters: Any) -> Record:
    """Runs a recursive language model on data that is already loaded, to its end; gives the run.

    Parameters
    ----------
    question: what is asked.
    context: the data: a mapping from names to values, or one value, which is then called `context`. A `pathlib.Path` is read
        lazily as text; a pandas frame (pandas 3 or later) is given as a copy-on-write copy, so that yours stays as it is.
    model, sub_model: a LiteLLM name, `local`, or a model object; `sub_model` answers `llm_query` and is by default the model.
    budget: a `Budget`, limits of the whole tree.
    tools, sub_tools: Python functions that the model may call; `sub_tools` are for child runs only.
    schema: a type, a pydantic model or a JSON schema that the answer must fit.
    namespace: where blocks run; by default the notebook's own, outside of notebooks a new one.
    fresh: run in a new namespace that holds the context only.
    record, replay: a cassette file to record models' replies in, or to play them from without a model.
    settings: a `Settings`; by default from the environment and `.env`.
    step: pause before each block; the run is given back paused, and `run.step()` or `run.resume()` go on.
    breakpoints: conditions such as `"calls > 50"` or `"'password' in prompt"` at which the run pauses.
    tick: called with the run on the main thread, about ten times a second while it waits.

    Asked inside a block, the question becomes a child run: it shares the outer run's ledger and log, takes its models where
    none are given, and has no budget, steps or breakpoints of its own.

    Raises `UsageError`, `ConfigError`, `ContextError` or `ModelError` before anything is run. A run that fails later is given
    back with its `status` and `error`. An interrupt pauses the run and raises `KeyboardInterrupt`.

    >>> from rlm_lab import ScriptedModel, ask
    >>> run = ask("How many letters?", context={"word": "tomato"}, model=ScriptedModel(["```repl\\nFINAL(len(word))\\n```"]))
    >>> run.answer, run.status, len(run.steps)
    (6, 'done', 1)
    """
    inquiry = Inquiry(question=question, **parameters)
    outer = running()
    if outer is not None:
        return outer.ask_inside(_child_question(inquiry, outer))
    run = prepare(inquiry, tick=tick)
    run.start()
    return run


def prepare(inquiry: Inquiry, *, tick: Tick = lambda _: None, host: Host | None = None, name: str | None = None) -> Run:
    """A run that has not begun, of this name or a new one; raises what `ask` raises for bad input."""
    if threading.current_thread() is not threading.main_thread():
        raise StateError("A run belongs to the main thread, where its code can be interrupted; this is another thread.")
    if not inquiry.question.strip():
        raise UsageError("The question is empty; write what you want to know.")
    settings = inquiry.settings or load_settings()
    host = host or current_host()
    models = _Models(inquiry, settings)
    run_id = name or new_id()
    log = EventLog(settings.runs / f"{run_id}{SUFFIX}")
    engine = Engine.make(
        log,
        run_id,
        inquiry.budget or load_budget(),
        settings=settings,
        host=host,
        resolve=models.named,
        profile_of=lambda model: choose_profile(settings.profile, model),
        gates=Gates(step=inquiry.step, breakpoints=tuple(inquiry.breakpoints)),
    )
    question = _question(inquiry, models, _namespace(inquiry, host), run_id)
    return Run(Task(engine, question), tick=tick)


@calls_user_code
def _question(inquiry: Inquiry, models: _Models, namespace: dict[str, Any], run_id: str) -> Question:
    contexts = name_contexts(inquiry.context)
    return Question(
        run=run_id,
        text=inquiry.question.strip(),
        model=models.root,
        sub_model=models.sub,
        contexts=contexts,
        infos=tuple(map(describe, contexts, contexts.values())),
        namespace=namespace,
        tools=tool_table(inquiry.tools),
        sub_tools=tool_table(inquiry.sub_tools),
        schema=None if inquiry.schema is None else Schema(inquiry.schema),
        cassette=models.label,
    )


@calls_user_code
def _child_question(inquiry: Inquiry, outer: Run) -> Question:
    """The question of a run that is asked for inside a block: in a namespace of its own unless one is given."""
    if not inquiry.question.strip():
        raise UsageError("The question is empty; write what you want to know.")
    given_too = [name for name in _OF_ROOTS if getattr(inquiry, name) not in (None, False, ())]
    if given_too:
        raise UsageError(f"A question inside a block is part of the outer run and has no {given_too[0]} of its own; leave it out.")
    asked = outer.asked
    given = replace(inquiry, model=inquiry.model or asked.model, sub_model=inquiry.sub_model or asked.sub_model)
    namespace = {"__name__": "__main__"} if inquiry.namespace is None else inquiry.namespace
    return _question(given, _Models(given, inquiry.settings or load_settings()), namespace, outer.id)


def name_contexts(context: Any) -> dict[str, Any]:
    """Contexts by name: a mapping from identifiers is taken as it is, anything else is called `context`."""
    if context is None:
        return {}
    named = dict(context) if isinstance(context, Mapping) else {"context": context}
    for name in named:
        if not isinstance(name, str) or not name.isidentifier():
            raise ContextError(f"A context is named {name!r}; give a name that Python can use, as in context={{'data': ...}}.")
        if name in RESERVED:
            raise ContextError(f"A context is named {name!r}, which is a helper's name; give it another, as in data={name}.")
    return {name: _as_given(value) for name, value in named.items()}


def _as_given(value: Any) -> Any:
    """A context as the run gets it: a path as a lazily read text, a pandas frame as a copy that shares its data until written."""
    if isinstance(value, Path):
        return TextFile(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(value) in {pandas.DataFrame, pandas.Series} and int(pandas.__version__.split(".")[0]) >= 3:
        return value.copy(deep=False)
    return value


def current_host() -> Host:
    """The notebook's shell where there is one, else plain Python."""
    if "IPython" in sys.modules:
        from rlm_lab.kernel.shell import ShellHost, current_shell

        shell = current_shell()
        if shell is not None:
            return ShellHost(shell)
    return PlainHost()


def _namespace(inquiry: Inquiry, host: Host) -> dict[str, Any]:
    if inquiry.fresh and inquiry.namespace is not None:
        raise UsageError("Both fresh and a namespace are given; give one of them.")
    if inquiry.fresh:
        return {"__name__": "__main__"}
    return host.namespace if inquiry.namespace is None else inquiry.namespace


class _Models:
    """The models of one inquiry: resolved, and recorded on or played from one cassette where that is asked for."""

    def __init__(self, inquiry: Inquiry, settings: Settings) -> None:
        if inquiry.record is not None and inquiry.replay is not None:
            raise UsageError("Both record and replay are given; a run can be recorded or played, not both.")
        self._settings = settings
        self._made: dict[str, Model] = {}  # one object a name, so that its limit of requests in flight holds for all
        self._recorded = None if inquiry.record is None else Cassette.record(inquiry.record)
        self._played = None if inquiry.replay is None else Cassette.load(inquiry.replay)
        if self._played is not None:
            names = list(self._played.models)
            self.root: Model = ReplayingModel(self._played, names[0])
            self.sub: Model = ReplayingModel(self._played, names[min(1, len(names) - 1)])
            return
        self.root = self.named(inquiry.model)
        sub = inquiry.sub_model if inquiry.sub_model is not None else settings.sub_model
        self.sub = self.root if sub is None else self.named(sub)

    @property
    def label(self) -> dict[str, str] | None:
        """Model and date of the recording that is played, if one is."""
        if self._played is not None:
            return self._played.label
        return getattr(self.root, "label", None) or getattr(self.sub, "label", None)  # of a sweep's run either may be played

    def named(self, spec: str | Model | None) -> Model:
        if isinstance(spec, str) and spec in self._made:
            return self._made[spec]
        made = self._make(spec)
        if isinstance(spec, str):
            self._made[spec] = made
        return made

    def _make(self, spec: str | Model | None) -> Model:
        if self._played is not None:
            return ReplayingModel(self._played, spec if isinstance(spec, str) else None)
        model = resolve(spec, self._settings)
        return model if self._recorded is None else RecordingModel(model, self._recorded)
