"""The rules of `lints`: each takes the facts of a run and gives the places where it is broken.

A rule that is in doubt says nothing. Pure; may be used from any thread.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rlm_lab.analysis.acts import FINALS, QUERIES, clipped
from rlm_lab.analysis.bindings import BRANCHES
from rlm_lab.analysis.coverage import coverage_of, share_of
from rlm_lab.analysis.flow import flow_of
from rlm_lab.analysis.flow_values import Flow, Value
from rlm_lab.analysis.provenance import Node, Provenance, origin_of
from rlm_lab.analysis.reads import called, queries_in, reads_in
from rlm_lab.analysis.retyped import parts_of, shown_before, stands_in
from rlm_lab.analysis.source import parsed
from rlm_lab.trajectory.tree import Block, Call, Flag, Step, Trajectory

_SMALL = 1_000  # characters, rows or items of a context that a preview may well show whole
_MOST_READ = 0.5  # share of a context under which most of it was never read
_TOLD = 80  # characters of a prompt that its flag tells
_SHORTEST = 4  # characters of an answer that is looked for; shorter ones stand anywhere
_REACH_ALL = frozenset({"context", "INPUTS", "globals", "locals", "vars", "eval", "exec", "open", "SHOW_VARS", "get_ipython"})
_CUT = re.compile(r"\[[\d,]+ characters left out")
_TELLS = re.compile(r"error|fail|limit|budget|could not|couldn.t|unable|cannot|can.t|exceed", re.IGNORECASE)
_HANDLES = re.compile(r"isinstance|Exception|Error|\berror|failed", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place where a rule is broken, and why it matters there."""

    reason: str
    step: int | None = None
    block: int | None = None
    call: int | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the rules look at; what costs something is worked out once, when a rule asks for it."""

    trajectory: Trajectory
    contexts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def flow(self) -> Flow:
        return flow_of(self.trajectory)

    @cached_property
    def origin(self) -> Provenance:
        return origin_of(self.trajectory, flow=self.flow)

    @cached_property
    def blocks(self) -> list[tuple[Step, Block]]:
        return [(step, block) for step in self.trajectory.steps for block in step.blocks]

    @cached_property
    def prompts(self) -> dict[tuple[int, str], list[Value]]:
        """The calls that sent each prompt, by step and the prompt as a flag tells it; none that is written out in the code."""
        codes = {(step.number, block.number): block.code for step, block in self.blocks}
        found: dict[tuple[int, str], list[Value]] = {}
        for value in self.flow.values.values():
            for prompt in {call.prompt for call in value.calls if call.prompt not in codes[value.step, value.block]}:
                told = prompt if len(prompt) <= _TOLD else f"{prompt[: _TOLD - 1]}…"
                found.setdefault((value.step, repr(told)), []).append(value)
        return found

    @property
    def children(self) -> list[Trajectory]:
        return [child for _, block in self.blocks for child in block.children]

    @property
    def has_answer(self) -> bool:
        """Whether the run ended with an answer of the model, be it at a limit."""
        last = self.trajectory.steps[-1] if self.trajectory.steps else None
        by_hand = last is not None and any(edit.what == "final_answer" for edit in last.edits)
        return self.trajectory.status in ("done", "out_of_budget") and bool(self.trajectory.answer_text.strip()) and not by_hand

    @property
    def answered(self) -> bool:
        """Whether the model ended the run with an answer when it thought fit."""
        return self.trajectory.status == "done" and self.has_answer

    @property
    def last(self) -> int | None:
        """The number of the last step."""
        return self.trajectory.steps[-1].number if self.trajectory.steps else None


# the answer


def unsupported_answers(case: Case) -> Iterator[Finding]:
    """An answer that the model typed, of which no figure and no name stands in anything that it had been shown."""
    typed = _typed_answer(case)
    if typed is None:
        return
    shown = shown_before(case.trajectory, case.last or 0)
    texts = [place.text for place in shown] + [case.trajectory.question]
    texts += [call.answer for _, block in case.blocks for call in block.calls if call.answer]
    texts += [child.answer_text for child in case.children]
    texts += [value for value in case.contexts.values() if isinstance(value, str)]
    parts = [part for part in parts_of(typed) if len(part) >= _SHORTEST]
    missing = [part for part in parts if not any(stands_in(part, text) for text in texts)]
    if missing and (len(missing) == len(parts) or missing[0][0].isdigit()):
        yield Finding(
            reason=f"The answer’s “{clipped(missing[0], 60)}” stands in nothing that the model was shown.", step=case.last
        )


def _typed_answer(case: Case) -> str | None:
    """The answer, where the model wrote it out in its last step: in prose, or as a constant in code."""
    if not case.has_answer or case.flow.unread:
        return None
    if any(link.certain for link in case.origin.sources_of(case.origin.nodes[0].key)):
        return None
    if case.trajectory.steps and _computes_final(case.trajectory.steps[-1]):
        return None
    return case.trajectory.answer_text


def _computes_final(step: Step) -> bool:
    """Whether a step's code gives FINAL something that is not written out there."""
    trees = [tree for block in step.blocks if (tree := parsed(block.code)) is not None]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) in FINALS]
    return any(isinstance(part, ast.Name | ast.Call) for call in calls for given in call.args for part in ast.walk(given))


