"""Recorded runs that go on or are played again: the recorded code runs, no model is asked, no token is spent.

`resume` stands where a run stood whose process has ended, and goes on into the same file; `fork` stands before a step of any run,
with a file of its own; `replay` plays any run as a lesson. Main thread only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rlm_lab.config import Budget, Settings, load_settings
from rlm_lab.engine.forking import events_before, forked_log, new_id, numbers_in
from rlm_lab.engine.gates import Gates
from rlm_lab.engine.going_back import find_call
from rlm_lab.engine.ledger import Spent
from rlm_lab.engine.playback import Playback, put_aside
from rlm_lab.engine.profiles import choose_profile
from rlm_lab.engine.question import Engine, Question
from rlm_lab.engine.recorded import Recorded
from rlm_lab.engine.run import Run, check_answer, known_runs
from rlm_lab.engine.task import Task
from rlm_lab.errors import StateError, UsageError
from rlm_lab.kernel.ask import Tick, current_host
from rlm_lab.kernel.recorded_question import check_effects, given_by, question_again
from rlm_lab.kernel.stored import find_run
from rlm_lab.models.base import Model
from rlm_lab.models.resolve import resolve as resolve_model
from rlm_lab.models.silent import SilentModel
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.reading import read
from rlm_lab.trajectory.store import EventLog
from rlm_lab.trajectory.tree import ENDED, Trajectory


def resume(
    path: str | Path,
    *,
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    budget: Budget | None = None,
    **surrounding: Any,
) -> Run:
    """Stands again where a run stood whose process has ended (a restart, a crash, a kill), ready to go on.

    Parameters
    ----------
    path: the run's log, which is written on.
    model, sub_model: for what comes now; by default those of the record.
    budget: by default the record's.
    context: the data, as for `ask`; by default the variables of the recorded names. It must be the same data.
    namespace, tools, sub_tools, schema, settings, tick: as for `ask`.
    effects: run code again that writes files, talks to the network or starts programs; without it such a run is refused.

    The run is given back paused: at the end of its record, or at the first block that does something else than recorded; there
    `run.resume()` plays on and `run.decide(take_over=True)` before it leaves the record. Variables are rebuilt by running the
    recorded code. Raises `StateError` for a run that has ended or still runs, `ContextError` for data that is missing or differs,
    `LogError` for a file that is no log.

    >>> resume("nowhere.rlm.jsonl")
    Traceback (most recent call last):
    rlm_lab.errors.LogError: There is no file nowhere.rlm.jsonl; check the path.
    """
    path, given = Path(path), given_by(surrounding)
    events = read(path)
    recorded = _ours(fold(events, unfinished="interrupted"))
    if recorded.status in ENDED:
        raise StateError(f"The run {recorded.run} is {recorded.status.replace('_', ' ')}; rlm_lab.replay plays it again.")
    settings = given.settings or load_settings()
    playback = Playback.of(recorded, events, name=recorded.run)
    models, _ = _models_then(recorded, playback, (model, sub_model), settings)
    asked = question_again(recorded, given, models, recorded.run)
    log = EventLog.continued(path, events)
    playback.write_to(log)
    playback.aside = put_aside(events, recorded.run)
    engine = _engine(log, recorded, settings, playback, budget)
    engine.ledger.carry(Spent.of(recorded.usage))
    run = _played(engine, asked, given.tick)
    run.came_back = _by_hand(recorded, asked.namespace)
    return run


def fork(
    source: str | Path | Run,
    step: int,
    *,
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    budget: Budget | None = None,
    anew: bool | None = None,
    **surrounding: Any,
) -> Run:
    """A second run that shares the steps of a recorded one before `step`, and stands there, paused, with its variables.

    Parameters
    ----------
    source: the log of any run, ended or not, which is left as it is; a run of this process gives `Run.fork`.
    step: counted from 1; its block waits, to be run, edited or skipped.
    model, sub_model: for what comes now; by default those of the record; a model given alone is the sub-model of a log's fork too.
    budget: by default the record's, with nothing spent.
    anew: asks from this step on; so does a model of another name. Else what was asked before in the same words is answered from
        the record.
    context, namespace, tools, sub_tools, schema, settings, effects, tick: as for `replay`.

    The new run's file stands beside the old one's and names it as its origin. The recorded code of the steps before is run again,
    no model is asked for it; a block that does something else than recorded stops it there. Raises as `resume` does, and
    `UsageError` for a step that there is not.

    >>> fork("nowhere.rlm.jsonl", 2)
    Traceback (most recent call last):
    rlm_lab.errors.LogError: There is no file nowhere.rlm.jsonl; check the path.
    """
    given = given_by(surrounding)
    if isinstance(source, Run):
        if surrounding:
            raise UsageError(
                f"The run {source.id} is held by this process with its own data and tools; leave out {next(iter(surrounding))}."
            )
        return source.fork(step, model=model, sub_model=sub_model, budget=budget, anew=anew)
    path = Path(source)
    events = read(path)
    whole = _ours(fold(events, unfinished="interrupted"))
    if not isinstance(step, int) or not 1 <= step <= len(whole.steps):
        raise UsageError(f"The run {whole.run} has no step {step!r}; it has {len(whole.steps)}.")
    settings, told = given.settings or load_settings(), events_before(events, whole.run, step)
    models, same = _models_then(whole, Playback.of(whole, told, name=whole.run), (model, sub_model), settings)
    known = same if anew is None else not anew
    before, name = _up_to(whole, step, known), new_id()
    playback = Playback.of(before, told, name=name)
    origin = {"kind": "fork", "run": whole.run, "step": step}
    asked = question_again(before, given, models, name, origin=origin, own=True)
    log = forked_log(events, origin, name, path.parent)
    playback.write_to(log)
    if known:
        playback.aside = put_aside(events, whole.run)
        playback.aside.add(whole.steps, since=step)
    run = _played(_engine(log, before, settings, playback, budget), asked, given.tick)
    run.came_back = _by_hand(before, asked.namespace)
    return run


def _models_then(
    whole: Trajectory, changed: Playback, given: tuple[str | Model | None, str | Model | None], settings: Settings
) -> tuple[list[Model], bool]:
    """The root model and the sub-model that are given, else those used last; and whether they are called the same.

    A model that is given alone is the sub-model too, as in `ask`.
    """
    model, sub_model = given
    was = [changed.last(one) or getattr(whole, one) for one in ("model", "sub_model")]
    now = (model, model if sub_model is None else sub_model)
    models = [resolve_model(last if one is None else one, settings) for one, last in zip(now, was, strict=True)]
    return models, [one.name for one in models] == was


def _up_to(whole: Trajectory, step: int, known: bool) -> Trajectory:
    """A run as it stood before the first block of a step; its reply was there where it is known."""
    steps = [one for one in whole.steps if one.number < step]
    reply = [dataclasses.replace(whole.steps[step - 1], blocks=(), interventions=())] if known else []
    return dataclasses.replace(whole, steps=(*steps, *reply), status="interrupted")


def _ours(recorded: Trajectory) -> Trajectory:
    """The same run; raises `StateError` for one of another engine, whose code knew other helpers."""
    if recorded.imported:
        engine = recorded.imported.get("format") or "another engine"
        raise StateError(f"The run {recorded.run} was read from a log of {engine}; it can be looked at, but not played here.")
    return recorded


def _by_hand(recorded: Trajectory, namespace: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The variables that a person changed between the blocks: no block makes them so again."""
    done = [one.variables for step in recorded.steps for one in step.interventions]
    changed = {name for variables in done for name in (*variables.get("changed", {}), *variables.get("removed", ()))}
    added = {name for variables in done for name in variables.get("added", {}) if name not in namespace}
    note = "it was changed by hand while the run was paused, which is not done again"
    return {name: {"how": "lost", "note": note} for name in sorted(changed | added)}


