"""One run of a tree as a state machine: from the question through steps to an outcome.

    opening ─▶ thinking ─▶ reading ─┬▶ blocks ─▶ observing ─▶ thinking …
                                    └▶ answer ─▶ (schema) ─▶ finished          limit ─▶ last answer ─▶ finished

The life is a generator: it yields actions to the hub and is sent what came of them, so that it can be held at any of them.
It runs on the main thread and never waits by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rlm_lab.engine.actions import Action, Think
from rlm_lab.engine.answers import Answers
from rlm_lab.engine.block import RunNames, Workspace
from rlm_lab.engine.context import describe
from rlm_lab.engine.conversation import Conversation
from rlm_lab.engine.coroutine import Coroutine
from rlm_lab.engine.decisions import UNCHANGED
from rlm_lab.engine.effects import effects_of
from rlm_lab.engine.execution import Execution
from rlm_lab.engine.finals import MISSING, last_value, logged_text, value_as_json
from rlm_lab.engine.history import History
from rlm_lab.engine.observation import EARLY_FINAL, BlockReport, Seen, last_question, refused_answer
from rlm_lab.engine.opening import opening
from rlm_lab.engine.past import Keeper, Passed, Past
from rlm_lab.engine.queries import Queries, Site
from rlm_lab.engine.question import Engine, Question
from rlm_lab.engine.recorded import KnownReply, Talk
from rlm_lab.engine.replies import ParsedReply, parse
from rlm_lab.engine.teller import Teller
from rlm_lab.engine.variables import short
from rlm_lab.errors import BudgetExceededError, ModelError, RLMError
from rlm_lab.models.base import Message, Model, Reply, Usage
from rlm_lab.models.silent import NoModel
from rlm_lab.trajectory.tree import ENDED

LAST_SECONDS = 60.0  # that a last answer may take when the run's time is over
MOST_BLOCKS = 10  # of one reply that are run
EMPTY_REPLIES = 5  # replies in a row without code and answer that end a run

Life = Generator[Action, Any, None]


class Task:
    """A run in progress. `finished` once its life has ended; then `status`, `answer`, `error` and `limit` stand."""

    def __init__(self, engine: Engine, question: Question, past: Past | None = None, keeper: Keeper | None = None) -> None:
        self._engine = engine
        self.question = question
        self.profile = engine.profile_of(question.model)
        self._tell = Teller(engine.log, question.run, question.depth)
        self._queries = Queries(self)
        self._answers = Answers(engine.host, self._queries, question.schema)
        names = RunNames.of(question, self._queries.names(), self.profile.modules)
        self._space = Workspace(engine.host, names, self._answers.end_block)
        self._execution = Execution(engine, self._space, self._tell, self._make_child, self._adopt)
        self._history = History((), {})
        self._talk = Talk()
        self._past = past
        self.passed = Past(infos=(), opening=(), steps=())
        self.keeper = keeper or Keeper(engine.settings.keep_steps if question.depth == 0 else 0)
        self._life = self._live()
        self._children = 0 if past is None else past.children
        self._hints: list[str] = []
        self.finished = False
        self.status = "waiting"
        self.error: RLMError | None = None
        self.limit: str | None = None

    # what the queries need to know

    @property
    def run_id(self) -> str:
        return self.question.run

    @property
    def site(self) -> Site | None:
        return self._execution.site

    @property
    def may_have_children(self) -> bool:
        return self.question.depth < self._engine.ledger.budget.depth

    @property
    def namespace(self) -> dict[str, Any]:
        return self._space.namespace

    @property
    def hidden(self) -> frozenset[str]:
        return self._space.hidden - frozenset(self.question.contexts)

    def sub_model(self, name: str | None) -> Model:
        if isinstance(self.question.sub_model, NoModel):
            raise ModelError("No language model can be asked in this run; work with code alone.")
        return self.question.sub_model if name is None else self._engine.resolve(name)

    # what the hub and the run need

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def queries(self) -> Queries:
        return self._queries

    @property
    def step(self) -> int:
        """The step that the run is in, 0 before the first."""
        return self._tell.step

    @property
    def coroutine(self) -> Coroutine | None:
        """The block that is open, if one is."""
        block = self._execution.block
        return None if block is None else block.coroutine

    @property
    def position(self) -> tuple[int, int | None, int | None]:
        """The step, the open block, and the line of it where it stands."""
        return self._tell.step, None if self._execution.block is None else self._tell.block, self._execution.line

    @property
    def held_locks(self) -> list[str]:
        return self._execution.held_locks

    @property
    def answer(self) -> Any:
        return self._answers.value

    @property
    def answer_text(self) -> str:
        return self._answers.text

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
        """Ends the run as stopped; its block must have ended or been abandoned."""
        begun = self.status != "waiting"
        self.leave()
        if begun:
            self._finish("stopped")
        self.status = "stopped" if not begun else self.status

    def leave(self) -> None:
        """Ends the life, not the run: another task goes on with it."""
        self._life.close()
        self._execution.give_up()
        self._space.close()
        self.finished = True

    def put_back(self, step: int, leave: Collection[str]) -> dict[str, Any]:
        """Gives the namespace its variables as they were before a step, but for the names in `leave`; gives the contexts."""
        contexts = self._space.put_back(self.keeper.kept[step].restore(), leave)
        self.keeper.forget(step)
        return contexts

    def past_before(self, step: int) -> Past:
        """What a task that stands before a step has behind it."""
        return replace(self.passed, steps=self.passed.steps[: step - 1], children=self._children)

    def flush(self) -> None:
        """Tells what the open block has printed so far."""
        if self._execution.block is not None:
            self._execution.block.flush()

    def count_computing(self, seconds: float) -> None:
        if self._execution.block is not None:
            self._execution.block.computed += seconds

    def hint(self, text: str, by: str) -> None:
        """A word for the model, which it reads with what it is told next."""
        self._hints.append(text)
        self._tell.edited("hint", None, text, by)

    def change(self, what: str, question: Question, by: str) -> None:
        """Asks another `model` or `sub_model` from here on."""
        before, after = getattr(self.question, what).name, getattr(question, what).name
        self.question = replace(self.question, **{what: getattr(question, what)})
        self._tell.edited(what, before, after, by)

    def tell_budget(self, before: Mapping[str, Any], after: Mapping[str, Any], by: str) -> None:
        self._tell.edited("budget", dict(before), dict(after), by)

    # the life

    def _live(self) -> Life:
        talk = self._open()
        empty = self.passed.steps[-1].empty if self.passed.steps else 0
        while (limit := (yield from self._met())) is None:
            reply = yield from self._think(talk)
            if isinstance(reply, Exception):
                limit = reply.limit if isinstance(reply, BudgetExceededError) else self._limit()
                if limit is None:
                    return self.fail(reply)
                break
            talk.say("assistant", reply.text)
            parsed = parse(reply.text)
            reports = yield from self._run_blocks(parsed, talk)
            value = self._answers.offered(parsed, reports, self._space.names.view())
            problem = "" if value is MISSING else (yield from self._offer_answer(value))
            if problem is None:
                return self._finish("done")
            empty = 0 if parsed.blocks or problem else empty + 1
            said = self._with_hints(problem or self._observation(parsed, reports))
            self._pass(Passed(reply=talk.last, reports=tuple(reports), said=said, empty=empty))
            talk.say("user", said)
            if empty == EMPTY_REPLIES:
                return self.fail(ModelError(f"{self.question.model.name} gave neither code nor an answer {empty} times in a row."))
        assert limit is not None
        yield from self._give_last_answer(talk, limit)

    def _open(self) -> Conversation:
        self.status = "running"
        past = self._past
        known = past.infos if past else self.question.infos
        infos = tuple(describe(name, value) for name, value in self.question.contexts.items()) if known is None else known
        self._history = History(infos, self.question.contexts)
        if past is None:
            self._tell.started(self.question, infos, self._engine.ledger.budget, self.profile.name)
        messages = past.opening if past else opening(self.question, infos, self.profile)
        self.passed = Past(infos=infos, opening=messages, steps=())
        talk = Conversation(messages, window=self.question.model.context_window)
        for passed in past.steps if past else ():
            self._recall(passed, talk)
        return talk

    def _recall(self, passed: Passed, talk: Conversation) -> None:
        """Goes through a step of the past without doing or telling anything."""
        self._hear(talk)
        self._tell.step += 1
        talk.say("assistant", passed.reply)
        self._history.add(passed.reports, ())
        self._pass(passed)
        talk.say("user", passed.said)

    def _pass(self, passed: Passed) -> None:
        self.passed = replace(self.passed, steps=(*self.passed.steps, passed))

    def _hear(self, talk: Conversation) -> tuple[list[Message], str]:
        """The messages that are new, and the key of all that was said."""
        new = talk.take_new()
        return new, self._talk.add({"role": message.role, "content": message.content} for message in new)

    def _think(self, talk: Conversation, *, free: bool = False) -> Generator[Action, Any, Reply | Exception]:
        talk.window = self.question.model.context_window
        settings, late = self._engine.settings, self.limit == "seconds"
        temperature = self.profile.retry_temperature if self._history.repeats else self.profile.temperature
        request = talk.request(
            temperature=temperature,
            max_tokens=self.profile.max_tokens,
            seconds=min(settings.call_seconds, LAST_SECONDS) if late else settings.call_seconds,
            retries=0 if late else settings.call_retries,
        )
        new, key = self._hear(talk)
        self._engine.playback.begin_step(self.run_id, self._tell.step + 1)
        self._tell.step_started(new, talk.dropped, temperature)
        known = yield from self._known(key)
        if known is not None:
            self._tell.reply_known(known)
            reply = Reply(text=known.text, model=known.model, usage=Usage(), finish_reason=known.finish_reason)
            return (yield from self._review(reply))
        if not free:
            self._engine.ledger.count_step()
            self._engine.ledger.warn_of("steps", self._tell.step)
        outcome: Reply | Exception = yield Think(origin=self._tell.origin, model=self.question.model, request=request, free=free)
        return outcome if isinstance(outcome, Exception) else (yield from self._review(outcome))

    def _review(self, reply: Reply) -> Generator[Action, Any, Reply]:
        """The reply as it is used: a person may have changed it."""
        decision = yield from self._execution.gate("reply", reply=reply.text)
        if decision.reply is None or decision.reply == reply.text:
            return reply
        self._tell.edited("reply", reply.text, decision.reply, decision.by)
        return replace(reply, text=decision.reply)

    def _known(self, key: str) -> Generator[Action, Any, KnownReply | None]:
        """The reply if it was received before, by its place in a record that is played, else by what was said."""
        playback = self._engine.playback
        if not playback.playing:
            return self._engine.recorded.reply(key)
        known = playback.reply(self.run_id, self._tell.step)
        if known is None:
            yield from self._execution.play_on()
        return known

    def _met(self) -> Generator[Action, Any, str | None]:
        """The limit that the run has met, once a person had the chance to raise it."""
        yield from self._execution.budget_gate()
        return self._limit()

    def _limit(self) -> str | None:
        """The limit that the run has met, if any."""
        steps = self._engine.ledger.budget.steps
        if steps is not None and self._tell.step >= steps:
            return "steps"
        return self._engine.ledger.exhausted()

    def _give_last_answer(self, talk: Conversation, limit: str) -> Life:
        self.limit = limit
        talk.say("user", last_question(limit))
        reply = yield from self._think(talk, free=True)
        if not isinstance(reply, Exception):
            self._take_last(last_value(parse(reply.text), self._space.names.view()))
        self._finish("out_of_budget")

    def _take_last(self, value: Any) -> None:
        if value is MISSING:
            self._tell.flagged("no_answer", "The last reply holds no answer.")
        elif (problem := self._answers.take(value)) is not None:
            self._tell.flagged("unfit_answer", f"The last answer did not fit and was not taken: {short(value, 200)}. {problem}")

    # blocks

    def _run_blocks(self, parsed: ParsedReply, talk: Conversation) -> Generator[Action, Any, list[BlockReport]]:
        reports: list[BlockReport] = []
        self.keeper.keep(self._tell.step, self._space.variables(), str(self.namespace.get("__name__", "__main__")))
        for code in parsed.blocks:
            if len(reports) == MOST_BLOCKS:
                left = len(parsed.blocks) - MOST_BLOCKS
                self._execution.notes.append(f"Your reply had too many blocks: the last {left} did not run. Write one at a time.")
                break
            report = yield from self._execution.run(code, self.run_id)
            talk.amend(code, report.code)
            reports.append(report)
            if report.error is not None or self._queries.has_final:
                break
        for flag, message in self._history.add(reports, self._execution.prompts):
            self._tell.flagged(flag, message)
        effects = [effect for report in reports if not report.skipped for effect in effects_of(report.code)]
        if effects:
            self._tell.flagged("effects", f"Outside effects, which going back does not undo: {', '.join(effects[:5])}.")
        self._execution.prompts.clear()
        return reports

    def _make_child(self, text: str, context: Any, model: str | None) -> Question:
        return self.question.inner(text, context, None if model is None else self._engine.resolve(model))

    def _adopt(self, question: Question) -> Task:
        """A child run with a name, a parent and a depth of its own."""
        self._children += 1
        name = f"{self.run_id}.{self._children}"
        return Task(self._engine, replace(question, run=name, parent=self.run_id, depth=self.question.depth + 1))

    # answers

    def _offer_answer(self, value: Any) -> Generator[Action, Any, str | None]:
        """Brings a value to the gate before the end; what is wrong with it, None if it is accepted."""
        text, schema = self._answers.text_of(value), self.question.schema
        if self._engine.playback.playing and not self._engine.playback.is_over(self.run_id):
            self._engine.playback.end()
            self._engine.gates.open("answer")  # the run stood before this answer
        decision = yield from self._execution.gate("final", answer=text, value=value, schema=schema)
        if decision.refusal is not None:
            self._tell.edited("final", text, decision.refusal, decision.by)
            return refused_answer(decision.refusal)
        if decision.answer is not UNCHANGED:
            value = decision.answer
            self._tell.edited("final_answer", text, self._answers.text_of(value), decision.by)
        problem = self._answers.take(value)
        return None if problem is None else refused_answer(problem)

    def fail(self, error: Exception) -> None:
        """Ends the run with an error."""
        self.error = error if isinstance(error, RLMError) else ModelError(f"{type(error).__name__}: {error}")
        self._finish("failed")

    def _finish(self, status: str) -> None:
        if self.status in ENDED:
            return
        self.status = status
        self._tell.finished(
            status=status,
            answer=value_as_json(self.answer),
            answer_text=logged_text(self.answer_text),
            answer_type=type(self.answer).__name__,
            limit=self.limit,
            error=None if self.error is None else str(self.error),
            spent=self._engine.ledger.spent,
        )
        self._space.close()

    # what the model is told

    def _with_hints(self, text: str) -> str:
        played = self._engine.playback.take_hints(self.run_id, self._tell.step)
        for hint in played:
            self._tell.edited("hint", None, hint.after, hint.by)
        hints, self._hints = [*(str(hint.after) for hint in played), *self._hints], []
        return "\n\n".join([text, *(f"A hint from the user: {hint}" for hint in hints)])

    def _observation(self, parsed: ParsedReply, reports: Sequence[BlockReport]) -> str:
        if not reports:
            return self.profile.voice.no_code
        seen = Seen(
            reports=reports,
            repeated=self._history.repeats > 0,
            notes=[*self._execution.take_notes(), *([] if parsed.final is None else [EARLY_FINAL])],
            names=self._space.names.view(),
            contexts=frozenset(self.question.contexts),
            last_good=self._history.last_good,
        )
        return self.profile.voice.observe(seen)
