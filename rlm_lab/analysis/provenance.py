"""Where an answer came from: from the final value back through variables, outputs and calls to the contexts.

The value flow of the recorded code (`flow`) gives most links; an answer that the model typed is looked for in what it had been
shown (`retyped`); where the data is at hand, prompts and outputs are placed in it (`coverage`). Each link is certain or likely,
with its reason. Work is linear in the run. Reads trajectories only; may be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rlm_lab.analysis.acts import clipped
from rlm_lab.analysis.coverage import coverage_of
from rlm_lab.analysis.flow import flow_of
from rlm_lab.analysis.flow_values import LIBRARIES, Flow, Source, Value
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.analysis.retyped import found_in, shown_before
from rlm_lab.trajectory.tree import Block, Step, Trajectory

Kind = Literal["answer", "variable", "calls", "child", "output", "context", "notebook", "person"]
Span = tuple[int, int, bool]
_IN_PROSE = re.compile(r"\b(FINAL_VAR|FINAL|SUBMIT)\s*\(\s*[\"'`]?([^\W\d]\w*)[\"'`]?\s*\)")
_SHORT_VALUE = 120
_DEEPEST = 8  # child runs in child runs
_WORK = 1_000_000_000  # characters of the data that may be looked through
_PIECE = 300  # characters of a prompt for which the data is looked through about once


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value on the way to the answer.

    `calls` are the numbers of the calls that one line made, `value` its short text as far as it was recorded, `run` the run that it
    belongs to. `certain` says that every link between it and the answer is.
    """

    key: str
    kind: Kind
    run: str
    name: str = ""
    step: int | None = None
    block: int | None = None
    line: int | None = None
    calls: tuple[int, ...] = ()
    value: str = ""
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`value` was made of `source`, certainly or likely, for a `reason`; `spans` are the parts of a context: begin, end, exact."""

    value: str
    source: str
    certain: bool
    reason: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The graph of an answer: the first node is the answer, `links` lead from it to what it was made of.

    `gaps` say in a sentence each what could not be followed.
    """

    run: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...] = ()
    gaps: tuple[str, ...] = ()

    def sources_of(self, key: str) -> tuple[Link, ...]:
        """What a node was made of, as links."""
        return tuple(link for link in self.links if link.value == key)

    def to_json(self) -> dict[str, Any]:
        """The graph as plain JSON; what is empty is left out."""
        return {
            "run": self.run,
            "nodes": [_plain(node, Node) for node in self.nodes],
            "links": [_plain(link, Link) for link in self.links],
            "gaps": list(self.gaps),
        }


def origin_of(trajectory: Trajectory, contexts: Mapping[str, Any] | None = None, flow: Flow | None = None) -> Provenance:
    """Where the answer of a run came from, child runs included.

    Parameters
    ----------
    contexts: the run's data by its names, where it is at hand: prompts and outputs are then placed in texts of it.
    flow: what `flow_of` found in this run, if it is known; it is used up.

    >>> code = "late = rows[:100]\\nFINAL(len(late))"
    >>> run = Trajectory(run="a", status="done", answer_text="100", contexts=({"name": "rows"},),
    ...     steps=(Step(number=1, blocks=(Block(number=1, code=code),)),))
    >>> [(node.kind, node.name) for node in origin_of(run).nodes]
    [('answer', ''), ('variable', 'late'), ('context', 'rows')]
    """
    return _Tracing(trajectory, contexts or {}, flow or flow_of(trajectory)).provenance()


