"""The calls of two steps that belong together, paired by what they ask. Pure; may be used from any thread."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rlm_lab.trajectory.tree import Call, Step

CallKind = Literal["same", "answer", "prompt", "only_a", "only_b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPair:
    """`same`, another `answer` to the same prompt, another `prompt` in the same place, or a call that one run made only."""

    kind: CallKind
    a: Call | None = None
    b: Call | None = None


def call_pairs(a: Step, b: Step) -> tuple[CallPair, ...]:
    """Calls with the same prompt first, in their order; what is left is paired by its place.

    >>> from rlm_lab.trajectory.tree import Block
    >>> def step(*prompts): return Step(number=1, blocks=(Block(number=1, code="", calls=tuple(
    ...     Call(number=n, prompt=prompt, model="m", answer="x") for n, prompt in enumerate(prompts, 1))),))
    >>> [pair.kind for pair in call_pairs(step("p", "q"), step("q", "r", "s"))]
    ['prompt', 'same', 'only_b']
    """
    return tuple(
        _paired([call for block in a.blocks for call in block.calls], [call for block in b.blocks for call in block.calls])
    )


def _paired(a: list[Call], b: list[Call]) -> Iterator[CallPair]:
    waiting: dict[str, deque[Call]] = defaultdict(deque)
    for call in b:
        waiting[call.prompt].append(call)
    found = {id(call): waiting[call.prompt].popleft() for call in a if waiting[call.prompt]}
    taken = {id(call) for call in found.values()}
    left = deque(call for call in b if id(call) not in taken)
    for call in a:
        other = found.get(id(call))
        if other is not None:
            same = (call.status, call.answer) == (other.status, other.answer)
            yield CallPair(kind="same" if same else "answer", a=call, b=other)
        elif left:
            yield CallPair(kind="prompt", a=call, b=left.popleft())
        else:
            yield CallPair(kind="only_a", a=call)
    yield from (CallPair(kind="only_b", b=call) for call in left)
