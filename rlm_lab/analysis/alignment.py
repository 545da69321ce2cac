"""Two trajectories side by side, step by step, matched by what the steps do and not by their numbers.

The steps that both begin with, the same code in the same reply, stay together: a fork and its parent share them. Then, steps with
the same code that either run has once are tied where their order allows it: the longest increasing subsequence of their places
(J. W. Hunt and T. G. Szymanski, "A fast algorithm for computing longest common subsequences", CACM 20(5), 1977; taking only lines
that are unique is B. Cohen's "patience diff"). Between two ties the steps are aligned so that the sum of their
likeness is greatest (S. B. Needleman and C. D. Wunsch, J. Mol. Biol. 48(3), 1970; a gap costs nothing, a pair below `FLOOR`
is none). A last pass pairs what is left over on both sides and alike: these steps were moved. Steps that were put aside are not
looked at. Pure; may be used from any thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from rlm_lab.analysis.callpairs import child_pairs
from rlm_lab.analysis.traits import Traits, code_of, likeness, traits_of
from rlm_lab.trajectory.tree import Block, Step, Trajectory

Kind = Literal["same", "prompt", "answer", "output", "child", "changed", "moved", "only_a", "only_b"]
FLOOR = 0.42  # of likeness, below which two steps are not the same thing done otherwise
MOVED = 0.62  # of likeness, from which a step that is left over on both sides counts as moved
SAME_CODE = 0.5  # what equal code adds to a pair's worth
CELLS = 4_000_000  # pairs of steps that are weighed in one gap; in a larger one only those near its diagonal
MOST_MOVED = 1_500  # left-over steps of a run that are looked through for moved ones
_DIAGONAL, _UP, _LEFT = 1, 2, 3
Places = list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of an alignment.

    `same`; the same code with another `prompt`, `answer` of a call, or `output`, or with a `child` run that did something else and
    answered the same; `changed` code; `moved`: the step of one run, with the other's in `elsewhere`; `only_a`, `only_b`. `alike` is
    the likeness, from 0 to 1.
    """

    kind: Kind
    a: Step | None = None
    b: Step | None = None
    elsewhere: Step | None = None
    alike: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The steps of one run, and the traits of each."""

    steps: Sequence[Step]
    traits: Sequence[Traits]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The rows of two runs; each step stands in one of them. `exact` is False where a gap was too large to weigh whole."""

    rows: tuple[Row, ...] = ()
    exact: bool = True


def align(a: Trajectory, b: Trajectory, *, cells: int = CELLS) -> Alignment:
    """Aligns two runs; `cells` is how many pairs of steps are weighed in one gap, which bounds time and memory.

    >>> from rlm_lab.trajectory.tree import Block
    >>> def run(*codes): return Trajectory(run="", status="done", steps=tuple(
    ...     Step(number=n, blocks=(Block(number=1, code=code),)) for n, code in enumerate(codes, 1)))
    >>> [row.kind for row in align(run("x = 1", "FINAL(x)"), run("x = 1", "print(len(x))", "FINAL(x)")).rows]
    ['same', 'only_b', 'same']
    """
    one, other = (_Side(steps=run.steps, traits=[traits_of(step, names_of(run)) for step in run.steps]) for run in (a, b))
    shared = _shared(a, b)
    found, exact = _pairs(one.traits[shared:], other.traits[shared:], cells)
    pairs = [*((place, place) for place in range(shared)), *((shared + i, shared + j) for i, j in found)]
    moved = _moved(one.traits, other.traits, pairs)
    rows = list(_rows(one, other, pairs, moved, a.absent | b.absent))
    return Alignment(rows=tuple(_with_ends(a, b, rows)), exact=exact)


def _with_ends(a: Trajectory, b: Trajectory, rows: list[Row]) -> list[Row]:
    """Where two runs end in the same code otherwise, or with other answers, that row is not the same."""
    last = rows[-1] if rows else None
    ends = last is not None and last.kind == "same" and last.a is a.steps[-1] and last.b is b.steps[-1]
    if last is not None and ends and ending_of(a, b) != ending_of(b, a):
        rows[-1] = replace(last, kind="output")
    return rows


def ending_of(run: Trajectory, other: Trajectory) -> tuple[str, str]:
    """How a run ended and what it answered, as far as both files hold it."""
    return run.status, "" if "answer" in run.absent | other.absent else run.answer_text.strip()


