"""Many runs on one question or several: planned, paid from one budget, made here or by an executor, and kept in one folder.

The main thread plans, sets aside, collects and writes; runs are made in it one after another, or, with an executor, in processes of
their own. A sweep goes on in its folder from where it was ended, whatever ended it.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from rlm_lab.config import Budget, load_budget
from rlm_lab.engine.forking import new_id
from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.engine.ledger import Spent
from rlm_lab.engine.run import running
from rlm_lab.errors import BudgetExceededError, RLMError, StateError, UsageError
from rlm_lab.evaluate.design import Design, Planned, plan
from rlm_lab.evaluate.elsewhere import Delivery, end_all, pack, run_elsewhere
from rlm_lab.evaluate.job import Job, Place, check_models, run_job
from rlm_lab.evaluate.logs import bring_home, log_of, spent_before, taken_by
from rlm_lab.evaluate.manifest import Manifest
from rlm_lab.evaluate.purse import SHARED, Held, Purse, share_of
from rlm_lab.evaluate.results import Row, Sweep, row_of
from rlm_lab.kernel.cassettes import cassette_for
from rlm_lab.trajectory.store import SUFFIX
from rlm_lab.trajectory.tree import ENDED

AT_ONCE = 32  # runs that an executor is given at once, where it does not tell how many it can take
Doer = Any  # an executor: whatever has `submit(function, *arguments)` and gives futures that call back


class Bar(Protocol):
    def update(self, n: float = 1) -> Any: ...
    def set_postfix_str(self, s: str = "") -> Any: ...
    def close(self) -> Any: ...


@calls_user_code
def sweep(question: Any, *unnamed: Any, **parameters: Any) -> Sweep:
    """Makes many runs, of each question with each model, method and setting, and gives what came of them.

    Parameters
    ----------
    question: a text, a `Case` (with data and an expected answer of its own), or a list of them.
    context: the data, as for `ask`. What goes to a worker is the value itself, or, for a `pathlib.Path`, only the path.
    model: one, a list, or a mapping from labels: names, model objects, or functions without parameters that make one. A name or
        a function is enough for a worker; keys are taken from its own environment and never sent.
    sub_model: answers `llm_query`; by default the model itself. A baseline asks the model.
    method: one or several of `rlm`, `code` (without calls), `direct`, `summary`, `retrieval`; all are runs with a log.
    settings: a `Settings`, or one or several mappings of its fields that differ, such as `{"profile": "small"}`.
    repeats: how often each is run.
    expected: the right answer, or a mapping from questions, or names of cases, to them; a list of right texts; or a function
        of the answer.
    score: a function of the answer, and of what is expected if that is given, to a number from 0 to 1.
    tools, schema: as for `ask`.
    room: how many characters of data a baseline puts into a prompt; by default what the model's window holds.
    budget: limits of all runs together (calls, tokens, US dollars, seconds); its steps and depth are each run's. By default
        that of one run, but without a limit of time for the whole.
    each: limits of one run; where it says nothing else than any `Budget`, an equal part. They are set aside before the run
        starts, and what it did not use is given back after.
    folder: where the logs and the sweep's own file go. With the same folder the sweep goes on: what is done is not run again.
    executor: None to run one after another here; a number of processes on this machine; or any executor with `submit`, such
        as `dask_client.get_executor()` or an ipyparallel view's `executor`. There, each run has a process of its own.
    at_once: how many runs the executor is given at once; by default as many as it has workers, where it tells.
    again: make runs anew that have ended as failed.
    record, replay: a folder of cassettes to record models' replies in, or to play them from; one file a run. Where neither is
        given, the folder that `RLM_LAB_RECORD` or `RLM_LAB_REPLAY` names, as in a cell.
    progress: show a bar on stderr.

    A run that fails is a row with its error. What an interrupt leaves behind is kept, and its message names the folder.
    Raises `UsageError`, `ConfigError`, `ContextError` or `ModelError` before anything is run, `StateError` inside of a run. A model
    that does not exist is refused so; a missing key too, but where a foreign executor's workers have an environment of their own.

    >>> import tempfile
    >>> from rlm_lab import ScriptedModel, sweep
    >>> model = {"short": lambda: ScriptedModel(["```repl\\nFINAL(len(word))\\n```"])}
    >>> told = sweep("How many letters?", context={"word": "tomato"}, model=model, repeats=2, expected=6,
    ...              folder=tempfile.mkdtemp(), progress=False)
    >>> [(row.model, row.answer, row.score) for row in told.rows]
    [('short', 6, 1.0), ('short', 6, 1.0)]
    """
    if unnamed:
        raise UsageError("The data has no name; write sweep(question, context=...), and each other parameter with its name too.")
    design = _with_cassettes(Design(question=question, **parameters))
    if running() is not None:
        raise StateError("A sweep cannot be made inside a block of a run; a block asks with rlm_query_batched.")
    if design.record is not None and design.replay is not None:
        raise UsageError("Both record and replay are given; a sweep can be recorded or played, not both.")
    runs = plan(design)
    _check_executor(design.executor)
    folder = Path(design.folder) if design.folder is not None else runs[0].settings.runs.parent / "sweeps" / new_id()
    total = design.budget or replace(load_budget(), seconds=None)
    share_of(total, design.each, len(runs), Spent())  # may be refused, before there is a folder
    if not folder.exists():
        _check_models(design, runs)
    manifest = Manifest.open(folder)
    try:
        return _Sweeping(design, runs, manifest, total).go()
    finally:
        manifest.close()


class _Sweeping:
    """One sweep under way."""

    def __init__(self, design: Design, runs: tuple[Planned, ...], manifest: Manifest, total: Budget) -> None:
        self._design = design
        self._runs = runs
        self._manifest = manifest
        self._folder = manifest.path.parent.resolve()
        self._token = secrets.token_hex(8)
        self._found = {key: loaded for key, entry in manifest.entries.items() if (loaded := log_of(self._folder, entry.run))}
        self._todo = deque(run for run in runs if not self._done(run))
        before = spent_before(self._folder, manifest.entries)
        self._purse = Purse(total, share_of(total, design.each, len(self._todo) or 1, before), before)
        self._errors: dict[str, str] = {}
        self._stopped = ""
        self._local = _is_local(design.executor)

    @calls_user_code
    def go(self) -> Sweep:
        """Makes the runs that are not done yet."""
        todo = self._todo
        _check_models(self._design, todo)
        bar = _bar(len(self._runs), len(self._runs) - len(todo), show=self._design.progress)
        try:
            if self._design.executor is None:
                self._one_by_one(todo, bar)
            else:
                self._by_executor(todo, bar)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._how_to_go_on()) from None
        finally:
            bar.close()
        return self._result()

    def _done(self, run: Planned) -> bool:
        entry, found = self._manifest.entries.get(run.key), self._found.get(run.key)
        if entry is None or found is None or not (entry.ended or found.status in ENDED - {"stopped"}):
            return False
        return not (self._design.again and found.status == "failed")

    # making runs

    @calls_user_code
    def _one_by_one(self, todo: deque[Planned], bar: Bar) -> None:
        while todo and (held := self._take()) is not None:
            run = todo.popleft()
            job = self._begin(run, held)
            error: str | None = "An interrupt ended the run."
            try:
                run_job(job)
                error = None
            except Exception as problem:  # noqa: BLE001 - the run's parts are the user's; the others are not its business
                error = f"{type(problem).__name__}: {problem}"
            finally:
                self._end(run, held, Delivery(began=True, error=error), bar)

    def _by_executor(self, todo: deque[Planned], bar: Bar) -> None:
        given = self._design.executor
        if isinstance(given, int):
            with ThreadPoolExecutor(given, thread_name_prefix="rlm-lab-sweep") as pool:  # each thread waits for one process
                self._submit_all(pool, todo, bar)
        else:
            self._submit_all(given, todo, bar)

    def _submit_all(self, doer: Doer, todo: deque[Planned], bar: Bar) -> None:
        ended: SimpleQueue[Any] = SimpleQueue()
        under_way: dict[int, tuple[Any, Planned, Held]] = {}
        most = self._design.at_once or getattr(doer, "_max_workers", None) or AT_ONCE
        try:
            while todo or under_way:
                while todo and len(under_way) < most and (held := self._take()) is not None:
                    run = todo.popleft()
                    future = self._submit(doer, run, held, bar)
                    if future is not None:
                        under_way[id(future)] = (future, run, held)
                        future.add_done_callback(ended.put)
                if not under_way:
                    break
                future, run, held = under_way.pop(id(ended.get()))
                self._end(run, held, _delivered(future), bar)
        finally:
            end_all(self._token)
            for future, run, held in under_way.values():
                self._end(run, held, _left_behind(future), bar)

    def _submit(self, doer: Doer, run: Planned, held: Held, bar: Bar) -> Future[Any] | None:
        job = self._begin(run, held)
        try:
            sent = pack(job)
            return doer.submit(run_elsewhere, sent, self._token, sys.path)  # type: ignore[no-any-return]
        except BaseException as error:  # the executor is foreign code, and the job's parts are the user's
            told = str(error) if isinstance(error, RLMError) else f"{type(error).__name__}: {error}"
            self._end(run, held, Delivery(began=False, error=told), bar)
            if not isinstance(error, Exception):
                raise
            return None

    def _take(self) -> Held | None:
        """A share for one more run; None while what is left does not hold one."""
        try:
            held = self._purse.take()
        except BudgetExceededError as error:
            self._stopped = str(error)
            return None
        self._stopped = ""
        return held

    def _begin(self, run: Planned, held: Held) -> Job:
        name = new_id()
        at_risk = {} if self._local else {limit: getattr(held.budget, limit) for limit in SHARED}  # here a log tells what was spent
        self._manifest.begin(run.key, name, run.as_json(), at_risk)
        self._found.pop(run.key, None)
        self._errors.pop(run.key, None)
        design = self._design
        return Job(
            name=name,
            question=run.case.question,
            context=run.case.context,
            method=run.method,
            model=run.model,
            sub_model=design.sub_model,
            settings=run.settings,
            budget=held.budget,
            place=Place(
                folder=self._folder if self._local else None,
                record=_cassette(design.record, run),
                replay=_cassette(design.replay, run),
            ),
            tools=design.tools,
            schema=design.schema,
            room=design.room,
        )

    def _end(self, run: Planned, held: Held, delivery: Delivery, bar: Bar) -> None:
        """Keeps what came of a run: its log where there is one, what it took, and what went wrong."""
        entry = self._manifest.entries[run.key]
        path = self._folder / f"{entry.run}{SUFFIX}"
        if delivery.log is not None:
            bring_home(path, delivery.log)
        found = log_of(self._folder, entry.run)
        taken = taken_by(found, held.budget, began=delivery.began and not self._local)  # here a log is there before a request
        self._purse.give_back(held, taken)
        done = found is not None and found.status in ENDED - {"stopped"}
        error = None if done else delivery.error or "The run has left no log."
        self._manifest.end(run.key, error=error, spent={name: getattr(taken, name) for name in SHARED})
        if found is not None:
            self._found[run.key] = found
        if error is not None:
            self._errors[run.key] = error
        bar.set_postfix_str(f"{self._purse.spent.tokens:,} tokens, {self._purse.spent.cost:.3g} USD")
        bar.update()

    # what came of it

    def _result(self) -> Sweep:
        rows = tuple(self._row(run) for run in self._runs)
        return Sweep(folder=self._folder, rows=rows, spent=self._purse.spent, stopped=self._stopped)

    def _row(self, run: Planned) -> Row:
        found = self._found.get(run.key)
        entry = self._manifest.entries.get(run.key)
        error = self._errors.get(run.key) or (entry.error if entry and found is None else None)
        return row_of(run.as_json(), found, error or "", (run.case.expected, self._design.score))

    def _how_to_go_on(self) -> str:
        done = sum(self._done(run) for run in self._runs)
        return f"{done} of {len(self._runs)} runs are done and kept; call sweep again with folder={str(self._folder)!r} to go on."


def _check_executor(given: Any) -> None:
    if isinstance(given, int) and (isinstance(given, bool) or given < 1):
        raise UsageError(f"The executor is {given!r}; give a number of processes of at least 1, or an executor.")
    if given is not None and not isinstance(given, int) and not callable(getattr(given, "submit", None)):
        raise UsageError(f"An executor has a method submit; {type(given).__name__} has none.")


def _is_local(executor: Any) -> bool:
    """Whether runs are made on this machine, with its environment and its files."""
    return executor is None or isinstance(executor, int | ThreadPoolExecutor | ProcessPoolExecutor)


def _check_models(design: Design, runs: Iterable[Planned]) -> None:
    """Refuses models that cannot be asked; what is played asks none."""
    if design.replay is None:
        check_models(((run.model, design.sub_model, run.settings) for run in runs), here=_is_local(design.executor))


def _delivered(future: Any) -> Delivery:
    try:
        return Delivery(**future.result())
    except BaseException as error:  # noqa: BLE001 - the executor's own errors, such as a lost worker; a cancelled one is no Exception
        return Delivery(began=True, error=f"The worker failed with {type(error).__name__}: {error!s:.300}")


def _left_behind(future: Any) -> Delivery:
    """What came of a run that nobody has waited for: of one that had ended, all of it."""
    if future.done() and not future.cancelled():
        return _delivered(future)
    future.cancel()  # a worker elsewhere may go on with it, whatever it says of being cancelled
    return Delivery(began=True, error="The sweep was ended before this run.")


def _with_cassettes(design: Design) -> Design:
    """The folders of cassettes that the environment names, where none is given."""
    if design.record is not None or design.replay is not None:
        return design
    return replace(design, record=os.environ.get("RLM_LAB_RECORD"), replay=os.environ.get("RLM_LAB_REPLAY"))


def _cassette(folder: str | Path | None, run: Planned) -> Path | None:
    if folder is None:
        return None
    case, settings = run.case, "".join(f" {name} {value}" for name, value in sorted(run.changes.items()))
    words = f"{run.method.name} {run.model_label} {run.repeat} {case.length or ''} {case.label}{settings} {case.question}"
    return cassette_for(f"{folder}/", words)


def _bar(total: int, done: int, *, show: bool) -> Bar:
    from tqdm import tqdm

    bar: Bar = tqdm(total=total, initial=done, unit="run", desc="sweep", file=sys.stderr, disable=not show)
    return bar
