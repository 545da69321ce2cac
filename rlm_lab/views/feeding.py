"""What each event does to the nodes of a feed. One thread at a time; `feed.Feed` holds the lock.

Ids are short, for they go over the wire often: `r0` a run in the order of their starts, `r0s3` its step, `r0s3b1` a block,
`r0c17` a call, `r0t2` a batch. Fields of a log are hostile: what has the wrong type is left out or shown as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from rlm_lab.analysis.source import ends_of_statements
from rlm_lab.trajectory import events as ev
from rlm_lab.views.clean import plain
from rlm_lab.views.counts import Counts
from rlm_lab.views.naming import Names
from rlm_lab.views.nodes import Nodes, figure, stored
from rlm_lab.views.telling import Telling

Places = Callable[[str, str], str | None]  # a run and a name in it, such as s3 or c17, to the id of its node
SHORT, SHORTER, MANY = 600, 160, 5_000  # characters of a prompt or an answer; of later ones in a run with many calls
MESSAGE, CODE, OUTPUT = 3_000, 60_000, 4_000
LARGEST_PICTURE = 700_000
SHOWN = frozenset({"text/html", "image/png", "image/jpeg", "image/gif", "image/svg+xml", "text/markdown", "text/latex"})


class Folding:
    """Folds events into nodes."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._text = nodes.text
        self._telling = Telling(nodes)
        self._counts = Counts(nodes)
        self._runs: dict[str, str] = {}
        self._opened = 0
        self._calls = 0
        self._names = Names(nodes)
        self._times = 0  # that something without a number of its own was named

    def take(self, event: ev.Event) -> None:
        """Folds in one event; one of an unknown run or kind is passed over."""
        if event.run not in self._runs:
            if self._runs or not isinstance(event, ev.RunStarted):
                return
            self._open(event.run, None, event)
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            run = self._runs[event.run]
            handler(self, run, event)
            self._counts.at(run, event.t)

    def settle(self) -> None:
        """Brings up to date what is worked out only when somebody looks."""
        self._telling.settle()
        self._counts.settle()

    def end(self, status: str) -> None:
        for run in self._runs.values():
            if self._nodes.get(run).get("status") in ("running", "waiting", "paused"):
                self._nodes.change(run, status=plain(status))

    def cover(self, run: str, coverage: Mapping[str, Any]) -> None:
        if run in self._runs:
            self._nodes.put(f"{self._runs[run]}k", "coverage", self._runs[run], **stored(dict(coverage)))

    def conclude(self, run: str, told: Callable[[Places], Mapping[str, Mapping[str, Any]]]) -> None:
        key = self._runs.get(run)
        for kind, fields in told(self._place).items() if key is not None else ():
            self._nodes.put(f"{key}{kind[0]}", kind, key, **stored(dict(fields)))

    def _place(self, run: str, name: str) -> str | None:
        """The id of a step or call of a run, by its name there; of the run itself for an empty one."""
        key = self._runs.get(run)
        if key is None:
            return None
        found = self._names.key(f"{key}{name}") if name else key
        return found if found in self._nodes else None

    # runs

    def _open(self, name: str, parent: str | None, event: ev.Event) -> None:
        run = self._runs[name] = f"r{self._opened}"
        self._opened += 1
        self._nodes.put(run, "run", parent, name=plain(name), status="running", t=_time(event))
        self._counts.open(run, parent)

    def run_started(self, run: str, event: ev.RunStarted) -> None:
        names = (
            "model",
            "sub_model",
            "started",
            "profile",
            "budget",
            "contexts",
            "tools",
            "cassette",
            "schema",
            "origin",
            "imported",
        )
        facts = {name: stored(getattr(event, name)) for name in names}
        self._nodes.change(run, depth=figure(event.depth), **self._text(run, "question", event.question, 4_000), **facts)
        self._counts.begun(run, event)

    def run_finished(self, run: str, event: ev.RunFinished) -> None:
        answer = self._text(run, "answer", event.answer_text or "", 20_000)
        error = self._text(run, "error", event.error, 4_000)
        self._nodes.change(
            run, status=plain(str(event.status)), end=_time(event), limit=stored(event.limit), seconds=figure(event.seconds),
            answer_type=stored(event.answer_type), **answer, **error,
        )  # fmt: skip
        self._counts.ended(run, event)
        self._telling.over(run, _time(event))

    def child_started(self, run: str, event: ev.ChildStarted) -> None:
        block = self._names.block(run, event)
        if event.child in self._runs and not self._names.is_aside(self._runs[event.child]):
            return
        self._open(event.child, block, event)
        child = self._runs[event.child]
        batch = None if event.batch is None else self._names.key(f"{run}t{event.batch}")
        self._nodes.change(child, line=figure(event.line), batch=batch, index=figure(event.index))
        self._at_line(block, event.line)
        self._telling.child(block)

    def child_finished(self, run: str, event: ev.ChildFinished) -> None:
        child = self._runs.get(event.child)
        if child is not None and child != run:
            self._nodes.change(child, status=plain(str(event.status)), end=_time(event))
            self._telling.over(child, _time(event))

    # steps

    def step_started(self, run: str, event: ev.StepStarted) -> None:
        step = self._names.step(run, event)
        if self._names.put_aside(step):
            step = self._names.again(f"{run}s{event.step}")
        begun = self._nodes.get(step).get("t")  # a step that is told of again, with more of what was asked, began when it began
        self._nodes.put(
            step, "step", run, number=figure(event.step), t=_time(event) if begun is None else begun, status="thinking",
            dropped=figure(event.dropped) or None, temperature=figure(event.temperature),
        )  # fmt: skip
        for message in event.messages if isinstance(event.messages, list) else []:
            self._times += 1
            key = f"{step}m{self._times}"
            role, text = (message.get("role"), message.get("content")) if isinstance(message, Mapping) else ("?", message)
            self._nodes.put(key, "message", step, role=stored(role), size=len(str(text)), **self._text(key, "text", text, MESSAGE))
        self._telling.step(run, step)

    def rewound(self, run: str, event: ev.Rewound) -> None:
        """The steps from there on are put aside; those that come in their place get names of their own."""
        for step in self._names.put_aside_from(run, event.step):
            self._nodes.change(step, aside=True)
        self._nodes.change(run, status="running", end=None, answer=None, error=None, limit=None, seconds=None)
        self._nodes.change(f"{run}l", lints=[])
        self._nodes.change(f"{run}o", rows=[], gaps=[])
        self._named(run, "rewind", step=figure(event.step), why=plain(str(event.why)), t=_time(event))

    def intervened(self, run: str, event: ev.Intervened) -> None:
        cells = [str(cell.get("source", ""))[:2_000] for cell in event.cells if isinstance(cell, Mapping)] if event.cells else []
        self._named(self._names.step(run, event), "meanwhile", cells=stored(cells), more=figure(event.more) or None, t=_time(event))

    def reply_delta(self, run: str, event: ev.ReplyDelta) -> None:
        self._nodes.write(self._names.step(run, event), str(event.text))

    def reply_received(self, run: str, event: ev.ReplyReceived) -> None:
        step = self._names.step(run, event)
        self._nodes.clear(step)
        self._nodes.change(
            step, status="running", model=plain(str(event.model)), tokens_in=figure(event.prompt_tokens), reply_error=None,
            tokens_out=figure(event.completion_tokens), cost=figure(event.cost), thought=figure(event.seconds),
            replied=_time(event), retries=figure(event.retries) or None, source=stored(event.source) or None,
            finish=None if event.finish_reason == "stop" else stored(event.finish_reason),
        )  # fmt: skip
        self._telling.reply(step, str(event.text))
        self._counts.reply(run, event)

    def reply_failed(self, run: str, event: ev.ReplyFailed) -> None:
        step = self._names.step(run, event)
        self._nodes.clear(step)
        lost = (self._nodes.get(step).get("lost") or 0) + (figure(event.seconds) or 0)
        self._nodes.change(
            step, retries=figure(event.retries) or None, lost=lost, **self._text(step, "reply_error", event.error, 4_000)
        )
        self._telling.failed(step, str(event.error))

    def flagged(self, run: str, event: ev.Flagged) -> None:
        self._named(self._names.step(run, event), "flag", flag=plain(str(event.flag)), message=plain(str(event.message))[:1_000])

    # blocks

    def block_started(self, run: str, event: ev.BlockStarted) -> None:
        block, code, step = self._names.block(run, event), str(event.code), self._names.step(run, event)
        ends = {str(line): end for line, end in ends_of_statements(code).items() if end != line} if len(code) < CODE else {}
        self._nodes.put(
            block, "block", step, number=figure(event.block), t=_time(event), status="running", ends=ends or None,
            **self._text(block, "code", code, CODE),
        )  # fmt: skip
        self._telling.block(step, block, code)

    def output(self, run: str, event: ev.Output) -> None:
        block, text = self._names.block(run, event), str(event.text)
        self._telling.output(block, text)
        last = self._nodes.get(block).get("last_output")
        shown = self._nodes.get(str(last)) if last else {}
        joins = shown.get("stream") == event.kind and event.kind in ("stdout", "stderr") and not event.cut and not event.data
        if joins and not shown.get("data") and len(shown["text"]) + len(text) < OUTPUT:
            self._nodes.change(str(last), text=shown["text"] + plain(text))
            return
        key = self._named_key(block)
        data, left = _pictures(event.data)
        self._nodes.put(
            key, "output", block, stream=plain(str(event.kind)), cut=figure(event.cut) or None, data=data or None,
            left_out=left or None, t=_time(event), **self._text(key, "text", text, OUTPUT * 2),
        )  # fmt: skip
        self._nodes.change(block, last_output=key)

    def block_finished(self, run: str, event: ev.BlockFinished) -> None:
        block = self._names.block(run, event)
        error = stored(event.error) if isinstance(event.error, Mapping) else None
        self._nodes.change(
            block, status="failed" if error else "done", seconds=figure(event.seconds), end=_time(event), error=error,
            variables=stored(event.variables) or None, line=(error or {}).get("line"),
        )  # fmt: skip
        self._telling.ended(block, error)

    # calls

    def batch_started(self, run: str, event: ev.BatchStarted) -> None:
        block = self._names.block(run, event)
        self._nodes.put(
            self._names.fresh(f"{run}t{event.batch}"), "batch", block, number=figure(event.batch), size=figure(event.size),
            line=figure(event.line), children=event.children is True or None, t=_time(event),
        )  # fmt: skip
        self._at_line(block, event.line)

    def call_started(self, run: str, event: ev.CallStarted) -> None:
        block, key, batch = (
            self._names.block(run, event),
            self._names.fresh(f"{run}c{event.call}"),
            self._names.key(f"{run}t{event.batch}"),
        )
        parent = batch if event.batch is not None and batch in self._nodes else block
        self._calls += 1
        prompt = self._text(key, "prompt", event.prompt, SHORT if self._calls < MANY else SHORTER)
        self._nodes.put(
            key, "call", parent, number=figure(event.call), model=stored(event.model), line=figure(event.line),
            index=figure(event.index), t=_time(event), status="waiting", **prompt,
        )  # fmt: skip
        if event.batch is None:
            self._at_line(block, event.line)
        self._telling.call(block)
        self._counts.started(run)

    def call_finished(self, run: str, event: ev.CallFinished) -> None:
        key = self._names.key(f"{run}c{event.call}")
        answer = self._text(key, "answer", event.answer, SHORT if self._calls < MANY else SHORTER)
        model = stored(event.model) if event.model != self._nodes.get(key).get("model") else None
        facts = {
            "tokens_in": event.prompt_tokens,
            "tokens_out": event.completion_tokens,
            "cost": event.cost,
            "retries": event.retries,
        }
        known = {name: value for name, given in facts.items() if (value := figure(given))}
        known |= {} if model is None else {"model": model}
        self._nodes.change(key, status="answered", end=_time(event), seconds=figure(event.seconds), **answer, **known)
        self._telling.answered(key, event.answer)
        self._counts.answered(run, event)

    def call_failed(self, run: str, event: ev.CallFailed) -> None:
        key = self._names.key(f"{run}c{event.call}")
        self._nodes.change(
            key, status="failed", end=_time(event), errkind=stored(event.kind), seconds=figure(event.seconds),
            retries=figure(event.retries) or None, **self._text(key, "error", event.error, SHORT),
        )  # fmt: skip
        self._telling.answered(key, None)
        self._counts.failed(run)

    # people and limits

    def paused(self, run: str, event: ev.Paused) -> None:
        block = None if event.block is None else self._names.block(run, event)
        pause = self._named(
            run,
            "pause",
            reason=plain(str(event.reason)),
            step=self._names.step(run, event),
            block=block,
            line=figure(event.line),
            t=_time(event),
        )
        self._nodes.change(run, status="paused", pause=pause)

    def resumed(self, run: str, event: ev.Resumed) -> None:
        self._nodes.change(str(self._nodes.get(run).get("pause")), seconds=figure(event.seconds), end=_time(event))
        self._nodes.change(run, status="running", pause=None)
        self._counts.held(run, event)

    def edited(self, run: str, event: ev.Edited) -> None:
        block = None if event.block is None else self._names.block(run, event)
        key = self._named_key(run)
        texts = {
            **self._text(key, "before", _told(event.before), CODE),
            **self._text(key, "after", _told(event.after), CODE),
        }
        self._nodes.put(
            key, "edit", run, step=self._names.step(run, event), what=plain(str(event.what)), by=plain(str(event.by)), block=block,
            call=None if event.call is None else self._names.key(f"{run}c{event.call}"), t=_time(event), **texts,
        )  # fmt: skip
        if event.what in {"model", "sub_model"}:
            self._nodes.change(run, **{event.what: stored(event.after)})
        elif event.what == "budget" and isinstance(event.after, Mapping):
            known = self._nodes.get(run).get("budget")
            self._nodes.change(run, budget={**(known if isinstance(known, Mapping) else {}), **stored(dict(event.after))})

    def budget_warned(self, run: str, event: ev.BudgetWarned) -> None:
        self._named(
            run, "warning", limit=plain(str(event.limit)), used=figure(event.used), maximum=figure(event.maximum), t=_time(event)
        )

    def _at_line(self, block: str, line: int | None) -> None:
        if figure(line) is not None:
            self._nodes.change(block, line=line)

    def _named(self, parent: str, kind: str, **fields: Any) -> str:
        key = self._named_key(parent)
        self._nodes.put(key, kind, parent, **fields)
        return key

    def _named_key(self, parent: str) -> str:
        self._times += 1
        return f"{parent}x{self._times}"


