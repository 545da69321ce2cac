"""A step's word, its summary and its reasoning as fields of its node, worked out when somebody looks. One thread at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rlm_lab.analysis.acts import act_of, summary_of
from rlm_lab.analysis.reasoning import reasoning_of
from rlm_lab.trajectory.tree import Batch, Block, Call, OutputPart, Step, Trajectory
from rlm_lab.views.clean import plain
from rlm_lab.views.nodes import Nodes

REASONING = 20_000
_WAITING = Call(number=0, prompt="", model="", status="waiting")
_ANSWERED = Call(number=0, prompt="", model="", status="answered")
_CHILD = Trajectory(run="", status="")


@dataclass(slots=True)
class OpenBlock:
    """What the words need of a block: how many calls, not which."""

    step: str
    code: str
    output: str = ""
    calls: int = 0
    open: int = 0
    children: int = 0
    answer: str | None = None
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class OpenStep:
    reply: str | None = None
    error: str | None = None
    blocks: dict[str, OpenBlock] = field(default_factory=dict)


class Telling:
    """The steps whose words may have changed."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._steps: dict[str, OpenStep] = {}
        self._blocks: dict[str, OpenBlock] = {}
        self._changed: dict[str, None] = {}
        self._current: dict[str, str] = {}

    def step(self, run: str, step: str) -> None:
        """A step begins: the one before it is over."""
        before = self._current.get(run)
        if before is not None and before != step:
            self._nodes.change(before, status="done", end=self._nodes.get(step).get("t"))
        self._current[run] = step
        self._steps.setdefault(step, OpenStep())

    def over(self, run: str, t: float) -> None:
        """The run has ended, and its last step with it."""
        last = self._current.pop(run, None)
        if last is not None:
            self._nodes.change(last, status="done", end=t)

    def reply(self, step: str, text: str) -> None:
        if step in self._steps:
            self._steps[step].reply, self._steps[step].error = text, None
            self._changed[step] = None

    def failed(self, step: str, error: str) -> None:
        if step in self._steps:
            self._steps[step].error = error
            self._changed[step] = None

    def block(self, step: str, block: str, code: str) -> None:
        if step in self._steps:
            self._blocks[block] = self._steps[step].blocks[block] = OpenBlock(step, code)
            self._changed[step] = None

    def output(self, block: str, text: str) -> None:
        if (known := self._of(block)) and len(known.output) < 4_000:
            known.output += text[:4_000]

    def call(self, block: str) -> None:
        if known := self._of(block):
            known.calls += 1
            known.open += 1

    def answered(self, call: str, answer: str | None) -> None:
        parent = str(self._nodes.get(call).get("parent"))
        if self._nodes.get(parent).get("kind") == "batch":
            parent = str(self._nodes.get(parent).get("parent"))
        if known := self._of(parent):
            known.open -= 1
            known.answer = answer[:200] if isinstance(answer, str) else None

    def child(self, block: str) -> None:
        if known := self._of(block):
            known.children += 1

    def ended(self, block: str, error: dict[str, Any] | None) -> None:
        if known := self._of(block):
            known.error = error

    def settle(self) -> None:
        for key in self._changed:
            step = _step(self._steps[key])
            act, whole = act_of(step), reasoning_of(step)
            reasoning = self._nodes.text(key, "reasoning", whole, REASONING)
            self._nodes.change(key, act=act.word, why=plain(act.reason), summary=plain(summary_of(step)), **reasoning)
        self._changed.clear()

    def _of(self, block: str) -> OpenBlock | None:
        known = self._blocks.get(block)
        if known is not None:
            self._changed[known.step] = None
        return known


def _step(step: OpenStep) -> Step:
    """The step as the words know it: calls are told apart only by their number."""
    blocks = tuple(_block(number, block) for number, block in enumerate(step.blocks.values(), 1))
    return Step(number=1, reply=step.reply, reply_error=step.error, blocks=blocks)


def _block(number: int, block: OpenBlock) -> Block:
    outputs = (OutputPart(kind="stdout", text=plain(block.output)),) if block.output else ()
    calls = (_ANSWERED,) * min(block.calls - block.open, 10**6) + (_WAITING,) * max(block.open, 0)
    if block.calls == 1 and block.answer is not None:
        calls = (Call(number=1, prompt="", model="", status="answered", answer=block.answer),)
    return Block(
        number=number, code=block.code, outputs=outputs, calls=calls, batches=(Batch(number=1, size=2),) if block.calls > 1 else (),
        children=(_CHILD,) * block.children, error=block.error,
    )  # fmt: skip
