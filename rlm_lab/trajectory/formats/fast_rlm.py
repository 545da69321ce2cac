"""Logs of `fast-rlm`: pino JSON lines of agents that begin, generate code, show its output, and end.

Agents are runs, told apart by `run_id`; a child agent names its parent, and comes before the line of the parent's block that
started it. Step 0 of an agent is the engine's own look at its context. Question, models and prompts are not among it. Nothing
is read or written here. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Recorder, Spent
from rlm_lab.trajectory.formats.values import Record, moment, name, number, record, text

NAME = "fast-rlm"
HOLDS = ("tokens", "times", "calls", "answer")
_KINDS = frozenset({"agent_start", "code_generated", "execution_result", "final_result", "agent_end"})
_OWN = "The engine looked at the context itself; no model wrote this block."


def recognises(first: Any) -> bool:
    """Whether this is the first line of such a log."""
    return isinstance(first, dict) and text(first.get("event_type")) in _KINDS and "run_id" in first


class Agent:
    """One agent: its run so far, and the children that the block under way has started."""

    def __init__(self, run: Recorder) -> None:
        self.run = run
        self.children: list[Agent] = []
        self.result: Any = None
        self.over = False

    def closed(self) -> Recorder:
        """The run, ended as its log has ended."""
        self.take_children()
        if self.result is not None:
            self.run.finish("done", self.result)
        elif self.over:
            self.run.finish("failed", error="The agent ended without a result.")
        return self.run

    def take_children(self) -> None:
        for child in self.children:
            run = child.closed()
            self.run.adopt(run, "interrupted" if not child.over else "done" if child.result is not None else "failed")
        self.children = []


def read(source: Source) -> Iterator[Recorder]:
    """The runs of a log: one for each agent that has no parent in it."""
    agents: dict[str, Agent] = {}
    roots: list[Agent] = []
    for line in source.lines():
        key = name(line.get("run_id"))
        if key not in agents:
            agents[key] = _agent(source, line, agents, roots)
        _take(agents[key], line)
    for root in roots:
        yield root.closed()


def _agent(source: Source, line: Record, agents: dict[str, Agent], roots: list[Agent]) -> Agent:
    parent = agents.get(name(line.get("parent_run_id")))
    if parent is not None:
        agent = Agent(parent.run.child())
        parent.children.append(agent)
        return agent
    title = source.name if not roots else f"{source.name}-{len(roots) + 1}"
    agent = Agent(Recorder(title, format=NAME, file=source.file, holds=HOLDS))
    roots.append(agent)
    return agent


def _take(agent: Agent, line: Record) -> None:
    match line.get("event_type"):
        case "code_generated" | "execution_result":
            _step(agent, line)
        case "final_result":
            agent.result = line.get("result")
        case "agent_end":
            agent.over = True
    agent.run.at(moment(line.get("time")))


def _step(agent: Agent, line: Record) -> None:
    run, times = agent.run, record(line.get("timestamps"), "timestamps")
    asked, replied = moment(times.get("llm_call_start")), moment(times.get("llm_call_end"))
    began, ended = moment(times.get("execution_start")), moment(times.get("execution_end"))
    run.at(asked if asked is not None else began)
    run.step()
    if number(line.get("step")) == 0:
        run.flag("engine", _OWN)
    else:
        usage = record(line.get("usage"), "usage")
        took = None if asked is None or replied is None else replied - asked
        tokens = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
        run.reply(
            line.get("reasoning"), spent=Spent(tokens_in=tokens[0], tokens_out=tokens[1], cost=usage.get("cost"), seconds=took)
        )
    if not text(line.get("code")).strip():
        return
    run.at(began)
    run.block(line.get("code"))
    agent.take_children()
    run.at(ended)
    failed = line.get("hasError") is True
    run.output(line.get("output"))
    error = (text(line.get("output")).strip().splitlines() or ["Error"])[-1] if failed else None
    run.end_block(took=None if began is None or ended is None else ended - began, error=error)