def replay(source: str | Path | Run, *, step: bool = True, **surrounding: Any) -> Run:
    """Plays a recorded run again, with its code run for real and every reply and answer from the record; no model is asked.

    Parameters
    ----------
    source: a log, or a run of this process.
    step: pause before each block; else the run is played to its end, or to the first difference.
    context, namespace, tools, sub_tools, schema, settings, effects, tick: as for `resume`; the code runs in a namespace of its own
        unless one is given.

    Gives a run of its own, which is not written to a file.
    """
    given = given_by(surrounding)
    events = source.events if isinstance(source, Run) else read(Path(source))
    recorded = _ours(fold(events))
    name = new_id()
    silent = [SilentModel(name=recorded.model), SilentModel(name=recorded.sub_model)]
    origin = {"kind": "replay", "run": recorded.run, "step": 1}
    asked = source.again(name, origin, *silent) if isinstance(source, Run) else None
    if asked is None or given.context is not None or given.namespace is not None:
        asked = question_again(recorded, given, silent, name, origin=origin, own=True)
    else:
        check_effects(recorded, given.effects)
    playback = Playback.of(recorded, events, name=name)
    engine = _engine(EventLog(None), recorded, given.settings or load_settings(), playback, None, gates=Gates(step=step))
    return _played(engine, asked, given.tick)


