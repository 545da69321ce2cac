"""A run as its user holds it: what it is asked, where it stands, what came of it, and the commands.

States: *waiting* ─▶ *running* ⇄ *paused* ─▶ *done*, *failed*, *stopped* or *out_of_budget*. Each command is for the main
thread, but for `pause` and `stop` of a running run; one that does not fit the state raises `StateError` and changes nothing.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.engine.decisions import FITS, Decision
from rlm_lab.engine.gates import Gate, Gates
from rlm_lab.engine.hub import PAUSE, STOP, Hub
from rlm_lab.engine.ledger import Ledger, Spent
from rlm_lab.engine.question import Engine, Question
from rlm_lab.engine.task import ENDED, Task
from rlm_lab.errors import RLMError, StateError
from rlm_lab.trajectory import events
from rlm_lab.trajectory.fold import Step, Trajectory, fold

TWICE = 2.0  # seconds within which a second interrupt stops the run
_paused: dict[str, Run] = {}
_driving: list[Run] = []


def running() -> Run | None:
    """The run that is driven just now: whoever asks this is inside one of its blocks, or is one of its views."""
    return _driving[-1] if _driving else None


def paused_runs() -> list[Run]:
    """The runs of this process that are paused, oldest first. They are kept until they end or are stopped."""
    return list(_paused.values())


class Record:
    """What is known of one run: a root run's, or a child run's that a block has asked for."""

    def __init__(self, engine: Engine, task: Task) -> None:
        self._engine = engine
        self._task = task
        self._trajectory: tuple[int, Trajectory] | None = None

    def __repr__(self) -> str:
        answer = f": {self.answer!r:.200}" if self.status in {"done", "out_of_budget"} else ""
        return f"<{type(self).__name__} {self.id} {self.status}{answer}>"

    @property
    def asked(self) -> Question:
        """What the run was made from."""
        return self._task.question

    @property
    def status(self) -> str:
        """waiting, running, done, failed, stopped or out_of_budget; a root run may be paused, too."""
        return self._task.status

    @property
    def id(self) -> str:
        """The run's name, that of its file too."""
        return self._task.run_id

    @property
    def question(self) -> str:
        return self._task.question.text

    @property
    def answer(self) -> Any:
        """The answer's value, None as long as there is none."""
        return self._task.answer

    @property
    def answer_text(self) -> str:
        return self._task.answer_text

    @property
    def error(self) -> RLMError | None:
        """Why the run failed."""
        return self._task.error

    @property
    def limit(self) -> str | None:
        """The budget's limit that the run has met, by its name in `Budget`."""
        return self._task.limit

    @property
    def usage(self) -> Spent:
        """What the run and its children have spent."""
        return self._engine.ledger.spent

    @property
    def ledger(self) -> Ledger:
        return self._engine.ledger

    @property
    def calls(self) -> tuple[int, int]:
        """Calls that are answered, and calls that were started."""
        return self._engine.traffic.calls_done, self._engine.traffic.calls_started

    @property
    def path(self) -> Path | None:
        """The run's log."""
        return self._engine.log.path

    @property
    def log_failure(self) -> RLMError | None:
        """Why the log is not whole, if it is not."""
        return self._engine.log.failure

    @property
    def events(self) -> list[events.Event]:
        """The events of the run and its children so far, in their order."""
        return self._engine.log.events

    @property
    def trajectory(self) -> Trajectory:
        """All that is known of the run, folded from its events."""
        known = self._engine.log.events
        if self._trajectory is None or self._trajectory[0] != len(known):
            self._trajectory = (len(known), _found(fold(known), self.id))
        return self._trajectory[1]

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.trajectory.steps


class Run(Record):
    """One question and what came of it. Made by `rlm_lab.ask`; not to be made by hand.

    `tick` is called on the main thread about ten times a second while the run waits, and after each step.
    """

    def __init__(self, engine: Engine, question: Question, *, tick: Callable[[Run], None] = lambda _: None) -> None:
        super().__init__(engine, Task(engine, question))
        self._hub = Hub(self._task, engine, tick=lambda: tick(self))
        self._paused_at = 0.0
        self._stamp = 0

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
        """Goes on from a pause to the next block, or with `calls` to the next call or block."""
        self._must_be("paused")
        self.gates.step(into)
        self._continue()

    def go_on(self) -> None:
        """Goes on from a pause as the run went before it: step by step if it was stepped."""
        self._must_be("paused")
        self._continue()

    def decide(self, **decision: Any) -> None:
        """Decides at the closed gate, for when the run goes on: the fields of `Decision` that fit the gate.

        Before a block `code` or `skip`, before a call `prompts` or `answers`, before the end `refusal`; `by` says who.
        """
        self._must_be("paused")
        gate = self.gate
        if gate is None:
            raise StateError(f"The run {self.id} is paused in the midst of its work, not at a gate; nothing can be changed there.")
        unfit = sorted(set(decision) - {"by"} - FITS[gate.kind])
        if unfit:
            fit = " or ".join(sorted(FITS[gate.kind])) or "nothing"
            raise StateError(f"{unfit[0]} does not fit the gate where the run stands ({gate.kind}); {fit} can be given there.")
        _check_count(gate, decision)
        self._hub.decision = Decision(**decision)

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

    def ask_inside(self, question: Question) -> Record:
        """Runs a question as a child run of the block that this is called in."""
        if self._hub.inside is None:
            raise StateError(f"The run {self.id} is running; ask again when it has ended.")
        return Record(self._engine, self._hub.inside.queries.ask_inside(question))

    def _continue(self) -> None:
        paused = round(time.monotonic() - self._paused_at, 3)
        self._engine.log.append(events.Resumed(run=self.id, step=self._task.step, seconds=paused))
        self._go()

    def _go(self) -> None:
        if _driving:
            raise StateError(f"The run {_driving[-1].id} is running; ask again when it has ended.")
        _driving.append(self)
        self._stamp += 1
        try:
            self._hub.drive(self._settle)
        except BaseException:
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
        self._paused_at = time.monotonic()
        step, block, line = self._task.position
        self._engine.log.append(events.Paused(run=self.id, reason=self._hub.paused or "", step=step, block=block, line=line))

    def _stop(self) -> None:
        self._hub.stop()
        self._end()

    def _end(self) -> None:
        _paused.pop(self.id, None)
        self._engine.log.close()

    def _must_be(self, status: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise StateError(f"The run {self.id} belongs to the main thread, where its code can be interrupted; this is another.")
        if _driving:
            raise StateError(
                f"The run {_driving[-1].id} is running; a block asks for a child run with rlm_query(question, context=...)."
            )
        if self.status != status:
            raise StateError(f"The run {self.id} is {self.status}, not {status}.")


def _check_count(gate: Gate, decision: Mapping[str, Any]) -> None:
    for name in ("prompts", "answers"):
        given = decision.get(name)
        if given is not None and len(given) != gate.facts["batch"]:
            raise StateError(f"{len(given)} {name} are given for {gate.facts['batch']} calls; give one for each.")


def _found(trajectory: Trajectory, run: str) -> Trajectory:
    """The trajectory of a child run, somewhere below its root's."""
    if trajectory.run == run:
        return trajectory
    children = (child for step in trajectory.steps for block in step.blocks for child in block.children)
    return next(_found(child, run) for child in children if run == child.run or run.startswith(f"{child.run}."))