def names_of(run: Trajectory) -> frozenset[str]:
    """The names of a run's contexts."""
    return frozenset(str(context.get("name")) for context in run.contexts)


# pairs


def _shared(a: Trajectory, b: Trajectory) -> int:
    """How many steps both begin with: the same code in the same reply, or all of it the same but for the prose around it."""
    absent = a.absent | b.absent
    both = zip(a.steps, b.steps, strict=False)
    begun = takewhile(lambda two: code_of(two[0]) == code_of(two[1]) and _together(*two, absent), both)
    return sum(1 for _ in begun)


def _together(a: Step, b: Step, absent: frozenset[str]) -> bool:
    return _said(a) == _said(b) or _own_kind(a, b, absent) == "same"


def _pairs(a: Sequence[Traits], b: Sequence[Traits], cells: int) -> tuple[Places, bool]:
    """The places of steps that belong together, in order; and whether all pairs were weighed."""
    ties = _ties([one.code for one in a], [one.code for one in b])
    pairs: Places = []
    exact, before_a, before_b = True, 0, 0
    for at_a, at_b in [*ties, (len(a), len(b))]:
        found, whole = _best(a[before_a:at_a], b[before_b:at_b], cells)
        pairs += [(before_a + i, before_b + j) for i, j in found]
        exact, before_a, before_b = exact and whole, at_a + 1, at_b + 1
        if at_a < len(a):
            pairs.append((at_a, at_b))
    return pairs, exact


def _ties(a: Sequence[str], b: Sequence[str]) -> Places:
    """Places of equal codes that stand once on each side, as long a chain in order as there is."""
    times_a, times_b = Counter(a), Counter(b)
    place = {code: j for j, code in enumerate(b) if times_b[code] == 1}
    both = [(i, place[code]) for i, code in enumerate(a) if code in place and times_a[code] == 1]
    tails: list[int] = []  # of the best chain of each length, its last place in b
    ends: list[int] = []
    back: list[int] = []
    for number, (_, j) in enumerate(both):
        length = bisect_left(tails, j)
        back.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [j]
        ends[length : length + 1] = [number]
    chain: Places = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(both[at])
        at = back[at]
    return chain[::-1]


