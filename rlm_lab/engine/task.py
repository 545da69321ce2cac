"""One run of a tree as a state machine: from the question through steps to an outcome.

    opening ─▶ thinking ─▶ reading ─┬▶ block ⇄ call · child · await ─▶ observing ─▶ thinking …
                                    └▶ answer ─▶ (schema) ─▶ finished          limit ─▶ last answer ─▶ finished

The life is a generator: it yields actions to the hub and is sent what came of them, so that it can be held at any of them.
It runs on the main thread, emits the run's events, and never waits by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.config import Settings
from rlm_lab.engine.actions import Action, Await, Enter, Overdue, Spawn, Think, Until
from rlm_lab.engine.block import OpenBlock, RunNames, Workspace
from rlm_lab.engine.blockloop import Idle
from rlm_lab.engine.context import ContextInfo, describe
from rlm_lab.engine.conversation import Conversation
from rlm_lab.engine.coroutine import Coroutine, Done, abandon
from rlm_lab.engine.explain import explain
from rlm_lab.engine.finals import MISSING, last_value, prose_value, value_as_json
from rlm_lab.engine.flags import KnownContext, flags_of, sampled_check
from rlm_lab.engine.host import Host
from rlm_lab.engine.ledger import Ledger
from rlm_lab.engine.observation import NO_CODE, BlockReport, last_question, observe
from rlm_lab.engine.output import Piece
from rlm_lab.engine.profiles import Profile
from rlm_lab.engine.queries import NOTHING, ChildRequest, Queries, Site
from rlm_lab.engine.replies import ParsedReply, parse
from rlm_lab.engine.schema import Schema
from rlm_lab.engine.tools import describe_tools
from rlm_lab.engine.traffic import CallRequest, Origin, Traffic
from rlm_lab.errors import BlockError, BudgetExceededError, ModelError, RLMError, SchemaError
from rlm_lab.models.base import Model, Reply
from rlm_lab.trajectory import events
from rlm_lab.trajectory.store import EventLog

EMPTY_REPLIES = 5  # replies in a row without code and answer that end a run
OVERDUE_TRIES = 3  # how often a block that catches its time limit is told again
SAMPLED_PROMPTS = 5  # of each request, looked at for text of the context
GRACE = 1.0  # seconds that a block has to end after it was told

Life = Generator[Action, Any, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What all runs of a tree share."""

    log: EventLog
    ledger: Ledger
    traffic: Traffic
    settings: Settings
    host: Host
    resolve: Callable[[str], Model]
    profile_of: Callable[[Model], Profile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one run is asked. `contexts` and `tools` map names to values; `bound` are names that the namespace lacks."""

    run: str
    text: str
    model: Model
    sub_model: Model
    contexts: Mapping[str, Any]
    namespace: dict[str, Any]
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    sub_tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    schema: Schema | None = None
    parent: str | None = None
    depth: int = 0
    cassette: dict[str, Any] | None = None


class Task:
    """A run in progress. `finished` once its life has ended; then `status`, `answer`, `error` and `limit` stand."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self._engine = engine
        self.question = question
        self.queries = Queries(self, engine.traffic)
        self.space = self._workspace()
        self.profile = engine.profile_of(question.model)
        self._life = self._live()
        self._block: OpenBlock | None = None
        self._site: Site | None = None
        self._children = 0
        self._refused: set[str] = set()
        self._history: list[tuple[str, str]] = []
        self._known: list[KnownContext] = []
        self._prompts: list[str] = []
        self.step = 0
        self.block = 0
        self.finished = False
        self.status = "waiting"
        self.answer: Any = None
        self.answer_text = ""
        self.error: RLMError | None = None
        self.limit: str | None = None

    # what the queries need to know

    @property
    def run_id(self) -> str:
        return self.question.run

    @property
    def site(self) -> Site | None:
        return self._site

    @property
    def may_have_children(self) -> bool:
        return self.question.depth < self._engine.ledger.budget.depth

    @property
    def namespace(self) -> dict[str, Any]:
        return self.space.namespace

    @property
    def hidden(self) -> frozenset[str]:
        return self.space.hidden - frozenset(self.question.contexts)

    def sub_model(self, name: str | None) -> Model:
        return self.question.sub_model if name is None else self._engine.resolve(name)

    # what the hub needs

    @property
    def coroutine(self) -> Coroutine | None:
        return None if self._block is None else self._block.coroutine

    @property
    def position(self) -> tuple[int, int | None, int | None]:
        """The step, the open block, and the line of it where it stands."""
        if self._block is None:
            return self.step, None, None
        frame = self._block.coroutine.frame
        while frame is not None and frame.f_code.co_filename != self._block.filename:
            frame = frame.f_back
        return self.step, self.block, None if frame is None else frame.f_lineno

    @property
    def outcome(self) -> str | Exception:
        """What a child run gives to the block that started it."""
        if self.status in {"done", "out_of_budget"}:
            return self.answer_text
        return self.error or ModelError(f"The child run {self.run_id} ended as {self.status}.")

    def send(self, value: Any) -> Action | None:
        """Advances the life; gives its next action, None when it has ended."""
        try:
            return self._life.send(value)
        except StopIteration:
            self.finished = True
            return None

    def close(self) -> None:
        """Ends the run as stopped; its block must have ended or been given up."""
        self._site = None
        if self._block is not None:
            self._close_block(self._block, BlockError("The run was stopped while this block ran."))
        self._life.close()
        self._finish("stopped")
        self.finished = True

    def count_computing(self, seconds: float) -> None:
        if self._block is not None:
            self._block.computed += seconds

    # the life

    def _live(self) -> Life:
        self.status = "running"
        contexts = [describe(name, value) for name, value in self.question.contexts.items()]
        self._known = [
            KnownContext(name=info.name, preview=info.preview, holds=sampled_check(self.question.contexts[info.name]))
            for info in contexts
        ]
        self._emit_start(contexts)
        talk = Conversation(self._opening(contexts), window=self.question.model.context_window)
        empty = 0
        while True:
            limit = self._limit()
            if limit is not None:
                yield from self._give_last_answer(talk, limit)
                return
            reply = yield from self._think(talk)
            if isinstance(reply, Exception):
                if self._limit() is None:
                    self._fail(reply)
                    return
                continue
            talk.say("assistant", reply.text)
            parsed = parse(reply.text)
            reports = yield from self._run_blocks(parsed)
            value = self._final_value(parsed, reports)
            if value is not MISSING and self._accept(value, talk):
                return
            empty = empty + 1 if not parsed.blocks and value is MISSING else 0
            if empty == EMPTY_REPLIES:
                self._fail(ModelError(f"{self.question.model.name} gave neither code nor an answer {EMPTY_REPLIES} times in a row."))
                return
            if value is MISSING:
                talk.say("user", self._observation(parsed, reports))

    def _think(self, talk: Conversation, *, free: bool = False) -> Generator[Action, Any, Reply | Exception]:
        self.step += 1
        self.block = 0
        if not free:
            self._engine.ledger.count_step()
        temperature = self.profile.retry_temperature if self._repeats else self.profile.temperature
        request = talk.request(
            temperature=temperature, max_tokens=self.profile.max_tokens,
            seconds=self._engine.settings.call_seconds, retries=self._engine.settings.call_retries,
        )  # fmt: skip
        messages = [{"role": message.role, "content": message.content} for message in talk.take_new()]
        self._emit(
            events.StepStarted(run=self.run_id, step=self.step, messages=messages, dropped=talk.dropped, temperature=temperature)
        )
        outcome = yield Think(origin=self._origin(), model=self.question.model, request=request, free=free)
        return outcome  # type: ignore[no-any-return]

    def _limit(self) -> str | None:
        """The limit that the run has met, if any."""
        steps = self._engine.ledger.budget.steps
        if steps is not None and self.step >= steps:
            return "steps"
        return self._engine.ledger.met() or next(iter(self._refused), None)

    def _give_last_answer(self, talk: Conversation, limit: str) -> Life:
        self.limit = limit
        talk.say("user", last_question(limit))
        reply = yield from self._think(talk, free=True)
        if isinstance(reply, Exception):
            self._finish("out_of_budget")
            return
        value = last_value(parse(reply.text), reply.text, self.space.names.view())
        if self.question.schema is not None:
            try:
                value = self.question.schema.check(value)
            except SchemaError:
                value = None
        self._set_answer(value)
        self._finish("out_of_budget")

    def _accept(self, value: Any, talk: Conversation) -> bool:
        """Ends the run with a value, unless it does not have the form that was asked for: then the model is told."""
        if self.question.schema is not None:
            try:
                value = self.question.schema.check(value)
            except SchemaError as error:
                talk.say("user", f"The answer was not accepted: {error} Submit it again in the right form with FINAL(value).")
                return False
        self._set_answer(value)
        self._finish("done")
        return True

    # blocks

    def _run_blocks(self, parsed: ParsedReply) -> Generator[Action, Any, list[BlockReport]]:
        reports: list[BlockReport] = []
        for code in parsed.blocks:
            self.block += 1
            report = yield from self._run_block(code)
            reports.append(report)
            if report.error is not None or self.queries.has_final:
                break
        self._flag(reports)
        self._history.append(("\n".join(report.code for report in reports), "\n".join(report.text for report in reports)))
        return reports

    def _run_block(self, code: str) -> Generator[Action, Any, BlockReport]:
        settings = self._engine.settings
        filename = f"<rlm {self.run_id} step {self.step} block {self.block}>"
        started = events.BlockStarted(run=self.run_id, step=self.step, block=self.block, code=code, state=self.space.state())
        self._emit(started)
        try:
            block = self.space.open(
                code, filename, allow_shell=settings.allow_shell, tell=self._tell_output, limit=settings.output_characters
            )
        except (SyntaxError, BlockError, ValueError, RecursionError, MemoryError) as error:
            return self._unrun(code, filename, error)
        self._block = block
        self._site = Site(coroutine=block.coroutine, step=self.step, block=self.block, filename=filename)
        error = yield from self._drive(block)
        self._site = None
        return self._close_block(block, error)

    def _drive(self, block: OpenBlock) -> Generator[Action, Any, BaseException | None]:
        """Enters a block again and again until it ends, answering what it asks for."""
        limit = self._engine.settings.block_seconds
        action = Enter(coroutine=block.coroutine, seconds=limit)
        tries = 0
        while True:
            signal = yield action
            block.flush()
            left = max(limit - block.computed, 0.001)
            if isinstance(signal, Done):
                return signal.error
            if isinstance(signal, Overdue):
                tries += 1
                error = self._overdue_error(signal.limit)
                if tries > OVERDUE_TRIES:
                    abandon(block.coroutine)
                    return error
                action = Enter(coroutine=block.coroutine, seconds=GRACE, throw=error)
                continue
            value = yield from self._answer(signal)
            if isinstance(value, Overdue):
                action = Enter(coroutine=block.coroutine, seconds=GRACE, throw=self._overdue_error(value.limit))
            else:
                action = Enter(coroutine=block.coroutine, seconds=left if tries == 0 else GRACE, value=value)

    def _overdue_error(self, limit: str) -> RLMError:
        if limit == "seconds":
            return BudgetExceededError(f"The run has met its limit of {self._engine.ledger.budget.seconds} s.", limit="seconds")
        return BlockError(f"The block has computed for more than its limit of {self._engine.settings.block_seconds:g} s; do less at once.")

    def _answer(self, signal: Any) -> Generator[Action, Any, Any]:
        """What comes of a block's request: a value to enter it with; an exception is raised in it."""
        if isinstance(signal, Idle):
            return (yield Until(deadline=signal.deadline, fileno=signal.fileno))
        try:
            if isinstance(signal, CallRequest):
                self._prompts += signal.prompts[:SAMPLED_PROMPTS]
                return (yield Await(ticket=self._engine.traffic.start(signal)))
            if isinstance(signal, ChildRequest):
                return (yield from self._run_children(signal))
        except RLMError as error:
            self._note_refusal(error)
            return error
        raise AssertionError(f"unknown signal {signal!r}")

    def _note_refusal(self, error: RLMError) -> None:
        """A limit that leaves nothing at all is met; one that only refuses this request is the model's to mind."""
        budget, spent = self._engine.ledger.budget, self._engine.ledger.spent
        if isinstance(error, BudgetExceededError) and getattr(spent, error.limit, 0) >= (getattr(budget, error.limit) or 0):
            self._refused.add(error.limit)

    def _close_block(self, block: OpenBlock, error: BaseException | None) -> BlockReport:
        report, digest = block.finish(error)
        self._block = None
        self._emit(
            events.BlockFinished(
                run=self.run_id, step=self.step, block=self.block, seconds=block.computed, variables=report.variables, digest=digest,
                error=None if report.error is None else report.error.as_json(),
            )  # fmt: skip
        )
        return report

    def _unrun(self, code: str, filename: str, error: BaseException) -> BlockReport:
        report = BlockReport(code=code, pieces=(), error=explain(error, code, filename, self.namespace), unrun=True)
        assert report.error is not None
        self._emit(
            events.BlockFinished(run=self.run_id, step=self.step, block=self.block, seconds=0.0, error=report.error.as_json())
        )
        return report

    # children

    def _run_children(self, request: ChildRequest) -> Generator[Action, Any, list[str | Exception]]:
        batch = None
        if request.batched:
            batch = self._engine.traffic.next_batch()
            self._emit(
                events.BatchStarted(
                    run=self.run_id, step=self.step, block=self.block, batch=batch, size=len(request.questions),
                    line=request.origin.line, children=True,
                )  # fmt: skip
            )
        children = []
        for index, (text, context) in enumerate(zip(request.questions, request.contexts, strict=True)):
            child = self._make_child(text, context, request.model)
            children.append(child)
            self._emit(
                events.ChildStarted(
                    run=self.run_id, step=self.step, block=self.block, child=child.run_id, line=request.origin.line, batch=batch,
                    index=index if request.batched else None,
                )  # fmt: skip
            )
        outcomes = yield Spawn(children=tuple(children))
        for child in children:
            self._emit(events.ChildFinished(run=self.run_id, child=child.run_id, status=child.status))
        return outcomes  # type: ignore[no-any-return]

    def _make_child(self, text: str, context: Any, model: str | None) -> Task:
        self._children += 1
        question = Question(
            run=f"{self.run_id}.{self._children}",
            text=text,
            model=self.question.model if model is None else self._engine.resolve(model),
            sub_model=self.question.sub_model,
            contexts={"context": context},
            namespace={"__name__": "__main__"},
            tools={**self.question.tools, **self.question.sub_tools},
            sub_tools=self.question.sub_tools,
            parent=self.run_id,
            depth=self.question.depth + 1,
        )
        return Task(self._engine, question)

    # answers

    def _final_value(self, parsed: ParsedReply, reports: Sequence[BlockReport]) -> Any:
        """The answer that this reply gave, `MISSING` if none: one beside code counts only once the code has run well."""
        value = self.queries.take_final()
        failed = any(report.error is not None for report in reports)
        if value is not NOTHING:
            return MISSING if failed else value
        if parsed.final is None or failed:
            return MISSING
        return prose_value(parsed.final, self.space.names.view(), ran_code=bool(reports))

    def _set_answer(self, value: Any) -> None:
        self.answer = value
        self.answer_text = value if isinstance(value, str) else str(self.space.bundle(value)["text/plain"]) if value is not None else ""

    def _fail(self, error: Exception) -> None:
        self.error = error if isinstance(error, RLMError) else ModelError(f"{type(error).__name__}: {error}")
        self._finish("failed")

    def _finish(self, status: str) -> None:
        if self.finished or self.status in {"done", "failed", "stopped", "out_of_budget"}:
            return
        self.status = status
        spent = self._engine.ledger.spent
        usage = {"steps": spent.steps, "calls": spent.calls, "prompt_tokens": spent.prompt_tokens,
                 "completion_tokens": spent.completion_tokens, "cost": spent.cost}  # fmt: skip
        self._emit(
            events.RunFinished(
                run=self.run_id, status=status, answer=value_as_json(self.answer), answer_text=self.answer_text,
                answer_type=type(self.answer).__name__, limit=self.limit, error=None if self.error is None else str(self.error),
                seconds=spent.seconds, usage=usage,
            )  # fmt: skip
        )
        self.space.close()

    # what the model is told, and what a reader is

    def _opening(self, contexts: Sequence[ContextInfo]) -> tuple[Any, ...]:
        described = "\n\n".join(info.preview for info in contexts) or "No data was named; SHOW_VARS() lists what is there."
        tools = [describe_tools(self.question.tools)] if self.question.tools else []
        if self.question.schema is not None:
            tools.append(f"The answer must have this form: {self.question.schema.describe()}")
        return self.profile.open(question=self.question.text, contexts=described, tools="\n".join(tools))

    def _observation(self, parsed: ParsedReply, reports: Sequence[BlockReport]) -> str:
        if not reports:
            return NO_CODE
        notes = []
        if parsed.final is not None:
            notes.append("You gave a FINAL before you had seen this output. Check it against the output, then submit it in a block.")
        return observe(reports, repeated=self._repeats > 0, notes=notes)

    @property
    def _repeats(self) -> int:
        """How many of the steps before ran just the code of the last one, with the same result."""
        return sum(entry == self._history[-1] for entry in self._history[:-1]) if self._history and self._history[-1][0] else 0

    def _flag(self, reports: Sequence[BlockReport]) -> None:
        """Emits what is odd in the step's blocks; `_history` holds the steps before it."""
        outputs = [text for _, text in self._history] + [report.text for report in reports]
        earlier = [code for code, _ in self._history]
        for report in reports:
            found = flags_of(report.code, contexts=self._known, outputs=outputs, prompts=self._prompts, earlier=earlier)
            if report.overwritten:
                found.append(("overwritten", f"The block bound {', '.join(report.overwritten)} anew."))
            for flag, message in found:
                self._emit(events.Flagged(run=self.run_id, step=self.step, flag=flag, message=message))
        self._prompts.clear()

    # events

    def _emit_start(self, contexts: Sequence[ContextInfo]) -> None:
        asked = self.question
        budget = self._engine.ledger.budget
        self._emit(
            events.RunStarted(
                run=self.run_id, question=asked.text, model=asked.model.name, sub_model=asked.sub_model.name,
                contexts=[info.as_json() for info in contexts],
                budget={name: getattr(budget, name) for name in ("steps", "calls", "tokens", "cost", "seconds", "depth")},
                started=datetime.now(UTC).isoformat(timespec="milliseconds"), profile=self.profile.name, parent=asked.parent,
                depth=asked.depth, schema=None if asked.schema is None else asked.schema.as_json(), tools=sorted(asked.tools),
                cassette=asked.cassette, versions=_VERSIONS,
            )  # fmt: skip
        )

    def _tell_output(self, piece: Piece) -> None:
        self._emit(
            events.Output(
                run=self.run_id, step=self.step, block=self.block, kind=piece.kind, text=piece.text, data=piece.data, cut=piece.cut
            )
        )

    def _emit(self, event: events.Event) -> None:
        self._engine.log.append(event)

    def _origin(self) -> Origin:
        return Origin(run=self.run_id, step=self.step)

    def _workspace(self) -> Workspace:
        asked = self.question
        helpers = self.queries.names()
        if len(asked.contexts) == 1:
            helpers["context"] = next(iter(asked.contexts.values()))
        bound = {
            name: value for name, value in {**asked.tools, **asked.contexts}.items() if asked.namespace.get(name, NOTHING) is not value
        }
        names = RunNames(namespace=asked.namespace, helpers=helpers, contexts=asked.contexts, bound=bound)
        return Workspace(self._engine.host, names, self.queries.look_at)


_VERSIONS = {"rlm_lab": __version__, "python": sys.version.split()[0]}
