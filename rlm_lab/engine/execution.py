"""Executing the blocks of one run: each is entered until it ends, and what it asks for meanwhile is answered.

States of a block: *entered* ⇄ *waiting* (for calls, child runs, a file or a time) ─▶ *ended*; one that catches its time limit
again and again is *given up*. Every method is for the main thread; the generators are parts of a run's life.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.actions import Action, Await, Enter, Overdue, Spawn, Until
from rlm_lab.engine.asides import Aside, Way, filled
from rlm_lab.engine.block import OpenBlock, Workspace
from rlm_lab.engine.blockloop import Idle
from rlm_lab.engine.coroutine import Done, abandon
from rlm_lab.engine.decisions import GO, Decision
from rlm_lab.engine.explain import explain
from rlm_lab.engine.gates import STOPS, Gate
from rlm_lab.engine.ledger import WARN_FROM
from rlm_lab.engine.lines import AtLine, LineTracer
from rlm_lab.engine.locks import held_locks
from rlm_lab.engine.observation import BlockReport
from rlm_lab.engine.queries import AskRequest, ChildRequest, Site
from rlm_lab.engine.question import Engine, Question
from rlm_lab.engine.teller import Teller
from rlm_lab.engine.traffic import CallRequest, Outcome, Ticket
from rlm_lab.errors import BlockError, BudgetExceededError, NotInRunError, RLMError

if TYPE_CHECKING:
    from rlm_lab.engine.task import Task

OVERDUE_TRIES = 3  # how often a block that catches its time limit is told again
GRACE = 1.0  # seconds that a block has to end after it was told
SAMPLED_PROMPTS = 5  # of each request, kept to be looked at for text of the context

DECIDED = {  # what a person may have decided at a gate: the name of the edit, the fact that it changed, the field of the decision
    "block": (("skip", "code", "skip"), ("code", "code", "code")),
    "call": (("prompt", "prompts", "prompts"), ("cap", "batch", "cap")),
    "reply": (("reply", "reply", "reply"),),
    "final": (("final", "answer", "refusal"), ("final_answer", "answer", "answer")),
}
MakeChild = Callable[[str, Any, str | None], Question]
Adopt = Callable[[Question], "Task"]
Block = Generator[Action, Any, BlockReport]


class Execution:
    """Runs blocks one after the other. `site` is where the open one stands."""

    def __init__(self, engine: Engine, space: Workspace, teller: Teller, make_child: MakeChild, adopt: Adopt) -> None:
        self._engine = engine
        self._space = space
        self._tell = teller
        self._make_child = make_child
        self._adopt = adopt
        self.block: OpenBlock | None = None
        self.site: Site | None = None
        self.prompts: list[str] = []
        self.notes: list[str] = []

    @property
    def line(self) -> int | None:
        """The line where the open block is suspended."""
        frame = None if self.block is None else self.block.coroutine.frame
        while frame is not None and self.block is not None and frame.f_code.co_filename != self.block.filename:
            frame = frame.f_back
        line: int | None = None if frame is None else frame.f_lineno  # an instruction that the compiler has added has none
        return line

    @property
    def held_locks(self) -> list[str]:
        """The names of locks that the suspended block holds, as far as can be seen."""
        return [] if self.block is None else held_locks(self.block.coroutine.frame, self.block.filename)

    def take_notes(self) -> list[str]:
        """What the model is to be told of the user's decisions since the last call."""
        notes, self.notes = self.notes, []
        return notes

    def gate(self, kind: str, **facts: Any) -> Generator[Action, Any, Decision]:
        """Comes to a gate; while none can close, nothing is asked."""
        gates, spent = self._engine.gates, self._engine.ledger.spent
        if not gates.watching and kind not in STOPS:
            return self._recorded_decision(kind, facts)
        known = {name: getattr(spent, name) for name in ("calls", "tokens", "cost", "seconds")}
        known |= self._budget_facts() if gates.watches_budget else {}
        tell = self._tell
        place = {"step": tell.step, "block": tell.block + (kind == "block"), "depth": tell.depth}  # that block is yet to start
        decision: Decision = yield Gate(kind=kind, facts=place | known | facts)
        return decision if decision != GO else self._recorded_decision(kind, facts)

    def _recorded_decision(self, kind: str, facts: Mapping[str, Any]) -> Decision:
        """What was decided at a gate when the run that is played was made."""
        playback = self._engine.playback
        if not playback.playing or kind not in DECIDED:
            return GO
        for what, fact, field in DECIDED[kind]:
            before = list(facts[fact]) if fact == "prompts" else facts[fact]
            edit = playback.take_edit(self._tell.run, self._tell.step, what, before)
            if edit is not None:
                after = tuple(edit.after) if field == "prompts" else field == "skip" or edit.after
                chosen: dict[str, Any] = {field: after, "by": edit.by}
                return Decision(**chosen)
        return GO

    def play_on(self) -> Generator[Action, Any, None]:
        """The record ends here: the run stands where it stood, and is live from now on."""
        if self._engine.playback.playing:
            self._engine.playback.end()
            yield from self.gate("record", line=self.line)

    def _compare(self, report: BlockReport) -> Generator[Action, Any, None]:
        """Holds a block that was run again against its record."""
        playback, tell = self._engine.playback, self._tell
        if not playback.playing:
            return
        difference = playback.compare(tell.run, tell.step, tell.block, report)
        if difference is not None:
            facts = {"what": difference.what, "recorded": difference.recorded, "now": difference.now}
            decision = yield from self.gate("difference", difference=str(difference), **facts)
            if decision.take_over:
                playback.end()
                self._engine.recorded.forget()
        elif not playback.is_whole(tell.run, tell.step, tell.block):
            yield from self.play_on()

    def budget_gate(self, refused: str = "") -> Generator[Action, Any, Decision]:
        """Comes to the gate of the budget's lines, where anybody looks at them; `refused` says what did not fit any more."""
        if not self._engine.gates.watches_budget:
            return GO
        facts = self._budget_facts()
        lines = facts.pop("budget_lines") + bool(refused)
        return (yield from self.gate("budget", used=self._used(), refused=refused, budget_lines=lines, **facts))

    def _used(self) -> dict[str, tuple[float, float]]:
        """What is used of each limit, and the limit."""
        steps = self._engine.ledger.budget.steps
        return self._engine.ledger.used() | ({"steps": (self._tell.step, steps)} if steps is not None else {})

    def _budget_facts(self) -> dict[str, float]:
        """`budget` is the largest share of a limit that is used; `budget_lines` counts the lines crossed by all limits."""
        shares = [used / limit for used, limit in self._used().values()]
        return {"budget": max(shares, default=0.0), "budget_lines": sum((share >= WARN_FROM) + (share >= 1) for share in shares)}

    def run(self, code: str, run: str) -> Block:
        """One block from its gate to its end."""
        playback, tell = self._engine.playback, self._tell
        if playback.playing and not playback.was_begun(tell.run, tell.step, tell.block + 1, code):
            playback.end()
            self._engine.gates.step()  # the run stood before this block
        decision = yield from self.gate("block", code=code)
        if decision.skip:
            self._tell.edited("skip", code, None, decision.by)
            return BlockReport(code=code, pieces=(), skipped=True)
        if decision.code is not None and decision.code != code:
            self._tell.edited("code", code, decision.code, decision.by)
            code = decision.code
        report = yield from self._run(code, run)
        yield from self._compare(report)
        yield from self.gate("output", output=report.text)
        if report.error is not None:
            yield from self.gate("error", error=f"{report.error.type}: {report.error.message}")
        return report

    def _run(self, code: str, run: str) -> Block:
        """One block from its first line to its end."""
        settings, tell = self._engine.settings, self._tell
        tell.block_started(code, self._space.state())
        filename = f"<rlm {run} step {tell.step} block {tell.block}>"
        try:
            block = self._space.open(
                code, filename, allow_shell=settings.allow_shell, tell=tell.output, limit=settings.output_characters
            )
        except (SyntaxError, BlockError, ValueError, RecursionError, MemoryError) as refused:
            return self._unrun(code, filename, refused)
        place = {"step": tell.step, "block": tell.block, "depth": tell.depth}
        block.coroutine.tracer = LineTracer(filename, self._engine.gates, place, block.coroutine.suspend)
        self.block = block
        self.site = Site(coroutine=block.coroutine, step=tell.step, block=tell.block, filename=filename, beside=self._ask_beside)
        error = yield from self._drive(block)
        self.site = None
        return self._close(block, error)

    def give_up(self) -> None:
        """Closes a block that was ended from outside."""
        self.site = None
        if self.block is not None:
            self._close(self.block, BlockError("The run was stopped while this block ran."))

    def _drive(self, block: OpenBlock) -> Generator[Action, Any, BaseException | None]:
        """Enters a block again and again until it ends."""
        allowed, told = self._engine.settings.block_seconds, 0
        action = Enter(coroutine=block.coroutine, seconds=allowed)
        while True:
            signal = yield action
            block.flush()
            if isinstance(signal, Done):
                return signal.error
            if block.computed >= allowed and not isinstance(signal, Overdue):
                signal = Overdue(limit="block_seconds")  # it leaves so often that the watchdog never sees it compute for long
            value = signal if isinstance(signal, Overdue) else (yield from self._answer(signal, told=told > 0))
            if isinstance(value, Overdue):
                told += 1
                error = self._overdue(value.limit)
                if told > OVERDUE_TRIES:
                    abandon(block.coroutine)
                    return error
                allowed = block.computed + GRACE
                action = Enter(coroutine=block.coroutine, seconds=GRACE, throw=error)
            else:
                action = Enter(coroutine=block.coroutine, seconds=max(allowed - block.computed, 0.001), value=value)

    def _overdue(self, limit: str) -> RLMError:
        if limit == "seconds":
            return BudgetExceededError(f"The run has met its limit of {self._engine.ledger.budget.seconds} s.", limit="seconds")
        most = self._engine.settings.block_seconds
        return BlockError(f"The block has computed for more than its limit of {most:g} s; do less at once.")

    def _answer(self, signal: Any, *, told: bool) -> Generator[Action, Any, Any]:
        """What comes of a block's request: a value to enter it with; an exception is raised in it."""
        try:
            if isinstance(signal, Idle):
                return (yield from self._wait(signal, told=told))
            if isinstance(signal, CallRequest):
                return (yield from self._call(signal))
            if isinstance(signal, AtLine):
                return (yield from self.gate("line", line=signal.line))
            self._refuse_when_spent()
            if isinstance(signal, ChildRequest):
                return (yield from self._run_children(signal))
            if isinstance(signal, AskRequest):
                child = self._adopt(signal.question)
                yield from self._spawn([child], signal.origin.line, None)
                return child
        except RLMError as error:
            return error
        raise AssertionError(f"unknown signal {signal!r}")

    def _refuse_when_spent(self) -> None:
        """Each child run may ask for a last answer beyond the budget, so none is started that could do nothing else."""
        limit = self._engine.ledger.exhausted()
        if limit is not None:
            raise BudgetExceededError(f"The run has met its limit of {limit}; no child run is started any more.", limit=limit)

    def _call(self, request: CallRequest) -> Generator[Action, Any, Any]:
        """One call or batch of the block itself, from its gate to its outcomes."""
        sent = yield from self._admit(request)
        if not isinstance(sent, Ticket):
            return sent
        outcomes = yield Await(ticket=sent)
        yield from self.budget_gate()
        return filled(outcomes, len(request.prompts))

    def _admit(self, request: CallRequest) -> Generator[Action, Any, Ticket | list[Outcome]]:
        """One call or batch, past its gate; answers that a person gives are logged as that person's."""
        prompts = request.prompts
        decision = yield from self.gate(
            "call", prompt=prompts[0], prompts=prompts, batch=len(prompts), model=request.model, line=request.origin.line
        )
        if decision.prompts is not None:
            self._tell.edited("prompt", list(prompts), list(decision.prompts), decision.by)
            request = replace(request, prompts=decision.prompts)
        if decision.answers is not None:
            self._tell.edited("answer", None, list(decision.answers), decision.by)
            return self._engine.traffic.answer(request, decision.answers, by=decision.by)
        if decision.cap is not None:
            self._tell.edited("cap", len(prompts), decision.cap, decision.by)
            self.notes.append(f"The user let only the first {decision.cap} of the {len(prompts)} calls of a batch be made.")
            request = replace(request, prompts=request.prompts[: decision.cap])
        return (yield from self._start(request))

    def _start(self, request: CallRequest) -> Generator[Action, Any, Ticket]:
        """Sends calls; before they are refused, the gate of the budget is a place to raise a limit."""
        self.prompts += request.prompts[:SAMPLED_PROMPTS]
        if self._engine.playback.playing and not self._engine.recorded.knows(request.model.name, request.prompts):
            yield from self.play_on()
        try:
            return self._engine.traffic.start(request)
        except BudgetExceededError as error:
            yield from self.budget_gate(str(error))
            return self._engine.traffic.start(request)

    def _ask_beside(self, request: CallRequest) -> Aside:
        """From a thread of the block, or its loop: sent at once where no gate can close, else by way of the hub."""
        front, at_once = self._engine.traffic.front, not self._engine.gates.watching and not self._engine.playback.playing
        if front is None or (front.paused is None and at_once):
            aside = Aside(None, len(request.prompts))
            self.prompts += request.prompts[:SAMPLED_PROMPTS]
            aside.take(self._engine.traffic.start(request))
        else:
            aside = Aside(self._way(request, self.site), len(request.prompts))
            front.receive(aside)
        return aside

    def _way(self, request: CallRequest, site: Site | None) -> Way:
        if site is None or site.coroutine.ended:
            raise NotInRunError("The block that this call came from has ended; wait for your threads before a block's last line.")
        sent = yield from self._admit(request)
        return sent

    def _wait(self, idle: Idle, *, told: bool) -> Generator[Action, Any, Any]:
        """Waits as a block's loop does; one that was told to end may not wait for longer than the time it has for that."""
        last = time.monotonic() + GRACE
        if not told or (idle.deadline is not None and idle.deadline <= last):
            return (yield Until(deadline=idle.deadline, fileno=idle.fileno))
        came = yield Until(deadline=last, fileno=idle.fileno)
        return Overdue(limit="seconds") if came is None and time.monotonic() >= last else came

    def _run_children(self, request: ChildRequest) -> Generator[Action, Any, list[str | Exception]]:
        batch, line = None, request.origin.line
        if request.batched:
            batch = self._engine.traffic.next_batch()
            self._tell.batch_of_children(batch, len(request.questions), line)
        children = [
            self._adopt(replace(self._make_child(text, context, request.model), infos=(info,)))
            for text, context, info in zip(request.questions, request.contexts, request.infos, strict=True)
        ]
        return (yield from self._spawn(children, line, batch))

    def _spawn(
        self, children: Sequence[Task], line: int | None, batch: int | None
    ) -> Generator[Action, Any, list[str | Exception]]:
        for index, child in enumerate(children):
            self._tell.child_started(child.run_id, line, batch, None if batch is None else index)
        try:
            outcomes: list[str | Exception] = yield Spawn(children=tuple(children))
        finally:  # also where the run is stopped meanwhile
            for child in children:
                self._tell.child_finished(child.run_id, child.status if child.finished else "stopped")
        return outcomes

    def _close(self, block: OpenBlock, error: BaseException | None) -> BlockReport:
        report, digest = block.finish(error)
        self.block = None
        self._tell.block_finished(report, block.computed, digest)
        return report

    def _unrun(self, code: str, filename: str, error: BaseException) -> BlockReport:
        report = BlockReport(code=code, pieces=(), error=explain(error, code, filename, self._space.namespace))
        self._tell.block_finished(report, 0.0, "")
        return report