def _best(a: Sequence[Traits], b: Sequence[Traits], cells: int) -> tuple[Places, bool]:
    """The pairs of the best alignment of two gaps, by Needleman and Wunsch, in a band where it would be too large."""
    if not a or not b:
        return [], True
    band = max(cells // len(a), 2) if len(a) * len(b) > cells else len(b) * 2 + 2
    ways = [bytearray(len(b) + 1) for _ in range(len(a) + 1)]
    above = [0.0] * (len(b) + 1)
    for i, one in enumerate(a, 1):
        middle = i * len(b) // len(a)
        first, last = max(middle - band // 2, 1), min(middle + band // 2, len(b))
        above = _weigh(one, b, above, ways[i], (first, last))
    return _way_back(ways, len(a), len(b)), band > len(b)


def _weigh(one: Traits, b: Sequence[Traits], above: list[float], ways: bytearray, span: tuple[int, int]) -> list[float]:
    """One row of the table: the best worth up to each place, and the way that led there. The likeness is written out, for speed."""
    row = above[:]
    act, code, bits, size = one.act, one.code, one.bits, one.size
    first, last = span
    left = row[first - 1] = above[first - 1]
    ways[1:first] = bytes([_UP]) * (first - 1)
    for j in range(first, last + 1):
        other = b[j - 1]
        total = size + other.size
        worth = 1.5 * (bits & other.bits).bit_count() / total if total else 0.75
        if act == other.act:
            worth += 0.25
            if act == "answer" and worth < 0.5:
                worth = 0.5
        if code == other.code:
            worth += SAME_CODE
        up = above[j]
        diagonal = above[j - 1] + worth - FLOOR if worth > FLOOR else -1.0
        if diagonal >= up and diagonal >= left:
            left, ways[j] = diagonal, _DIAGONAL
        elif up >= left:
            left, ways[j] = up, _UP
        else:
            ways[j] = _LEFT
        row[j] = left
    row[last + 1 :] = [left] * (len(b) - last)
    ways[last + 1 :] = bytes([_LEFT]) * (len(b) - last)
    return row


def _way_back(ways: list[bytearray], i: int, j: int) -> Places:
    pairs: Places = []
    while i > 0 and j > 0:
        way = ways[i][j]
        if way == _DIAGONAL:
            pairs.append((i - 1, j - 1))
        i, j = i - (way != _LEFT), j - (way != _UP)
    return pairs[::-1]


def _moved(a: Sequence[Traits], b: Sequence[Traits], pairs: Places) -> dict[int, int]:
    """Left-over steps that are alike, the most alike first; each belongs to one other at most."""
    free_a = sorted(set(range(len(a))) - {i for i, _ in pairs})[:MOST_MOVED]
    free_b = sorted(set(range(len(b))) - {j for _, j in pairs})[:MOST_MOVED]
    found = [(alike, i, j) for i in free_a for j in free_b if (alike := likeness(a[i], b[j])) >= MOVED]
    moved: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
        if i not in moved and j not in taken:
            moved[i] = j
            taken.add(j)
    return moved


# rows


def _rows(a: _Side, b: _Side, pairs: Places, moved: dict[int, int], absent: frozenset[str]) -> Iterator[Row]:
    back = {j: i for i, j in moved.items()}
    before_a = before_b = 0
    for at_a, at_b in [*pairs, (len(a.steps), len(b.steps))]:
        for i in range(before_a, at_a):
            other = moved.get(i)
            yield Row(kind="only_a", a=a.steps[i]) if other is None else Row(kind="moved", a=a.steps[i], elsewhere=b.steps[other])
        for j in range(before_b, at_b):
            origin = back.get(j)
            yield Row(kind="only_b", b=b.steps[j]) if origin is None else Row(kind="moved", b=b.steps[j], elsewhere=a.steps[origin])
        if at_a < len(a.steps):
            kind = kind_of(a.steps[at_a], b.steps[at_b], absent)
            yield Row(kind=kind, a=a.steps[at_a], b=b.steps[at_b], alike=likeness(a.traits[at_a], b.traits[at_b]))
        before_a, before_b = at_a + 1, at_b + 1


def kind_of(a: Step, b: Step, absent: frozenset[str] = frozenset()) -> Kind:
    """What is different between two steps that belong together; facts that one of them has not recorded are not held against it."""
    kind = _own_kind(a, b, absent)
    if kind not in ("same", "output"):
        return kind
    return kind if all(one and other and same_inside(one, other) for one, other in child_pairs(a, b)) else "child"


def _own_kind(a: Step, b: Step, absent: frozenset[str]) -> Kind:
    """The same, without a look into child runs."""
    if code_of(a) != code_of(b):
        return "changed"
    if not a.blocks:
        return "same" if _said(a) == _said(b) else "changed"
    if "calls" not in absent:
        if _prompts(a) != _prompts(b):
            return "prompt"
        if _answers(a) != _answers(b):
            return "answer"
    return "same" if _outputs(a) == _outputs(b) else "output"


def same_inside(a: Trajectory, b: Trajectory) -> bool:
    """Whether two child runs, and theirs, ended alike and did the same, step by step, as far as both have recorded it."""
    pairs: list[tuple[Trajectory | None, Trajectory | None]] = [(a, b)]
    while pairs:  # no recursion: how deep a log nests its runs is up to its writer
        one, other = pairs.pop()
        if one is None or other is None or len(one.steps) != len(other.steps) or ending_of(one, other) != ending_of(other, one):
            return False
        absent = one.absent | other.absent
        for step, twin in zip(one.steps, other.steps, strict=True):
            if _own_kind(step, twin, absent) != "same":
                return False
            pairs += child_pairs(step, twin)
    return True


def _said(step: Step) -> tuple[str, str]:
    """The reply, or why none came."""
    return (step.reply or "").strip(), step.reply_error or ""


def _prompts(step: Step) -> list[str]:
    """In the order of the code: of a batch, of its index."""
    return [call.prompt for block in step.blocks for call in block.calls] + [
        child.question for block in step.blocks for child in block.children
    ]


def _answers(step: Step) -> list[object]:
    return [(call.status, call.answer) for block in step.blocks for call in block.calls]


def _outputs(step: Step) -> list[object]:
    return [_shown(block) for block in step.blocks]


def _shown(block: Block) -> object:
    error = block.error or {}
    return [(part.kind, part.text) for part in block.outputs], error.get("type"), error.get("message")