def what_if(
    source: str | Path | Run,
    call: int,
    answer: str,
    *,
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    **surrounding: Any,
) -> Run:
    """A second run in which a call was answered otherwise: it stands before that call's step, and `resume()` goes on from there.

    Parameters
    ----------
    source: a run of this process, or its id or log; or another log, or the id of one.
    call: the call's number in the trajectory.
    answer: what it is answered now. Only what depends on it is asked anew.
    model, sub_model: for what is asked anew; by default those of the run.
    context, namespace, tools, sub_tools, schema, settings, effects, tick: as for `fork`, of a log.

    The run itself stays what it is. Raises what `fork` raises, and `UsageError` for a call that there is not.

    >>> from rlm_lab import ScriptedModel, ask
    >>> code = ["kind = llm_query('Count or share?')", "FINAL(kind.upper())"]
    >>> run = ask("?", model=ScriptedModel([f"```repl\\n{one}\\n```" for one in code]), sub_model=ScriptedModel(["a share"]))
    >>> other = what_if(run, 1, "a count")
    >>> other.resume()
    >>> run.answer, other.answer
    ('A SHARE', 'A COUNT')
    """
    check_answer(answer)
    held = source if isinstance(source, Run) else _held(source, surrounding)
    recorded = held or find_run(str(source), (given_by(surrounding).settings or load_settings()).runs)
    found = find_call(recorded.steps, call)
    if found is None:
        name = recorded.id if isinstance(recorded, Run) else recorded.run
        raise UsageError(f"The run {name} has no call {call!r}.")
    step = found[0].number
    other = fork(held or recorded.path or Path(source), step, model=model, sub_model=sub_model, anew=False, **surrounding)  # type: ignore[arg-type]
    with ExitStack() as stack:
        stack.callback(_end, other)
        other.resume(until=f"step {step + 1}")  # from the record, so that the call is there
        other.override(call, answer)
        stack.pop_all()
    return other


def _end(run: Run) -> None:
    if run.status == "paused":
        run.stop()


def _held(source: str | Path, surrounding: Mapping[str, Any]) -> Run | None:
    """The run of this process that has an id, or a log where nothing else is given to it: its data and models are at hand."""
    runs = known_runs()
    found = next((run for run in runs if run.id == str(source)), None)
    if found is not None or surrounding:
        return found
    log = Path(source).resolve()
    return next((run for run in runs if run.path is not None and run.path.resolve() == log), None)


def _played(engine: Engine, question: Question, tick: Tick) -> Run:
    run = Run(Task(engine, question), tick=tick)
    run.start()
    return run


def _engine(
    log: EventLog, recorded: Trajectory, settings: Settings, playback: Playback, budget: Budget | None, gates: Gates | None = None
) -> Engine:
    known = Recorded(played=True)
    known.add(recorded.steps)
    playback.known = known
    limits = {**recorded.budget, **playback.limits()}
    limits = {name: value for name, value in limits.items() if name in Budget.__dataclass_fields__}
    engine = Engine.make(
        log,
        playback.root,
        budget or Budget(**limits),
        settings=settings,
        host=current_host(),
        resolve=lambda spec: resolve_model(spec, settings),
        profile_of=lambda model: choose_profile(recorded.profile, model),
        gates=gates or Gates(),
        recorded=known,
        playback=playback,
    )
    engine.traffic.number_from(*numbers_in(log.events))
    return engine