class _Tracing:
    """Follows one run back; child runs are followed by tracings of their own."""

    def __init__(self, trajectory: Trajectory, contexts: Mapping[str, Any], flow: Flow, depth: int = 0) -> None:
        self.trajectory, self.contexts, self.flow, self.depth = trajectory, contexts, flow, depth
        self.gaps: list[str] = []
        self.work = _WORK
        self.placed: dict[str, list[tuple[str, tuple[Span, ...]]]] = {}
        self.blocks = {(step.number, block.number): block for step in trajectory.steps for block in step.blocks}

    def provenance(self) -> Provenance:
        answer = Value(key="answer", kind="answer", name="")
        answer.take(self.answer_sources())
        self.flow.values["answer"] = answer
        self.follow_constants()
        keys = self.kept()
        kept = set(keys)
        if not self.trajectory.answer_text.strip():
            self.gaps.append(f"There is nothing to follow back: the run is {self.trajectory.status.replace('_', ' ')}.")
        elif not answer.sources:
            self.gaps.append("The answer stands in nothing that the model had been shown, and no code made it.")
        self.tell_unread()
        sure = self.flow.reached(["answer"], surely=True)
        nodes = [self.node(self.flow.values[key], key in sure) for key in keys]
        links = [link for key in keys for link in self.links(self.flow.values[key], kept)]
        for key in keys:
            self.enter(self.flow.values[key], nodes, links)
        return Provenance(run=self.trajectory.run, nodes=tuple(nodes), links=tuple(links), gaps=tuple(dict.fromkeys(self.gaps)))

    # the answer

    def answer_sources(self) -> list[Source]:
        if not self.trajectory.answer_text.strip():
            return []
        last = self.trajectory.steps[-1] if self.trajectory.steps else None
        if last is not None and any(edit.what == "final_answer" for edit in last.edits):
            self.flow.values["person"] = Value(key="person", kind="person", name="answer", step=last.number)
            return [Source(key="person", sure=True, why="a person gave this answer")]
        if last is None:
            return []
        return self.given_by_code(last) or self.given_in_prose(last) or self.typed(self.trajectory.answer_text, last.number)

    def given_by_code(self, last: Step) -> list[Source]:
        """What the FINAL that ended the run was given, or `answer` where the code said that it is ready."""
        finals = [final for final in self.flow.finals if final.step == last.number]
        if not finals:
            ready = any("ready" in block.code and "answer" in block.code for block in last.blocks)
            return self.of_name("answer", "the code set it as the answer", sure=True) if ready else []
        final = finals[-1]
        if final.written is not None:
            return self.typed(final.written, last.number)
        chosen = finals if not final.sure and len(finals) > 1 else [final]
        return [
            Source(
                key=source.key, sure=source.sure and len(chosen) == 1, why=f"given to FINAL in step {each.step}", part=source.part
            )
            for each in chosen
            for source in each.sources
        ]

    def given_in_prose(self, last: Step) -> list[Source]:
        """The variable that a FINAL in prose names."""
        found = _IN_PROSE.search(reasoning_of(last))
        if found is None:
            return []
        same = found.group(2) == self.trajectory.answer_text.strip()
        return self.of_name(found.group(2), "named in the last reply", sure=found.group(1) == "FINAL_VAR" or not same)

    def of_name(self, name: str, why: str, *, sure: bool) -> list[Source]:
        return [Source(key=key, sure=sure and known, why=why) for key, known in self.flow.names.get(name, {}).items()]

    def typed(self, text: str, step: int) -> list[Source]:
        """Where a text that the model typed was shown to it."""
        found = list(found_in(text, shown_before(self.trajectory, step)))
        for _, place in found:
            name = place.key.partition(" ")[2]
            kind = "context" if place.key.startswith("context ") else "output"
            self.flow.values.setdefault(place.key, Value(key=place.key, kind=kind, name=name if kind == "context" else ""))
            self.number(self.flow.values[place.key])
        return [
            Source(key=place.key, sure=False, why=f"“{clipped(part, 60)}” stands in {place.title}, and was typed again")
            for part, place in found
        ]

    def number(self, value: Value) -> None:
        if value.kind == "output" and not value.step:
            value.step, value.block = (int(part) for part in value.key.split()[1].split("."))

    def follow_constants(self) -> None:
        """Constants that the model wrote into variables on the way to the answer, looked for in what it had been shown."""
        for key in self.flow.reached(["answer"]):
            value = self.flow.values.get(key)
            if value is not None and value.written is not None and not value.sources and len(value.written.strip()) > 2:
                value.take(self.typed(value.written, value.step))

    def tell_unread(self) -> None:
        for step, block in self.flow.unread:
            self.gaps.append(f"Block {block} of step {step} could not be read as Python; what it made is not followed.")

    # nodes and links

    def kept(self) -> list[str]:
        """The keys of all that the answer was made of, in the order in which they are reached."""
        found: dict[str, None] = {}
        wanted = ["answer"]
        while wanted:
            following: list[str] = []
            for key in wanted:
                value = self.flow.values.get(key)
                if key in found or value is None or (value.kind == "notebook" and value.name in LIBRARIES):
                    continue
                found[key] = None
                self.place(value)
                following += value.sources
            wanted = following
        return list(found)

    def place(self, value: Value) -> None:
        """Looks for the texts of calls and outputs in the data, and adds what was found as sources."""
        for name, spans in self.spans(value):
            key = f"context {name}"
            self.flow.values.setdefault(key, Value(key=key, kind="context", name=name))
            value.take([Source(key=key, sure=all(exact for *_, exact in spans), why="text of it stands there")])

    def spans(self, value: Value) -> list[tuple[str, tuple[Span, ...]]]:
        """Where the texts of calls or of an output stand in the data, by context; found once, as long as work is left."""
        block = self.blocks.get((value.step, value.block))
        if not self.contexts or block is None or value.kind not in ("calls", "output"):
            return []
        if value.key not in self.placed:
            asked = value.kind == "calls"
            piece = Block(number=1, code="", calls=value.calls if asked else (), outputs=() if asked else block.outputs)
            self.placed[value.key] = self.covered(piece, "sent" if asked else "shown")
        return self.placed[value.key]

    def covered(self, piece: Block, kind: str) -> list[tuple[str, tuple[Span, ...]]]:
        texts = [len(call.prompt) for call in piece.calls] + [len(part.text) for part in piece.outputs]
        self.work -= sum(size // _PIECE + 1 for size in texts) * sum(map(_length, self.contexts.values()))
        if self.work < 0:
            self.gaps.append("The run is long: not all of its prompts and outputs were looked for in the data.")
            return []
        told = coverage_of(Trajectory(run="", status="", steps=(Step(number=1, blocks=(piece,)),)), self.contexts)
        found = [(str(each["name"]), each[kind]["parts"]) for each in (told or {}).get("contexts", [])]
        return [(name, tuple((begin, end, bool(sure)) for begin, end, sure in parts)) for name, parts in found if parts]

    def node(self, value: Value, certain: bool) -> Node:
        return Node(
            key=self.named(value.key),
            kind=value.kind,  # type: ignore[arg-type]
            run=self.trajectory.run,
            name=value.name,
            step=value.step or None,
            block=value.block or None,
            line=value.line,
            calls=tuple(call.number for call in value.calls),
            value=self.told(value),
            certain=certain,
        )

    def named(self, key: str) -> str:
        return key if self.depth == 0 else f"{self.trajectory.run}/{key}"

    def told(self, value: Value) -> str:
        """The short text of a value, as far as the record has it."""
        if value.kind == "answer":
            return clipped(self.trajectory.answer_text, _SHORT_VALUE)
        if value.kind == "calls":
            answers = [call.answer for call in value.calls if call.answer is not None]
            return clipped(answers[0], _SHORT_VALUE) if len(answers) == 1 else ""
        if value.kind == "child" and value.child is not None:
            return clipped(value.child.answer_text, _SHORT_VALUE)
        block = self.blocks.get((value.step, value.block))
        if value.kind == "output" and block is not None:
            return clipped("\n".join(part.text for part in block.outputs), _SHORT_VALUE)
        return _recorded(block, value.name)

    def links(self, value: Value, kept: set[str]) -> Iterator[Link]:
        placed = dict(self.spans(value))
        for source in value.sources.values():
            if source.key not in kept:
                continue
            name = source.key.removeprefix("context ")
            spans = placed.get(name, ()) if source.key.startswith("context ") else ()
            yield Link(
                value=self.named(value.key),
                source=self.named(source.key),
                certain=source.sure,
                reason=source.why,
                spans=spans or self.sliced(name, source.part),
            )

    def sliced(self, name: str, part: tuple[int | None, int | None] | None) -> tuple[Span, ...]:
        """The span that a slice written in numbers takes of a context of known size."""
        size = next((context.get("size") for context in self.trajectory.contexts if context.get("name") == name), None)
        if part is None or not isinstance(size, int) or isinstance(size, bool) or size < 0:
            return ()
        begin, end, _ = slice(*part).indices(size)
        return ((begin, end, True),) if end > begin else ()

    def enter(self, value: Value, nodes: list[Node], links: list[Link]) -> None:
        """Goes on inside a child run; what its contexts were is what the parent's line gave it."""
        if value.child is None or self.depth >= _DEEPEST:
            return
        inner = _Tracing(value.child, {}, flow_of(value.child), self.depth + 1)
        inside = inner.provenance()
        certain = next(node.certain for node in nodes if node.key == self.named(value.key))
        nodes += [_under(node, certain) for node in inside.nodes]
        links.append(Link(value=self.named(value.key), source=inner.named("answer"), certain=True, reason="the child run's answer"))
        links += inside.links
        self.gaps += [f"In child run {value.child.run}: {gap}" for gap in inside.gaps]


def _recorded(block: Block | None, name: str) -> str:
    """The short text of a variable as its block's end has it."""
    for kind in ("added", "changed"):
        group = block.variables.get(kind) if block is not None else None
        about = group.get(name) if isinstance(group, Mapping) else None
        if isinstance(about, Mapping):
            return clipped(str(about.get("repr") or ""), _SHORT_VALUE)
    return ""


def _under(node: Node, certain: bool) -> Node:
    return Node(**{name: getattr(node, name) for name in Node.__slots__} | {"certain": node.certain and certain})


def _plain(value: Node | Link, kind: type[Node] | type[Link]) -> dict[str, Any]:
    facts = {name: getattr(value, name) for name in kind.__slots__}
    return {name: [list(part) for part in fact] if name == "spans" else list(fact) if isinstance(fact, tuple) else fact
            for name, fact in facts.items() if fact not in ("", None, ())}  # fmt: skip


def _length(context: object) -> int:
    """How many characters a context has, as far as it is made of texts."""
    if isinstance(context, str):
        return len(context)
    items = context.values() if isinstance(context, dict) else context if isinstance(context, (list, tuple)) else ()
    return sum(len(item) for item in items if isinstance(item, str))