def early_finals(case: Case) -> Iterator[Finding]:
    """An answer before anything of the data was shown, asked about or computed with."""
    large = [context for context in case.trajectory.contexts if _is_large(context)]
    if not case.has_answer or not large or case.flow.unread:
        return
    looked = any(_may_look(block, large) for _, block in case.blocks)
    computed = any(node.kind in ("context", "notebook") and _by_code(case.origin, node) for node in case.origin.nodes)
    if not looked and not computed:
        names = ", ".join(str(context.get("name")) for context in large[:3])
        yield Finding(reason=f"The answer came before the model had looked at {names}.", step=case.last)


def _may_look(block: Block, contexts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether code that ran may have reached one of the contexts: it names one, or runs what the record does not hold."""
    names = {str(context.get("name")) for context in contexts} | _REACH_ALL
    ran = bool(block.outputs or block.calls or block.children or block.error)
    tree = parsed(block.code) if ran else None
    if tree is None:
        return ran
    known = frozenset(dir(builtins)) - _REACH_ALL
    calls = {part.func.id for part in ast.walk(tree) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)}
    read = {name for name, _ in reads_in(tree)}
    return bool(read & names) or bool((calls & read) - known - QUERIES - FINALS)


def _is_large(context: Mapping[str, Any]) -> bool:
    size = context.get("size")
    return isinstance(size, int) and not isinstance(size, bool) and size > _SMALL


def _by_code(origin: Provenance, node: Node) -> bool:
    """Whether code read it; a text that was typed from a preview is no look at the data."""
    return any(link.source == node.key and "typed again" not in link.reason for link in origin.links)


# errors and cuts


def ignored_errors(case: Case) -> Iterator[Finding]:
    """A block that failed, with nothing run after it before the answer; failed calls that nothing asks again or heeds."""
    if not case.answered:
        return
    if case.blocks and (error := case.blocks[-1][1].error) is not None and case.blocks[-1][0].number != case.last:
        step, block = case.blocks[-1]
        told = f"{error.get('type') or 'Error'}: {clipped(str(error.get('message') or ''), 80)}".rstrip(": ")
        line = error.get("line")
        reason = f"The block failed with {told}, and the answer came without another try."
        yield Finding(reason=reason, step=step.number, block=block.number, line=line if isinstance(line, int) else None)
    yield from _questions_given_up(case)
    yield from _unheeded_calls(case)


def _questions_given_up(case: Case) -> Iterator[Finding]:
    """A line that failed as it asked models, where nothing is asked after it and no later reply speaks of it."""
    if _TELLS.search(case.trajectory.answer_text):
        return
    asked = max((at for at, (_, block) in enumerate(case.blocks) if block.calls or block.children), default=0)
    told_in = max((step.number for step in case.trajectory.steps if _TELLS.search(step.reply or "")), default=0)
    for at, (step, block) in enumerate(case.blocks[:-1]):
        line = _asking_line(block) if block.error is not None and asked <= at and told_in <= step.number else None
        if line is not None:
            error = block.error or {}
            told = f"{error.get('type') or 'Error'}: {clipped(str(error.get('message') or ''), 80)}".rstrip(": ")
            reason = f"What was asked here failed with {told}; it was not asked again, and the answer came without it."
            yield Finding(reason=reason, step=step.number, block=block.number, line=line)


def _asking_line(block: Block) -> int | None:
    """The line of the error, where its statement asks models."""
    line = (block.error or {}).get("line")
    tree = parsed(block.code)
    if not isinstance(line, int) or tree is None:
        return None
    statements = (node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not hasattr(node, "body"))
    failed = next((node for node in statements if node.lineno <= line <= (node.end_lineno or node.lineno)), None)
    return line if failed is not None and queries_in(failed) else None


def _unheeded_calls(case: Case) -> Iterator[Finding]:
    answered = {call.prompt for _, block in case.blocks for call in block.calls if call.status == "answered"}
    heeded = max((at for at, (_, block) in enumerate(case.blocks) if _HANDLES.search(block.code)), default=-1)
    for at, (step, block) in enumerate(case.blocks):
        failed = [
            call for call in block.calls if call.status == "failed" and call.batch is not None and call.prompt not in answered
        ]
        if failed and block.error is None and heeded < at:
            calls = (
                f"{len(failed):,} of {len(block.calls):,} calls failed" if len(failed) > 1 else f"Call {failed[0].number} failed"
            )
            reason = f"{calls} ({clipped(failed[0].error or 'no reason given', 60)}), and no code heeds that or asks again."
            yield Finding(reason=reason, step=step.number, block=block.number, call=failed[0].number, line=failed[0].line)


def cut_outputs(case: Case) -> Iterator[Finding]:
    """An answer that was typed from an output of which the middle was left out."""
    if not case.has_answer:
        return
    blocks = {(step.number, block.number): block for step, block in case.blocks}
    nodes = {node.key: node for node in case.origin.nodes}
    for link in case.origin.links:
        node = nodes.get(link.source)
        if node is None or node.kind != "output" or node.run != case.trajectory.run:
            continue
        block = blocks.get((node.step or 0, node.block or 0))
        if block is not None and (left := _left_out(block)):
            reason = f"The answer was taken from this output, of which the model did not see {left}."
            yield Finding(reason=reason, step=node.step, block=node.block)


def _left_out(block: Block) -> str:
    cut = sum(part.cut for part in block.outputs)
    if cut:
        return f"{cut:,} characters"
    return "a part" if any(_CUT.search(part.text) for part in block.outputs) else ""


# calls


def holds_data(case: Case, flag: Flag) -> bool:
    """Whether the prompt that was flagged for holding nothing of a context was made of earlier answers, or of what code read."""
    told = flag.message.partition(": ")[2].removesuffix(".") if flag.flag == "prompt_without_context" else ""
    return bool(told) and any(_is_made_of_data(case.flow, value) for value in case.prompts.get((flag.step, told), ()))


def _is_made_of_data(flow: Flow, asked: Value) -> bool:
    sources = [source.key for source in asked.sources.values() if source.why != BRANCHES]
    return any(flow.values[key].kind in ("calls", "child", "context") for key in flow.reached(sources) if key in flow.values)


def unused_calls(case: Case) -> Iterator[Finding]:
    """Calls whose answer reaches no output, no later prompt, no test and not the answer."""
    if not case.answered or case.flow.unread:
        return
    for value in _unused(case.flow):
        answered = [call for call in value.calls if call.status == "answered"]
        if value.line is None or not answered or (case.flow.finals == [] and value.step == case.last):
            continue
        first = answered[0]
        what = f"The answer of call {first.number}" if len(answered) == 1 else f"The answers of {len(answered):,} calls"
        verb = "is" if len(answered) == 1 else "are"
        yield Finding(
            reason=f"{what} {verb} neither shown to the model nor used by its code.",
            step=value.step, block=value.block, line=value.line, call=first.number if len(answered) == 1 else None,
        )  # fmt: skip


def _unused(flow: Flow) -> list[Value]:
    roots = [value.key for value in flow.values.values() if value.kind == "output"]
    roots += [source.key for final in flow.finals for source in final.sources]
    used = flow.reached([*roots, *flow.used, *flow.names.get("answer", ())])
    return [value for value in flow.values.values() if value.kind == "calls" and value.key not in used]


def repeated_prompts(case: Case) -> Iterator[Finding]:
    """A prompt that had been answered already and was sent again; prompts of one batch that are all the same are a vote."""
    votes = {(block.number, batch.number) for _, block in case.blocks for batch in block.batches if _is_vote(batch.calls)}
    first: dict[tuple[str, str], Call] = {}
    for step, block in case.blocks:
        again: list[tuple[Call, Call]] = []
        for call in block.calls:
            if call.status != "answered" or call.source == "record" or (block.number, call.batch) in votes:
                continue
            known = first.setdefault((call.asked or call.model, call.prompt), call)
            if known is not call:
                again.append((call, known))
        if again:
            call, known = again[0]
            many = f"{len(again):,} prompts were sent that had been answered before, the first as call {known.number}"
            one = f"Call {call.number} sent the very prompt of call {known.number} again"
            reason = f"{one if len(again) == 1 else many}: “{clipped(call.prompt, 60)}”."
            yield Finding(reason=reason, step=step.number, block=block.number, call=call.number, line=call.line)


def _is_vote(calls: tuple[Call, ...]) -> bool:
    return len(calls) > 1 and len({call.prompt for call in calls}) == 1


def batches_of_one(case: Case) -> Iterator[Finding]:
    """A line that only ever starts batches of a single call."""
    for step, block in case.blocks:
        sizes: dict[int | None, list[int]] = {}
        for batch in block.batches:
            sizes.setdefault(batch.line, []).append(batch.size)
        for line, found in sizes.items():
            if set(found) == {1}:
                times = "a batch of one call" if len(found) == 1 else f"{len(found):,} batches of one call each, one after another"
                yield Finding(reason=f"This line asks {times}.", step=step.number, block=block.number, line=line)


# the context


def unread_contexts(case: Case) -> Iterator[Finding]:
    """A large context of text of which less than half was read by code, shown, or sent."""
    if not case.has_answer or not case.contexts:
        return
    told = coverage_of(case.trajectory, case.contexts) or {"contexts": []}
    for context in told["contexts"]:
        if context["size"] <= _SMALL:
            continue
        share = share_of(context)
        if share < _MOST_READ:
            percent = f"{share:.0%}" if share >= 0.01 else "less than 1%"
            yield Finding(reason=f"Of {context['name']} only {percent} was read by code, shown to the model or sent in calls.")
