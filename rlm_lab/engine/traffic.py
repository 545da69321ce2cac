"""Traffic with models: the one path that every request of a run takes, whoever makes it.

A request is checked, reserved in the ledger, logged, sent on the model loop, settled and logged again when it is answered,
also while the run is paused. Started from the main thread or from a block's threads; answered on the loop's thread. It never
touches the namespace.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlm_lab.config import Settings
from rlm_lab.engine.exchange import Ended, Exchange, Places
from rlm_lab.engine.ledger import Ledger, Reservation
from rlm_lab.engine.recorded import Recorded
from rlm_lab.errors import BudgetExceededError, ModelError, NotInRunError, RLMError, UsageError
from rlm_lab.models.base import Message, Model, Reply, Request, Usage
from rlm_lab.models.loop import ModelLoop
from rlm_lab.trajectory.events import BatchStarted, CallFailed, CallFinished, CallStarted, ReplyDelta, ReplyFailed, ReplyReceived
from rlm_lab.trajectory.store import EventLog
from rlm_lab.trajectory.tree import Call

if TYPE_CHECKING:
    from rlm_lab.engine.asides import Front

Outcome = str | Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where in a run a request comes from; `line` is the line of the block, None where it is not known."""

    run: str
    step: int
    block: int = 0
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """One call, or a batch of them, to one model."""

    origin: Origin
    prompts: tuple[str, ...]
    model: Model
    batched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    run: str
    number: int
    index: int
    request: Request
    held: Reservation


