"""The calls and the child runs of two steps that belong together, paired by what they ask. Pure; may be used from any thread."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from rlm_lab.trajectory.tree import Call, Step, Trajectory

CallKind = Literal["same", "answer", "prompt", "only_a", "only_b"]
Asked = TypeVar("Asked")


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
    one, other = ([call for block in step.blocks for call in block.calls] for step in (a, b))
    return tuple(CallPair(kind=_kind(*pair), a=pair[0], b=pair[1]) for pair in _paired(one, other, lambda call: call.prompt))


def child_pairs(a: Step, b: Step) -> tuple[tuple[Trajectory | None, Trajectory | None], ...]:
    """The child runs of two steps: those with the same question first, in their order; what is left is paired by its place.

    >>> from rlm_lab.trajectory.tree import Block
    >>> def step(*asked): return Step(number=1, blocks=(Block(number=1, code="", children=tuple(
    ...     Trajectory(run=f"c{n}", status="done", question=question) for n, question in enumerate(asked, 1))),))
    >>> [(a and a.run, b and b.run) for a, b in child_pairs(step("p", "q"), step("q"))]
    [('c1', None), ('c2', 'c1')]
    """
    one, other = ([child for block in step.blocks for child in block.children] for step in (a, b))
    pairs = _paired(one, other, lambda child: child.question)
    return tuple(pairs)


def _kind(a: Call | None, b: Call | None) -> CallKind:
    if a is None or b is None:
        return "only_b" if a is None else "only_a"
    if a.prompt != b.prompt:
        return "prompt"
    return "same" if (a.status, a.answer) == (b.status, b.answer) else "answer"


def _paired(a: Sequence[Asked], b: Sequence[Asked], asked: Callable[[Asked], str]) -> Iterator[tuple[Asked | None, Asked | None]]:
    waiting: dict[str, deque[Asked]] = defaultdict(deque)
    for one in b:
        waiting[asked(one)].append(one)
    found = {id(one): waiting[asked(one)].popleft() for one in a if waiting[asked(one)]}
    taken = {id(one) for one in found.values()}
    left = deque(one for one in b if id(one) not in taken)
    for one in a:
        other = found.get(id(one))
        yield one, other if other is not None else left.popleft() if left else None
    yield from ((None, one) for one in left)
