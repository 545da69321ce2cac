"""Logs of `rlm-code`: JSON lines of its `TrajectoryLogger`.

An iteration is told by its reasoning, code and output; calls and child agents stand before the code that made them. A child's
lines name it as `parent_id`. Answers are cut at 1,000 characters by that logger. Nothing is read or written here. One thread at
a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Asked, Recorder, Spent
from rlm_lab.trajectory.formats.values import Record, moment, name, record, seconds, text, whole

NAME = "rlm-code"
HOLDS = ("times", "calls", "answer")
_KINDS = frozenset(
    {
        "run_start", "run_end", "iteration_start", "iteration_reasoning", "iteration_code", "iteration_output", "iteration_end",
        "llm_request", "llm_response", "sub_llm_request", "sub_llm_response", "child_spawn", "child_result", "final_detected",
        "context_load", "context_update", "memory_compact", "error",
    }
)  # fmt: skip


def recognises(first: Any) -> bool:
    """Whether this is the first line of such a log."""
    return isinstance(first, dict) and text(first.get("event_type")) in _KINDS and "timestamp" in first


class Agent:
    """One agent, and what is known of its iteration under way."""

    def __init__(self, run: Recorder) -> None:
        self.run = run
        self.reasoning: Any = None
        self.code: Any = None
        self.error: Any = None
        self.tokens: list[Any] = [None, None]
        self.calls: list[Asked] = []
        self.children: list[tuple[Recorder, str]] = []
        self.prompt: Record = {}
        self.answer: Any = None
        self.status = ""

    def closed(self) -> Recorder:
        if self.calls or self.children or self.code is not None or self.reasoning is not None:
            self.iteration({}, over=False)
        if self.status:
            self.run.finish(self.status, self.answer, error=self.error if self.status == "failed" else None)
        return self.run

    def iteration(self, line: Record, *, over: bool = True) -> None:
        """The iteration that its output ends."""
        self.run.step()
        self.run.reply(self.reasoning, spent=Spent(tokens_in=self.tokens[0], tokens_out=self.tokens[1]))
        self.run.block(self.code)
        for call in self.calls:
            self.run.call(call)
        for child, status in self.children:
            self.run.adopt(child, status)
        if over:
            self.run.output(record(line.get("data"), "data").get("output"))
            self.run.end_block(took=seconds(line.get("duration_ms")))
        self.reasoning = self.code = None
        self.tokens, self.calls, self.children = [None, None], [], []


def read(source: Source) -> Iterator[Recorder]:
    """The runs of a log, told apart by `run_id`."""
    agents: dict[tuple[str, str], Agent] = {}
    roots: list[Agent] = []
    for line in source.lines():
        run, parent = name(line.get("run_id")), name(line.get("parent_id"))
        if (run, parent) not in agents:
            parent = ""
        if (run, parent) not in agents:
            title = source.name if not roots else f"{source.name}-{len(roots) + 1}"
            roots.append(Agent(Recorder(title, format=NAME, file=source.file, holds=HOLDS)))
            agents[run, parent] = roots[-1]
        _take(agents, (run, parent), line)
    for root in roots:
        yield root.closed()


def _take(agents: dict[tuple[str, str], Agent], key: tuple[str, str], line: Record) -> None:
    agent, kind, data = agents[key], text(line.get("event_type")), record(line.get("data"), "data")
    agent.run.at(moment(line.get("timestamp")))
    named = (key[0], name(data.get("child_id")))  # of a child; who names itself, or nobody, has none
    if kind == "child_spawn" and named != key:
        child = Agent(agent.run.child())
        child.run.start(question=data.get("task"))
        agents[named] = child
    elif kind == "child_result" and named != key:
        _child_result(agent, agents.pop(named, None), data)
    elif kind in _TAKERS:
        _TAKERS[kind](agent, line, data)


def _child_result(agent: Agent, child: Agent | None, data: Record) -> None:
    if child is not None:
        child.status = "failed" if data.get("success") is False else "done"
        child.answer = data.get("result")
        agent.children.append((child.closed(), child.status))


def _run_start(agent: Agent, _: Record, data: Record) -> None:
    length = whole(data.get("context_length"))
    context = {"name": "context", "kind": "value", "type": "", "size": length, "unit": "characters", "preview": ""}
    contexts = [] if length is None else [context]
    agent.run.start(question=data.get("task"), model=data.get("model"), contexts=contexts)


def _context(agent: Agent, _: Record, data: Record) -> None:
    told = {"name": "context", "kind": "value", "type": name(data.get("context_type")), "preview": text(data.get("preview"))}
    size = whole(data.get("length"))
    agent.run.start(contexts=[told | ({} if size is None else {"size": size, "unit": "characters"})])


def _reasoning(agent: Agent, _: Record, data: Record) -> None:
    agent.reasoning = data.get("reasoning")


def _code(agent: Agent, _: Record, data: Record) -> None:
    agent.code = data.get("code")


def _output(agent: Agent, line: Record, _: Record) -> None:
    agent.iteration(line)


def _asked(agent: Agent, line: Record, _: Record) -> None:
    agent.tokens[0] = line.get("tokens_in")


def _replied(agent: Agent, line: Record, data: Record) -> None:
    agent.tokens[1] = line.get("tokens_out")
    agent.reasoning = agent.reasoning if agent.reasoning is not None else data.get("response")


def _call(agent: Agent, line: Record, data: Record) -> None:
    agent.prompt = {"prompt": data.get("prompt"), "tokens": line.get("tokens_in"), "at": agent.run.now}


def _answered(agent: Agent, line: Record, data: Record) -> None:
    took = seconds(line.get("duration_ms"))
    spent = Spent(tokens_in=agent.prompt.get("tokens"), tokens_out=line.get("tokens_out"), seconds=took)
    answer = text(data.get("response"))
    agent.calls.append(Asked(prompt=agent.prompt.get("prompt"), answer=answer, spent=spent, at=agent.prompt.get("at")))
    agent.prompt = {}


def _error(agent: Agent, _: Record, data: Record) -> None:
    agent.error = data.get("error")
    agent.run.flag("error", text(data.get("error"))[:1_000] or "An error without a word.")


def _final(agent: Agent, _: Record, data: Record) -> None:
    agent.answer, agent.status = data.get("answer"), "done"


def _run_end(agent: Agent, _: Record, data: Record) -> None:
    agent.status = "failed" if data.get("success") is False else "done"
    agent.answer = data.get("answer") if data.get("answer") is not None else agent.answer


_TAKERS: dict[str, Callable[[Agent, Record, Record], None]] = {
    "run_start": _run_start,
    "context_load": _context,
    "iteration_reasoning": _reasoning,
    "iteration_code": _code,
    "iteration_output": _output,
    "llm_request": _asked,
    "llm_response": _replied,
    "sub_llm_request": _call,
    "sub_llm_response": _answered,
    "error": _error,
    "final_detected": _final,
    "run_end": _run_end,
}
