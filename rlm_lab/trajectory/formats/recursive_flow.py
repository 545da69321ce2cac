"""Run folders of `recursive-flow`: `graph.json`, and for each agent a folder with `agent.json` and the nodes of `session.jsonl`.

A node is a question, a reply, code that begins, its output, an error, a wait for child agents, an end. Tokens are those of
replies; no times, no single calls (an `llm_query_batched` leaves no node). Files are read, nothing is written. One thread at a
time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Recorder, Spent
from rlm_lab.trajectory.formats.values import Misfit, Record, described, name, record, text

NAME = "recursive-flow"
FOLDER = "graph.json"
HOLDS = ("contexts", "prompts", "tokens", "question", "answer")
_DEEPEST = 20
_SHOWING = frozenset({"exec_output", "error_output", "done_output", "supervising_output"})


def recognises(first: Any) -> bool:
    """Whether this is the manifest of such a folder."""
    return isinstance(first, dict) and {"root_agent_id", "agents"} <= first.keys()


def read(source: Source) -> Iterator[Recorder]:
    """The run of a folder; `source` is the folder, or its manifest."""
    if source.path is None:
        raise Misfit("it is no folder")
    folder = source.path if source.path.is_dir() else source.path.parent
    manifest = record(source.beside(folder / FOLDER).whole(), FOLDER)
    agents = _agents(source, folder)
    root = name(manifest.get("root_agent_id"))
    if root not in agents:
        raise Misfit(f"its root agent {root!r} has no folder")
    run = Recorder(Source(folder).name, format=NAME, file=folder.name, holds=HOLDS)
    yield _agent(run, agents, root)


class Agent:
    """One agent: what its `agent.json` says, and its nodes."""

    def __init__(self, about: Record, nodes: list[Record]) -> None:
        self.about = about
        self.nodes = nodes


def _agents(source: Source, folder: Path) -> dict[str, Agent]:
    found = {}
    for path in sorted(folder.rglob("agent.json")):
        about = record(source.beside(path).whole(), "agent.json")
        session = path.parent / "session.jsonl"
        found[name(about.get("agent_id"))] = Agent(about, list(source.beside(session).lines()) if session.is_file() else [])
    return found


def _agent(run: Recorder, agents: dict[str, Agent], key: str, depth: int = 0) -> Recorder:
    """An agent's run, its child agents in the block that waits for them."""
    agent = agents[key]
    inputs = record(agent.about.get("inputs"), "inputs")
    contexts = [described(title, value) for title, value in inputs.items()]
    run.start(question=agent.about.get("query"), model=agent.about.get("model"), contexts=contexts)
    asked: list[Record] = (
        [{"role": "system", "content": agent.about.get("system_prompt")}] if agent.about.get("system_prompt") else []
    )
    status, answer = "", None
    for node in agent.nodes:
        kind = text(node.get("type"))
        if kind == "user_query":
            asked.append({"role": "user", "content": node.get("content")})
        elif kind == "llm_output":
            _reply(run, node, asked)
            asked = []
        elif kind in _SHOWING:
            _showed(run, node, agents, depth)
            asked = [{"role": "user", "content": node.get("content")}] if node.get("content") else []
            if kind == "done_output":
                status, answer = "done", node.get("result")
    if status:
        run.finish(status, answer)
    return run


def _reply(run: Recorder, node: Record, asked: list[Record]) -> None:
    run.step(asked)
    if not run.about["model"]:
        run.start(model=node.get("model"))
    tokens = Spent(tokens_in=node.get("input_tokens"), tokens_out=node.get("output_tokens"))
    run.reply(node.get("reply"), model=node.get("model"), spent=tokens)
    if node.get("code"):
        run.block(node.get("code"))


def _showed(run: Recorder, node: Record, agents: dict[str, Agent], depth: int) -> None:
    """What a block showed; one that waits for child agents is not over yet."""
    failed = node.get("type") == "error_output"
    output = text(node.get("output"))
    run.output("" if failed else output)
    if node.get("type") == "supervising_output":
        waiting = node.get("waiting_on")
        for key in waiting if isinstance(waiting, list) else []:
            if name(key) in agents and depth < _DEEPEST:
                child = _agent(run.child(), agents, name(key), depth + 1)
                run.adopt(child, "done" if child.ended else "interrupted")
        return
    run.end_block(error=output or node.get("error") if failed else None)
