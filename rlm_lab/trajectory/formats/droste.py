"""Traces of `droste`: its events as lines of JSON (ABI version 10, others as far as they are alike).

A step is a reply, and the code, output or error that follows it; a repair is a step of its own. Calls are told by their number
and tokens, without prompts and answers. The answer stands in `result`, which a host may have left out. Nothing is read or
written here. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Asked, Recorder, Spent
from rlm_lab.trajectory.formats.values import Record, moment, name, record, seconds, text, whole

NAME = "droste"
HOLDS = ("times", "calls", "tokens", "answer")
_MARKS = frozenset({"run_id", "seq", "type", "version", "persistence_class"})
_STATUS = {"success": "done", "completed": "done", "stopped": "stopped", "cancelled": "stopped"}
_MOST_CALLS = 100_000


def recognises(first: Any) -> bool:
    """Whether this is the first line of such a trace."""
    return isinstance(first, dict) and first.keys() >= _MARKS


class Agent:
    """One run so far."""

    def __init__(self, run: Recorder, parent: Agent | None = None) -> None:
        self.run = run
        self.parent = parent
        self.children: list[Agent] = []
        self.open = False  # a block
        self.began = 0.0
        self.before = [0, 0]
        self.tokens: list[int | None] = [None, None]
        self.answer: Any = None
        self.status = ""
        self.error: Any = None
        self.total = Spent()

    def closed(self) -> Recorder:
        for child in self.children:
            self.run.adopt(child.closed(), child.status or "interrupted")
        if self.status:
            self.run.finish(self.status, self.answer, error=self.error, spent=self.total)
        return self.run


def read(source: Source) -> Iterator[Recorder]:
    """The runs of a trace, child runs within those that they name as their parents."""
    agents: dict[str, Agent] = {}
    for line in source.lines():
        key = name(line.get("run_id"))
        if key not in agents:
            agents[key] = _agent(source, line, agents)
        agent = agents[key]
        agent.run.at(moment(line.get("timestamp")))
        if (take := _TAKERS.get(text(line.get("type")))) is not None:
            take(agent, line)
    for agent in agents.values():
        if agent.parent is None:
            yield agent.closed()


def _agent(source: Source, line: Record, agents: dict[str, Agent]) -> Agent:
    parent = agents.get(name(line.get("parent_run_id")))
    if parent is not None:
        agent = Agent(parent.run.child(), parent)
        parent.children.append(agent)
        return agent
    roots = sum(agent.parent is None for agent in agents.values())
    title = source.name if not roots else f"{source.name}-{roots + 1}"
    return Agent(Recorder(title, format=NAME, file=source.file, holds=HOLDS))


def _replied(agent: Agent, line: Record) -> None:
    agent.run.step()
    agent.run.reply(line.get("response"), spent=Spent(tokens_in=agent.tokens[0], tokens_out=agent.tokens[1]))
    agent.tokens, agent.open = [None, None], False


def _code(agent: Agent, line: Record) -> None:
    agent.run.block(line.get("code"))
    agent.open, agent.began = True, agent.run.now


def _output(agent: Agent, line: Record) -> None:
    agent.run.output(line.get("stdout"))
    _end(agent, None)


def _failed(agent: Agent, line: Record) -> None:
    _end(agent, f"{name(line.get('error_type')) or 'Error'}: {text(line.get('message'))}")


def _end(agent: Agent, error: str | None) -> None:
    if agent.open:
        agent.run.end_block(took=agent.run.now - agent.began, error=error)
    agent.open = False


def _called(agent: Agent, line: Record) -> None:
    """A call that has ended; a batch is told as one, with how many calls it was."""
    if text(line.get("phase")) not in {"completion", "failure"}:
        return
    error = record(line.get("error"), "error")
    failed = (name(error.get("type")) or "Error") if line.get("phase") == "failure" else None
    count = min(whole(line.get("batch_count")) or 0, _MOST_CALLS)
    call = Asked(prompt="", answer="", error=failed)
    if count:
        agent.run.batch([call] * count)
    else:
        agent.run.call(call)


def _progressed(agent: Agent, line: Record) -> None:
    """The root's tokens so far: what is new belongs to the reply that comes next."""
    root = record(line.get("root"), "root")
    now = [whole(root.get("input_tokens")), whole(root.get("output_tokens"))]
    if line.get("boundary") == "root" and now[0] is not None and now[1] is not None:
        agent.tokens = [max(now[0] - agent.before[0], 0), max(now[1] - agent.before[1], 0)]
        agent.before = [now[0], now[1]]


def _result(agent: Agent, line: Record) -> None:
    result = record(line.get("result"), "result")
    agent.answer = result.get("answer")


def _draft(agent: Agent, line: Record) -> None:
    if line.get("ready") is True:
        agent.answer = line.get("draft")


def _done(agent: Agent, line: Record) -> None:
    agent.status = _STATUS.get(text(line.get("status")), "failed")
    error = record(line.get("error"), "error")
    agent.error = error.get("message") or error.get("type") or (text(line.get("status")) if agent.status == "failed" else None)
    usage = record(line.get("usage"), "usage")
    parts = [record(usage.get(key), key) for key in ("root", "subcall")]
    tokens = [sum(whole(part.get(key)) or 0 for part in parts) for key in ("input_tokens", "output_tokens")]
    if any(parts):
        agent.total = Spent(tokens_in=tokens[0], tokens_out=tokens[1], seconds=seconds(usage.get("wall_time_ms")))


_TAKERS: dict[str, Callable[[Agent, Record], None]] = {
    "llm_response": _replied,
    "code": _code,
    "output": _output,
    "execution_error": _failed,
    "subcall": _called,
    "usage_progress": _progressed,
    "result": _result,
    "checkpoint": _draft,
    "done": _done,
}