_HANDLERS: dict[type[ev.Event], Callable[[Folding, str, Any], None]] = {
    ev.RunStarted: Folding.run_started,
    ev.RunFinished: Folding.run_finished,
    ev.ChildStarted: Folding.child_started,
    ev.ChildFinished: Folding.child_finished,
    ev.StepStarted: Folding.step_started,
    ev.Rewound: Folding.rewound,
    ev.Intervened: Folding.intervened,
    ev.ReplyDelta: Folding.reply_delta,
    ev.ReplyReceived: Folding.reply_received,
    ev.ReplyFailed: Folding.reply_failed,
    ev.Flagged: Folding.flagged,
    ev.BlockStarted: Folding.block_started,
    ev.BlockFinished: Folding.block_finished,
    ev.Output: Folding.output,
    ev.BatchStarted: Folding.batch_started,
    ev.CallStarted: Folding.call_started,
    ev.CallFinished: Folding.call_finished,
    ev.CallFailed: Folding.call_failed,
    ev.Paused: Folding.paused,
    ev.Resumed: Folding.resumed,
    ev.Edited: Folding.edited,
    ev.BudgetWarned: Folding.budget_warned,
}


def _time(event: ev.Event) -> float:
    t = event.t
    return round(t if type(t) is float and isfinite(t) else figure(t) or 0.0, 4)


def _told(value: object) -> str:
    """What was edited, as text: a code as it is, several texts one after another."""
    if isinstance(value, list):
        return "\n".join(_told(item) for item in value)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _pictures(data: object) -> tuple[dict[str, Any], list[str]]:
    """What a view can show of a mime bundle, and what was too large for it."""
    if not isinstance(data, Mapping):
        return {}, []
    fit = {mime: value for mime, value in data.items() if mime in SHOWN and isinstance(value, str)}
    small = {mime: plain(value) for mime, value in fit.items() if len(value) <= LARGEST_PICTURE}
    return small, sorted(set(fit) - set(small))
