"""A run as its user holds it: what it is asked, where it stands, what came of it, and the commands.

States:

    waiting ─▶ running ⇄ paused ─▶ done, failed, stopped, out_of_budget
                           ▲                        │
                           └── rewind, override ────┘

`fork` and `replay` make other runs, which begin paused. Each command is for the main
thread, but for `pause` and `stop` of a running run; one that does not fit the state raises `StateError` and changes nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from weakref import WeakValueDictionary

from rlm_lab.config import Budget
from rlm_lab.engine.changing import Named, changed_budget, changed_question, difference
from rlm_lab.engine.decisions import decide_at
from rlm_lab.engine.forking import forked_question
from rlm_lab.engine.gates import Gate, Gates
from rlm_lab.engine.going_back import UserNames, check_step, find_call, forked_task, how_kept, task_before
from rlm_lab.engine.hub import PAUSE, STOP, Hub
from rlm_lab.engine.keeping import HowKept
from rlm_lab.engine.meanwhile import Meanwhile
from rlm_lab.engine.playback import Playback
from rlm_lab.engine.question import Question
from rlm_lab.engine.record import Record
from rlm_lab.engine.recorded import Recorded
from rlm_lab.engine.task import Task
from rlm_lab.errors import StateError, UsageError
from rlm_lab.models.base import Model
from rlm_lab.models.silent import SilentModel
from rlm_lab.trajectory import events
from rlm_lab.trajectory.store import EventLog
from rlm_lab.trajectory.tree import ENDED

TWICE = 2.0  # seconds within which a second interrupt stops the run
_paused: dict[str, Run] = {}
_driving: list[Run] = []
_known: WeakValueDictionary[str, Run] = WeakValueDictionary()


def running() -> Run | None:
    """The run that is driven just now: whoever asks this is inside one of its blocks, or is one of its views."""
    return _driving[-1] if _driving else None


def paused_runs() -> list[Run]:
    """The runs of this process that are paused, oldest first. They are kept until they end or are stopped."""
    return list(_paused.values())


def known_runs() -> list[Run]:
    """The runs of this process that somebody still holds, those that have ended too."""
    return list(_known.values())


class Run(Record):
    """One question and what came of it. Made by `rlm_lab.ask`; not to be made by hand.

    `tick` is called on the main thread about ten times a second while the run waits, and after each step.
    """

    def __init__(self, task: Task, *, tick: Callable[[Run], None] = lambda _: None) -> None:
        super().__init__(task)
        self._tick = tick
        _known[self.id] = self
        self._hub = self._new_hub()
        self._paused_at = 0.0
        self._names = UserNames()
        self.came_back: Mapping[str, Mapping[str, str]] = {}  # since the run was taken back: what is not exact, and why
        self._stamp = 0
        self.meanwhile = Meanwhile()

    @property
    def status(self) -> str:
        """waiting, running, paused, done, failed, stopped or out_of_budget."""
        return "paused" if self._hub.paused is not None and self._task.status not in ENDED else self._task.status

    def subscribe(self, callback: Callable[[events.Event], None]) -> Callable[[], None]:
        """Calls back with every event from now on, in the thread that emits it; gives a function that ends it."""
        return self._engine.log.subscribe(callback)

    def dashboard(self) -> Any:
        """A link to this run in the dashboard, which is started where it is not: works while the run goes on, too."""
        import rlm_lab  # by its public name: the dashboard stands above the engine

        return rlm_lab.dashboard_link(self)

    def start(self) -> None:
        """Goes from waiting to the end, or to a pause; raises `KeyboardInterrupt` when the pause is an interrupt's."""
        self._must_be("waiting")
        self._go()

    def resume(self, until: str | None = None) -> None:
        """Goes on from a pause, at the very point where the run stood: to its end, or until `step N`, `error` or `answer`."""
        self._must_be("paused")
        self.gates.open(until)
        self._continue()

    def step(self, into: str = "blocks") -> None:
        """Goes on from a pause to the next block, with `calls` to the next call or block, with `lines` to the next line or block.

        Lines are those of the block and of the functions that it defines; library code is not entered.
        """
        self._must_be("paused")
        self.gates.step(into)
        self._continue()

    def go_on(self) -> None:
        """Goes on from a pause as the run went before it: step by step if it was stepped."""
        self._must_be("paused")
        self._continue()

    def decide(self, **decision: Any) -> None:
        """Decides at the closed gate, for when the run goes on: the fields of `Decision` that fit the gate.

        Before a block `code` or `skip`, before a call `prompts` or `answers`, before a batch also `cap`, to a reply
        `reply`, before the end `refusal` or another `answer`; `by` says who.
        """
        self._must_be("paused")
        gate = self.gate
        if gate is None:
            raise StateError(f"The run {self.id} is paused in the midst of its work, not at a gate; nothing can be changed there.")
        self._hub.decision = decide_at(gate, decision)

    def hint(self, text: str, *, by: str = "user") -> None:
        """A word for the model of the run that stands here, told as the user's with what that model is told next."""
        self._must_be("paused")
        if not text.strip():
            raise UsageError("The hint is empty; write what the model should know.")
        self._hub.standing.hint(text.strip(), by)

    def change(
        self,
        *,
        model: Named = None,
        sub_model: Named = None,
        budget: Budget | Mapping[str, Any] | None = None,
        by: str = "user",
    ) -> None:
        """Other models, or other limits, from here on: names or model objects, a `Budget` or some of its limits by name.

        Child runs that are under way keep their models; a call that is pending keeps the one that it was made for.
        """
        self._must_be("paused")
        question = changed_question(self._engine, self.asked, model, sub_model)
        before, after = self.ledger.budget, changed_budget(self.ledger.budget, budget)
        for what, given in (("model", model), ("sub_model", sub_model)):
            if given is not None:
                self._task.change(what, question, by)
        if after != before:
            self.ledger.change(after)
            self._hub.forget_time()
            self._task.tell_budget(*difference(before, after), by)

    @property
    def gate(self) -> Gate | None:
        """The closed gate at which the run stands; its facts hold the pending code, prompts or answer."""
        return None if self._hub.held is None else self._hub.held[1]

    @property
    def gates(self) -> Gates:
        """The run's gates: stepping, goals and breakpoints."""
        return self._engine.gates

    @property
    def pause_reason(self) -> str | None:
        return self._hub.paused

    @property
    def held_locks(self) -> list[str]:
        """The names of locks that a paused run's blocks hold: a cell that waits for one of them would wait for ever."""
        return self._hub.held_locks() if self.status == "paused" else []

    @property
    def stamp(self) -> int:
        """Counts the run's changes between running and paused: a command that was made for an older one comes too late."""
        return self._stamp

    def pause(self) -> None:
        """From any thread, also from the run's own block: a running run soon pauses at the very point where it stands.

        Returns at once. The cell that drives the run ends as it does at a gate, without a `KeyboardInterrupt`.
        """
        if not self._hub.ask(PAUSE):
            raise StateError(f"The run {self.id} is {self.status}, not running; there is nothing to pause.")

    def stop(self) -> None:
        """Ends a run: what is in flight is cancelled, its block is ended. One that runs ends soon, whatever thread asks."""
        if self._hub.ask(STOP):
            return
        self._must_be("paused")
        self._stop()

    # going back

    def rewind(self, step: int, *, request: int | None = None, anew: bool = False) -> None:
        """Takes the run back to before a step, its variables too, and pauses there.

        Parameters
        ----------
        step: counted from 1; its reply is there already and its first block is what waits, to be run, edited or skipped.
        request: goes on into the step, up to its call or batch of this number; those before are answered from the record.
        anew: forgets what came from there on: the model is asked again. Without it, what was asked before is answered from the
            record as long as it is asked in the same words.

        Names that the user has bound while the run was paused stay; outside effects are not undone. A run that is paused or has
        ended can be taken back. Raises `UsageError` or `StateError`, and then nothing is changed.
        """
        self._must_be_still()
        check_step(self.id, self._task.keeper, self.steps, step)
        if request is not None and (request < 1 or anew):
            raise UsageError(f"A run is taken back to a request by its number from 1, out of its record; {request} is given.")
        known = not anew and self.steps[step - 1].reply is not None
        self._take_back(step, anew)
        self._stand(known, request)

    def override(self, call: int, answer: str, *, by: str = "user") -> None:
        """Gives a call another answer: the run stands before the step of that call, and only what depends on it is asked anew.

        `call` is the call's number in the trajectory. Go on with `resume`.
        """
        check_answer(answer)
        before, number = self._take_back_to_call(call)
        self._engine.recorded.replace(call, answer)
        edited = events.Edited(run=self.id, step=number, what="answer", before=before, after=answer, by=by, call=call)
        self._engine.log.append(edited)
        self._stand(known=True)

    def ask_again(self, call: int) -> None:
        """Forgets the answer of a call: the run stands before the step of that call, and it and what depends on it is asked anew.

        `call` is the call's number in the trajectory. Go on with `resume`.
        """
        self._take_back_to_call(call)
        self._engine.recorded.drop(call)
        self._stand(known=True)

    def fork(
        self,
        step: int,
        *,
        model: str | Model | None = None,
        sub_model: str | Model | None = None,
        budget: Budget | None = None,
        anew: bool | None = None,
    ) -> Run:
        """A second run that shares the steps before `step` and stands there, paused; this one and its variables stay what they are.

        It has a log, a ledger and a namespace of its own, with copies of all that can change. With another model, or `anew`, it
        asks from there on; else it knows this run's record as `rewind` does.
        """
        self._must_be_still()
        check_step(self.id, self._task.keeper, self.steps, step)
        anew = model is not None or sub_model is not None if anew is None else anew
        resolve = cast("Callable[[object], Model]", self._engine.resolve)
        models = {name: resolve(given) for name, given in (("model", model), ("sub_model", sub_model)) if given is not None}
        run = Run(forked_task(self._task, step, budget, anew, **models), tick=self._tick)
        run._stand(known=not anew and self.steps[step - 1].reply is not None)
        return run

    def again(self, name: str, origin: dict[str, Any], model: Model, sub_model: Model) -> Question | None:
        """The question as it stood before the first step, with copies of all variables; None where those are not kept."""
        kept = self._task.keeper.kept.get(1)
        if kept is None:
            return None
        return forked_question(self.asked, kept, run=name, origin=origin, model=model, sub_model=sub_model)

    def replay(self, **options: Any) -> Run:
        """Plays the run again without a model, paused before its first block; the options are those of `rlm_lab.replay`."""
        import rlm_lab  # by its public name: playing again is put together above the engine

        return rlm_lab.replay(self, **options)

    def variables(self, step: int) -> dict[str, HowKept]:
        """How each variable would come back if the run were taken back to before a step: exact, copied, rebuilt or lost."""
        check_step(self.id, self._task.keeper, self.steps, step)
        return how_kept(self._task.keeper, self.steps, step)

    def _take_back_to_call(self, call: int) -> tuple[str | None, int]:
        """Before the step of a call; gives the call's answer, and the number of the step."""
        self._must_be_still()
        found = find_call(self.steps, call)
        if found is None:
            raise UsageError(f"The run {self.id} has no call {call!r}.")
        check_step(self.id, self._task.keeper, self.steps, found[0].number)
        self._take_back(found[0].number, anew=False)
        return found[1].answer, found[0].number

    def _take_back(self, step: int, anew: bool) -> None:
        ended, steps = self.status in ENDED, self.steps
        comes_back = self.variables(step)
        rebuilt = self._rebuild(step, [name for name, how in comes_back.items() if how.how == "rebuilt"])
        told = {name: {"how": how.how, "note": how.note} for name, how in comes_back.items() if how.how != "exact"}
        not_rebuilt = [name for name, how in told.items() if how["how"] == "rebuilt" and name not in rebuilt]
        told |= {name: {"how": "lost", "note": "running its code again did not make it"} for name in not_rebuilt}
        with self._hub.shielded():
            self._engine.log.reopen()  # first, since it may be refused
            space = self._task.namespace
            self._names.go_on(space)
            leave = self._names.bound | (self._names.rebound(space) if ended else set())
            if not ended:
                self._tell_resumed()
            self._hub.stop(leave=True)
            kept = self._task.keeper.kept[step]
            self._task = task_before(self._task, step, leave)
            stubborn = {name: kept.how(name) for name in comes_back if name not in told}
            told |= {name: {"how": how.how, "note": how.note} for name, how in stubborn.items() if how.how != "exact"}
            self._engine.log.append(events.Rewound(run=self.id, step=step, why="anew" if anew else "rewind", variables=told))
            self._engine.traffic.reopen()
            if anew:
                self._engine.recorded.forget()
            else:
                self._engine.recorded.add(steps, since=step)
            self._task.namespace.update(rebuilt)
            self.came_back = told
            self._hub = self._new_hub()

    def _rebuild(self, step: int, names: Sequence[str]) -> dict[str, Any]:
        """Variables that only come back by running the recorded code again, from a run of it in a namespace apart."""
        kept = self._task.keeper.kept.get(1)
        if not names or kept is None:
            return {}
        trajectory, name = self.trajectory, f"{self.id}~again"
        silent = [SilentModel(name=model) for model in (trajectory.model, trajectory.sub_model)]
        try:
            asked = forked_question(self.asked, kept, run=name, model=silent[0], sub_model=silent[1])
        except StateError:  # then they are told as lost
            return {}
        gates = Gates()
        gates.open(f"step {step}")
        known, playback = Recorded(played=True), Playback.of(trajectory, self.events, name=name)
        known.add(trajectory.steps)
        boundless = Budget(steps=None, calls=None, tokens=None, cost=None, seconds=None)
        engine = self._engine.again(EventLog(None), name, boundless, gates=gates, recorded=known, playback=playback)
        other = Run(Task(engine, asked))
        other.start()
        reached = other.status == "paused" and other.gate is not None and other.gate.kind == "block"
        values = {one: asked.namespace[one] for one in names if reached and one in asked.namespace}
        if other.status == "paused":
            other.stop()
        return values

    def _stand(self, known: bool, request: int | None = None) -> None:
        """Comes to the step before which the run was put: to its first gate if the reply is known, else to before the reply."""
        if known:
            self.gates.step("blocks") if request is None else self.gates.stop_at_request(request)
            self._go()
        else:
            self._hub.paused = "taken back"
            self._stamp += 1
            self._pause()

    def _new_hub(self) -> Hub:
        return Hub(self._task, self._engine, tick=lambda: self._tick(self))

    # driving

    def ask_inside(self, question: Question) -> Record:
        """Runs a question as a child run of the block that this is called in."""
        if self._hub.inside is None:
            raise StateError(f"The run {self.id} is running; ask again when it has ended.")
        return Record(self._hub.inside.queries.ask_inside(question))

    def _continue(self) -> None:
        self._names.go_on(self._task.namespace)
        self._tell_resumed()
        self.came_back = {}
        self._go()

    def _tell_resumed(self) -> None:
        paused = round(time.monotonic() - self._paused_at, 3)
        done = self.meanwhile.end(self._task.namespace)
        if done is not None:
            self._engine.log.append(events.Intervened(run=self.id, step=self._task.step, **done))
        self._engine.log.append(events.Resumed(run=self.id, step=self._task.step, seconds=paused))

    def _go(self) -> None:
        if _driving:
            raise StateError(f"The run {_driving[-1].id} is running; ask again when it has ended.")
        _driving.append(self)
        self._stamp += 1
        try:
            self._hub.drive(self._settle)
        except BaseException as error:
            if isinstance(error, Exception):  # ours: it must not look as if a person had stopped the run
                self._task.fail(error)
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self._hub.stop()
            self._end()
            raise
        finally:
            _driving.remove(self)
        if self._hub.interrupted:
            raise KeyboardInterrupt

    def _settle(self) -> None:
        """What is done at the end of a drive, while an interrupt can do no harm."""
        self._stamp += 1
        self._names.pause(self._task.namespace)
        if self._task.finished:
            self._end()
        elif self._hub.asked == STOP:
            self._stop()
        else:
            self._pause()

    def _pause(self) -> None:
        if self._hub.interrupted_twice(TWICE):
            self._stop()
            return
        _paused[self.id] = self
        self.meanwhile.begin(self._task.namespace, self._task.hidden)
        self._paused_at = time.monotonic()
        step, block, line = self._task.position
        self._engine.log.append(events.Paused(run=self.id, reason=self._hub.paused or "", step=step, block=block, line=line))

    def _stop(self) -> None:
        self._hub.stop()
        self._end()

    def _end(self) -> None:
        _paused.pop(self.id, None)
        self._engine.log.close()

    def _must_be_still(self) -> None:
        """Paused, or ended."""
        if self.status in ENDED:
            self._must_be(self.status)
        else:
            self._must_be("paused")

    def _must_be(self, status: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise StateError(f"The run {self.id} belongs to the main thread, where its code can be interrupted; this is another.")
        if _driving:
            raise StateError(
                f"The run {_driving[-1].id} is running; a block asks for a child run with rlm_query(question, context=...)."
            )
        if self.status != status:
            raise StateError(f"The run {self.id} is {self.status}, not {status}.")


def check_answer(answer: object) -> None:
    """Raises `UsageError` for what no call can be answered."""
    if not isinstance(answer, str):
        raise UsageError(f"The answer of a call is a text; {answer!r:.60} is given.")