class Ticket:
    """Calls under way: `outcomes`, in the order of the prompts, is whole when `done` is set."""

    def __init__(self, size: int) -> None:
        self.outcomes: list[Outcome] = [ModelError("The call was cancelled.")] * size
        self.done: Future[None] = Future()
        self.done.set_running_or_notify_cancel()  # who waits may give up; that ends the wait, not the calls
        self.cancelled = False
        self.task: asyncio.Task[Any] | None = None

    def cancel(self) -> None:
        """Cancels what is in flight; the ticket is done when each member's end is logged."""
        self.cancelled = True
        ModelLoop.shared().call_soon(self._cancel_task)

    def _cancel_task(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Traffic:
    """Sends requests for a whole tree of runs: one log, one ledger."""

    def __init__(self, log: EventLog, ledger: Ledger, settings: Settings, recorded: Recorded) -> None:
        self._recorded = recorded
        self._log = log
        self._ledger = ledger
        self._settings = settings
        self._calls = itertools.count(1)
        self._batches = itertools.count(1)
        self._open: set[Ticket] = set()
        self._closed = threading.Event()
        self._lock = threading.RLock()
        self._places = Places()
        self.front: Front | None = None  # of the hub that drives these runs
        self.calls_started = 0
        self.calls_done = 0

    @property
    def closed(self) -> bool:
        """Whether the runs are being stopped."""
        return self._closed.is_set()

    def next_batch(self) -> int:
        return next(self._batches)

    # sub-model calls

    def start(self, call: CallRequest) -> Ticket:
        """Starts calls; raises `BudgetExceededError`, `UsageError` or `NotInRunError`, and then nothing was started."""
        if self._closed.is_set():
            raise NotInRunError("The run is being stopped; no call is sent any more.")
        known = self._recorded.answers(call.model.name, call.prompts)
        try:
            members = self._members(call, known)
        except RLMError:
            self._recorded.give_back(call.model.name, call.prompts, known)
            raise
        self._log_start(call, members)
        ticket = Ticket(len(members))
        with self._lock:
            self._open.add(ticket)
            self.calls_started += len(members)
        if self._closed.is_set():  # since the look above
            ticket.cancel()
        for member, answer in zip(members, known, strict=True):
            if answer is not None:
                self._answer_from_record(member, ticket, answer)
        new = [member for member, answer in zip(members, known, strict=True) if answer is None]
        if new:
            ModelLoop.shared().submit(self._send_all(call.model, new, ticket))
        else:
            self._close(ticket)
        return ticket

    def _members(self, call: CallRequest, known: Sequence[Call | None]) -> list[_Member]:
        """The calls of a request, reserved but for those whose answers are known."""
        requests = [self._request(prompt) for prompt in call.prompts]
        estimates = [Usage() if answer else call.model.estimate(request) for request, answer in zip(requests, known, strict=True)]
        _check_window(call, estimates)
        self._ledger.reserve(sum(answer is None for answer in known), _total(estimates))
        return [
            _Member(
                run=call.origin.run,
                number=next(self._calls),
                index=index,
                request=request,
                held=Reservation(calls=int(answer is None), tokens=usage.tokens, cost=usage.cost or 0.0),
            )
            for index, (request, usage, answer) in enumerate(zip(requests, estimates, known, strict=True))
        ]

    def _answer_from_record(self, member: _Member, ticket: Ticket, known: Call) -> None:
        self.calls_done += 1
        if known.answer is None:
            ticket.outcomes[member.index] = ModelError(known.error or "The call failed.")
            self._log.append(CallFailed(run=member.run, call=member.number, error=known.error or "", kind=known.kind or ""))
            return
        ticket.outcomes[member.index] = known.answer
        self._log.append(CallFinished(run=member.run, call=member.number, answer=known.answer, model=known.model, source="record"))

    def number_from(self, calls: int, batches: int) -> None:
        """Numbers what comes after what a log holds already."""
        self._calls, self._batches = itertools.count(calls + 1), itertools.count(batches + 1)

    def reopen(self) -> None:
        """Takes requests again after `close`: the run was taken back."""
        self._closed.clear()

    def answer(self, call: CallRequest, answers: Sequence[str], *, by: str) -> list[Outcome]:
        """Logs calls that a person answers in place of the model; nothing is sent and nothing is spent."""
        requests = [self._request(prompt) for prompt in call.prompts]
        nothing = Reservation(calls=0, tokens=0, cost=0.0)
        members = [
            _Member(run=call.origin.run, number=next(self._calls), index=index, request=request, held=nothing)
            for index, request in enumerate(requests)
        ]
        self._log_start(call, members)
        for member, text in zip(members, answers, strict=True):
            self._log.append(CallFinished(run=member.run, call=member.number, answer=text, model=by))
        return list(answers)

    def cancel_all(self) -> None:
        """Cancels everything that is in flight."""
        with self._lock:
            tickets = list(self._open)
        for ticket in tickets:
            ticket.cancel()

    def close(self, seconds: float) -> None:
        """Refuses what comes, cancels what is in flight, and waits at most so many seconds until each end is logged."""
        self._closed.set()
        self.cancel_all()
        with self._lock:
            ends = [ticket.done for ticket in self._open]
        wait(ends, timeout=seconds)

    def _request(self, prompt: str) -> Request:
        return Request(
            messages=(Message(role="user", content=prompt),),
            seconds=self._settings.call_seconds,
            retries=self._settings.call_retries,
        )

    def _log_start(self, call: CallRequest, members: list[_Member]) -> None:
        origin, batch = call.origin, None
        if call.batched:
            batch = self.next_batch()
            self._log.append(
                BatchStarted(run=origin.run, step=origin.step, block=origin.block, batch=batch, size=len(members), line=origin.line)
            )
        for member, prompt in zip(members, call.prompts, strict=True):
            self._log.append(
                CallStarted(
                    run=origin.run,
                    step=origin.step,
                    block=origin.block,
                    call=member.number,
                    prompt=prompt,
                    model=call.model.name,
                    line=origin.line,
                    batch=batch,
                    index=member.index if call.batched else None,
                )
            )

    async def _send_all(self, model: Model, members: list[_Member], ticket: Ticket) -> None:
        ticket.task = asyncio.current_task()
        sends = [self._send(model, member, ticket) for member in members]
        try:
            if len(sends) == 1:
                await sends[0]
            else:
                await asyncio.gather(*sends, return_exceptions=True)  # else one that is cancelled would end the wait for all
        finally:
            self._close(ticket)

    async def _send(self, model: Model, member: _Member, ticket: Ticket) -> None:
        def check() -> None:
            _refuse_cancelled(ticket)
            self._check_limits()

        exchange = Exchange(model=model, request=member.request, places=self._places, check=check, what="call")
        await exchange.run(lambda ended: self._end_call(member, ticket, ended))

    def _check_limits(self) -> None:
        limit = self._ledger.met()
        if limit is not None:
            raise BudgetExceededError(f"The run has met its limit of {limit}; this call was not sent.", limit=limit)

    def _end_call(self, member: _Member, ticket: Ticket, ended: Ended) -> None:
        self._settle(member.held, ended)
        reply = ended.outcome
        ticket.outcomes[member.index] = reply.text if isinstance(reply, Reply) else reply
        self.calls_done += 1
        self._log.append(
            CallFinished(run=member.run, call=member.number, answer=reply.text, **ended.facts)
            if isinstance(reply, Reply)
            else CallFailed(run=member.run, call=member.number, **ended.facts)
        )

    def _settle(self, held: Reservation, ended: Ended) -> None:
        """A request that was sent counts, also one that was cancelled then; what it took is not known without a reply."""
        if ended.sent:
            self._ledger.settle(held, ended.outcome.usage if isinstance(ended.outcome, Reply) else Usage())
        else:
            self._ledger.release(held)

    def _close(self, ticket: Ticket) -> None:
        with self._lock:
            self._open.discard(ticket)
        ticket.done.set_result(None)

    # replies of the root model

    def think(
        self, origin: Origin, model: Model, request: Request, *, done: Callable[[Reply | Exception], None], free: bool
    ) -> None:
        """Asks a root model; `done` is called on the loop's thread. `free` asks beyond the budget, for a last answer."""
        estimate = model.estimate(request)
        held = self._ledger.reserve(0, Usage() if free else estimate)
        ticket = Ticket(0)
        with self._lock:
            self._open.add(ticket)

        def finish(ended: Ended) -> None:
            self._settle(held, ended)
            self._log_reply(origin, ended)
            self._close(ticket)
            done(ended.outcome)

        exchange = Exchange(
            model=model,
            request=request,
            places=self._places,
            check=lambda: _refuse_cancelled(ticket),
            what="request",
            tell=lambda text: self._tell(origin, text),
        )
        ModelLoop.shared().submit(self._think(exchange, ticket, finish))

    @staticmethod
    async def _think(exchange: Exchange, ticket: Ticket, finish: Callable[[Ended], None]) -> None:
        ticket.task = asyncio.current_task()
        await exchange.run(finish)

    def _tell(self, origin: Origin, text: str) -> None:
        self._log.append(ReplyDelta(run=origin.run, step=origin.step, text=text))

    def _log_reply(self, origin: Origin, ended: Ended) -> None:
        reply = ended.outcome
        place: dict[str, Any] = {"run": origin.run, "step": origin.step}
        self._log.append(
            ReplyReceived(text=reply.text, finish_reason=reply.finish_reason, **place, **ended.facts)
            if isinstance(reply, Reply)
            else ReplyFailed(**place, **ended.facts)
        )


def _refuse_cancelled(ticket: Ticket) -> None:
    """A ticket may be cancelled before its task has begun."""
    if ticket.cancelled:
        raise asyncio.CancelledError


def _total(estimates: list[Usage]) -> Usage:
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in estimates),
        completion_tokens=sum(usage.completion_tokens for usage in estimates),
        cost=sum(usage.cost or 0.0 for usage in estimates),
    )


def _check_window(call: CallRequest, estimates: list[Usage]) -> None:
    for prompt, usage in zip(call.prompts, estimates, strict=True):
        if usage.prompt_tokens > call.model.context_window:
            raise UsageError(
                f"A prompt of {len(prompt):,} characters (at least {usage.prompt_tokens:,} tokens) does not fit the window of "
                f"{call.model.name}, {call.model.context_window:,} tokens; split it and ask about each part."
            )
