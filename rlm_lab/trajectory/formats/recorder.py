"""Makes our events of what another engine's log tells: a run, its steps, blocks, calls and child runs, in their order.

Whoever reads a format calls a `Recorder` with facts as they come, of any type; what is told here fits our events. A fact that was
never told is `absent`, unless the format is said to hold it. Nothing is read or written. One thread at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.formats.values import Record, iso, messages, name, number, text, whole

FACTS = ("question", "answer", "times", "tokens", "cost", "calls", "prompts", "variables", "contexts", "model", "retries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a reply or a call took, as far as it is known: tokens in and out, US dollars, seconds."""

    tokens_in: Any = None
    tokens_out: Any = None
    cost: Any = None
    seconds: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call: its prompt and its answer, or the error that came instead; `number` is its place in a batch."""

    prompt: Any
    answer: Any = None
    error: Any = None
    model: Any = None
    spent: Spent = field(default_factory=Spent)
    at: float | None = None
    line: int | None = None


NOTHING = Spent()


class Recorder:
    """The events of one run.

    Parameters
    ----------
    run: its name.
    format, file: what it was read from.
    holds: the facts that the format always tells, so that none of them (no calls, say) is a fact, too.

    `now` is the time of what comes next, in seconds of the run; who knows no times leaves it.

    >>> recorder = Recorder("a", format="dspy", file="a.json")
    >>> recorder.step(); recorder.reply("I look."); recorder.finish("done", "EV")
    >>> [event.type for event in recorder.events()]
    ['run_started', 'step_started', 'reply_received', 'run_finished']
    """

    def __init__(self, run: str, *, format: str, file: str, holds: Iterable[str] = (), parent: Recorder | None = None) -> None:
        self.run = run
        self.format = format
        self.file = file
        self.now = 0.0
        self.about: Record = {"question": "", "model": "", "sub_model": "", "contexts": [], "budget": {}, "started": ""}
        self.steps = 0
        self.blocks = 0
        self._parent = parent
        self._known = set(holds)
        self._body: list[ev.Event] = []
        self._calls = 0
        self._batches = 0
        self._children = 0
        self._first: float | None = None
        self._ended = False
        self._expected: float | None = None
        self._sink: Callable[[ev.Event], None] = lambda event: None

    def to(self, sink: Callable[[ev.Event], None]) -> None:
        """From now on each event is given to `sink` at once; the start of the run first, with the facts that are known by then."""
        sink(self._started())
        self._sink = sink

    # the run

    def start(self, **facts: Any) -> None:
        """What is known of the run: question, model, sub_model, contexts, budget, began (in seconds since 1970)."""
        if (began := facts.pop("began", None)) is not None:
            self._first = began
            self.about["started"] = iso(began)
            self._known.add("times")
        for fact in ("question", "model", "contexts"):
            if facts.get(fact):
                self._known.add(fact)
        given = {key: value for key, value in facts.items() if value}
        texts = {key: text(value) if key == "question" else name(value) for key, value in given.items() if key not in _WHOLE}
        self.about |= texts | {key: value for key, value in given.items() if key in _WHOLE}

    def at(self, moment: float | None) -> None:
        """Goes on to this time, in seconds since 1970; does nothing where it is not known, or earlier."""
        if moment is None:
            return
        if self._first is None:
            self.start(began=moment)
        self.now = max(self.now, moment - (self._first or 0.0))

    def since(self, moment: float | None) -> float | None:
        """A time since 1970 in seconds of the run."""
        return None if moment is None or self._first is None else max(moment - self._first, 0.0)

    def finish(
        self, status: str, answer: Any = None, *, error: Any = None, spent: Spent = NOTHING, limit: str | None = None
    ) -> None:
        """The run's end. `spent` is the whole tree's, where the log has it; `limit` the one that was met."""
        self._note(spent)
        sums = fold(self.events()).usage
        given = {
            "prompt_tokens": whole(spent.tokens_in),
            "completion_tokens": whole(spent.tokens_out),
            "cost": number(spent.cost),
        }
        usage: Record = {key: getattr(sums, key) for key in ("steps", "calls", "prompt_tokens", "completion_tokens", "cost")}
        usage |= {key: value for key, value in given.items() if value is not None}
        told = number(spent.seconds)
        self._ended = True
        self._known |= set() if answer is None else {"answer"}
        self._add(
            ev.RunFinished(
                run=self.run, status=status, answer=answer, answer_text=text(answer), usage=usage, error=text(error) or None,
                answer_type="" if answer is None else type(answer).__name__, limit=limit,
                seconds=self.now if told is None else told,
            )
        )  # fmt: skip

    @property
    def ended(self) -> bool:
        return self._ended

    # its steps

    def step(self, prompt: Any = None, *, at: float | None = None) -> None:
        """The next step; `prompt` is what is new in what its model was asked."""
        begin, self._expected = self._expected, None
        if begin is None:
            self.steps, self.blocks = self.steps + 1, 0
        if prompt:
            self._known.add("prompts")
        self._add(ev.StepStarted(run=self.run, step=self.steps, messages=messages(prompt)), at if begin is None else begin)

    def expect(self) -> None:
        """The next step begins, before it is known what its model was asked; `step` tells that later."""
        self.step()
        self._expected = self.now

    def reply(self, said: Any, *, model: Any = None, spent: Spent = NOTHING) -> None:
        """What the step's model said; `now` goes on by the seconds it took."""
        self.now += number(spent.seconds) or 0.0
        self.replied(said, model=model, spent=spent)

    def replied(self, said: Any, *, model: Any = None, spent: Spent = NOTHING) -> None:
        """What the step's model has said just now."""
        self._need_step()
        self._note(spent)
        took = number(spent.seconds)
        tokens: Record = {"prompt_tokens": whole(spent.tokens_in) or 0, "completion_tokens": whole(spent.tokens_out) or 0}
        self._add(
            ev.ReplyReceived(
                run=self.run, step=self.steps, text=text(said), model=name(model) or self.about["model"], cost=number(spent.cost),
                seconds=took or 0.0, **tokens,
            )
        )  # fmt: skip

    def block(self, code: Any) -> None:
        """A block of the step begins."""
        self._need_step()
        self.blocks += 1
        self._add(ev.BlockStarted(run=self.run, step=self.steps, block=self.blocks, code=text(code)))

    def output(self, said: Any, kind: str = "stdout") -> None:
        """What the block showed; an empty text is nothing."""
        if shown := text(said):
            self._add(ev.Output(run=self.run, **self._place, kind=kind, text=shown))

    def end_block(self, *, took: Any = None, error: Any = None, variables: Any = None) -> None:
        """The block's end; `error` is a text such as `KeyError: 'x'`, `variables` maps names to {type, repr}."""
        ran = number(took)
        if ran is not None:
            self._known.add("times")
        if variables is not None:
            self._known.add("variables")
        end = ev.BlockFinished(
            run=self.run,
            **self._place,
            seconds=ran or 0.0,
            error=_error(error),
            variables={"added": variables} if variables else {},
        )
        self._add(end)

    def flag(self, flag: str, message: str) -> None:
        """Something that a reader of the step should know."""
        self._add(ev.Flagged(run=self.run, step=max(self.steps, 1), flag=flag, message=message))

    # its calls

    def call(self, asked: Asked, *, batch: int | None = None, index: int | None = None) -> None:
        """A call of the block."""
        self._calls += 1
        self._known.add("calls")
        model, begin = name(asked.model) or self.about["sub_model"], self.now if asked.at is None else asked.at
        place: Record = {**self._place, "batch": batch, "index": index, "line": asked.line}
        started = ev.CallStarted(run=self.run, call=self._calls, prompt=text(asked.prompt), model=model, **place)
        self._add(started, begin)
        self._answer(asked, model, begin + (number(asked.spent.seconds) or 0.0))

    def _answer(self, asked: Asked, model: str, at: float) -> None:
        """The end of the call that began last; none where it has none."""
        told: Record = {"run": self.run, "call": self._calls, "seconds": number(asked.spent.seconds) or 0.0}
        if asked.error is not None:
            self._add(ev.CallFailed(error=text(asked.error), kind="", **told), at)
        elif asked.answer is not None:
            told |= {"prompt_tokens": whole(asked.spent.tokens_in) or 0, "completion_tokens": whole(asked.spent.tokens_out) or 0}
            self._add(ev.CallFinished(answer=text(asked.answer), model=model, cost=number(asked.spent.cost), **told), at)

    def batch(self, calls: Sequence[Asked]) -> None:
        """Calls that were made together."""
        self._batches += 1
        self._add(ev.BatchStarted(run=self.run, **self._place, batch=self._batches, size=len(calls)))
        for index, asked in enumerate(calls):
            self.call(asked, batch=self._batches, index=index)

    def child(self) -> Recorder:
        """A run that the block starts; it is part of this one when it is `adopt`ed."""
        self._children += 1
        child = Recorder(f"{self.run}.{self._children}", format=self.format, file=self.file, holds=self._known, parent=self)
        child.now, child._first = self.now, self._first
        return child

    def adopt(self, child: Recorder, status: str = "done") -> None:
        """Puts a child run into the block."""
        begin = child._body[0].t if child._body else child.now
        self._add(ev.ChildStarted(run=self.run, **self._place, child=child.run), begin)
        for event in child.events():
            self._add(event, event.t)
        self._known |= child._known - {"question", "contexts", "tokens", "cost"}
        self._add(ev.ChildFinished(run=self.run, child=child.run, status=status), child.now)

    # what came of it

    @property
    def absent(self) -> list[str]:
        """The facts that were never told."""
        return [fact for fact in FACTS if fact not in self._known]

    def events(self) -> list[ev.Event]:
        """The run's events, numbered."""
        return [dataclasses.replace(event, seq=number_) for number_, event in enumerate([self._started(), *self._body])]

    def _started(self) -> ev.RunStarted:
        begin = self._body[0].t if self._body else self.now
        return ev.RunStarted(
            run=self.run, **self.about, parent=self._parent.run if self._parent else None, t=min(begin, self.now),
            depth=self._depth, imported={"format": self.format, "file": self.file, "absent": self.absent}, profile="",
        )  # fmt: skip

    @property
    def _depth(self) -> int:
        return 0 if self._parent is None else self._parent._depth + 1

    @property
    def _place(self) -> dict[str, Any]:
        if not self.blocks:
            self.block("")
        return {"step": self.steps, "block": self.blocks}

    def _need_step(self) -> None:
        if not self.steps:
            self.step()

    def _note(self, spent: Spent) -> None:
        """Notes which facts were told, of a reply or in all: those of single calls alone are no sum of a run."""
        if whole(spent.tokens_in) is not None and whole(spent.tokens_out) is not None:
            self._known.add("tokens")
        if number(spent.cost) is not None:
            self._known.add("cost")
        if number(spent.seconds) is not None:
            self._known.add("times")

    def _add(self, event: ev.Event, at: float | None = None) -> None:
        event = dataclasses.replace(event, t=self.now if at is None else at)
        self._body.append(event)
        self._sink(event)


_WHOLE = frozenset({"contexts", "budget"})


def _error(error: Any) -> dict[str, str] | None:
    """An error of one line, taken apart: `KeyError: 'x'`."""
    said = text(error).strip()
    if not said:
        return None
    own = said.startswith("[")  # `[Error] KeyError: 'x'`, as engines tell it to their models
    last = (said.partition("]")[2].strip() or said).splitlines()[0] if own else said.splitlines()[-1].strip()
    kind, colon, message = last.partition(":")
    plain = bool(colon) and kind.replace(".", "").isidentifier()
    told = {"type": kind if plain else "Error", "message": message.strip() if plain else last}
    return told | ({"traceback": said} if said != last else {})
