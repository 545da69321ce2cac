"""Runs held against each other: one line of facts for each, groups of them, how often each answer came, and pairs step by step.

A fact that a run's file does not hold is None. pandas is only loaded for a dataframe. Pure; may be used from any thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from rlm_lab.analysis.acts import act_of
from rlm_lab.analysis.alignment import Row, align, same_inside
from rlm_lab.analysis.callpairs import child_pairs
from rlm_lab.analysis.divergence import Divergence, divergence_of
from rlm_lab.errors import LogError, UsageError
from rlm_lab.trajectory.notes import Notes, notes_of
from rlm_lab.trajectory.tree import Step, Trajectory

if TYPE_CHECKING:
    import pandas

By = Literal["model", "question", "tag", "status", "answer"]
NO_TAG = "no tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run in one line. `name` is its id, with a number behind it where another run has the same. `acts` is a word for each step,
    `failed` the places among them, from 0, of steps in which code failed. `cost` is in US dollars, `seconds` without pauses.
    `tags` and `scores` are those of its notes, `absent` the facts that the run's file does not hold.
    """

    name: str
    question: str
    model: str
    status: str
    answer: str
    steps: int
    calls: int | None
    tokens: int | None
    cost: float | None
    seconds: float | None
    started: str = ""
    tags: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    acts: tuple[str, ...] = ()
    failed: frozenset[int] = frozenset()
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two runs, aligned: `rows` in order, and where they part first. `exact` is False where they were too long for it."""

    a: Trajectory
    b: Trajectory
    rows: tuple[Row, ...]
    divergence: Divergence | None
    exact: bool = True

    def counts(self) -> dict[str, int]:
        """How many rows of each kind there are; a step that was moved has one in each run, and counts once."""
        counts = Counter(str(row.kind) for row in self.rows)
        if "moved" in counts:
            counts["moved"] //= 2
        return dict(counts)


Children = tuple[Trajectory | None, Trajectory | None]


def children_of(row: Row) -> tuple[Children, ...]:
    """The child runs that the two steps of a row have started, those that differ first; `pair_of` aligns two as any two runs."""
    one, other = row.a or row.elsewhere, row.b or row.elsewhere
    if one is None or other is None:
        return ()
    return tuple(sorted(child_pairs(one, other), key=same_children))


def same_children(children: Children) -> bool:
    """Whether two child runs were asked the same, did the same and ended alike."""
    a, b = children
    return a is not None and b is not None and a.question == b.question and same_inside(a, b)


def pair_of(a: Trajectory, b: Trajectory) -> Pair:
    """Aligns two runs and finds where they part."""
    aligned = align(a, b)
    return Pair(a=a, b=b, rows=aligned.rows, divergence=divergence_of(a, b, aligned.rows), exact=aligned.exact)


def facts_of(runs: Sequence[Trajectory], tags: Mapping[str, Sequence[str]] | None = None) -> tuple[RunFacts, ...]:
    """The facts of each run; tags and scores are those of the notes beside its log, `tags`, by the runs' ids, come besides.

    >>> [facts.name for facts in facts_of([Trajectory(run="a", status="done"), Trajectory(run="a", status="done")])]
    ['a', 'a (2)']
    """
    seen: Counter[str] = Counter()
    found = []
    for run in runs:
        seen[run.run] += 1
        name = run.run if seen[run.run] == 1 else f"{run.run} ({seen[run.run]})"
        found.append(_facts(run, name, _notes(run), tuple((tags or {}).get(run.run, ()))))
    return tuple(found)


def _notes(run: Trajectory) -> Notes:
    """What was said of a run; nothing where its notes cannot be read."""
    try:
        return notes_of(run.path) if run.path is not None else Notes()
    except LogError:
        return Notes()


def _facts(run: Trajectory, name: str, notes: Notes, tags: tuple[str, ...]) -> RunFacts:
    absent, usage = run.absent, run.usage
    return RunFacts(
        name=name,
        question=run.question,
        model=run.model,
        status=run.status,
        answer=run.answer_text.strip(),
        steps=len(run.steps),
        calls=None if "calls" in absent else usage.calls,
        tokens=None if "tokens" in absent else usage.tokens,
        cost=None if "cost" in absent else usage.cost,
        seconds=None if "times" in absent else usage.seconds or run.seconds,
        started=run.started,
        tags=tuple(dict.fromkeys([*notes.tags, *tags])),
        scores=notes.scores,
        acts=tuple(act_of(step).word for step in run.steps),
        failed=frozenset(place for place, step in enumerate(run.steps) if failed(step)),
        absent=absent,
    )


def failed(step: Step) -> bool:
    """Whether code of a step failed, or no reply came."""
    return step.reply_error is not None or any(block.error is not None for block in step.blocks)


def groups_of(facts: Sequence[RunFacts], by: By) -> dict[str, tuple[int, ...]]:
    """The places of runs that have something in common, the largest group first; with several tags a run stands in several groups.

    Raises `UsageError` for something that runs cannot be grouped by.
    """
    if by not in get_args(By):
        raise UsageError(f"Runs cannot be grouped by {by!r}; give one of {', '.join(get_args(By))}.")
    found: dict[str, list[int]] = {}
    for place, one in enumerate(facts):
        for key in (one.tags or (NO_TAG,)) if by == "tag" else (str(getattr(one, by)),):
            found.setdefault(" ".join(key.split()), []).append(place)
    return {key: tuple(places) for key, places in sorted(found.items(), key=lambda item: -len(item[1]))}


def answers_of(facts: Sequence[RunFacts]) -> list[tuple[str, tuple[int, ...]]]:
    """Each answer with the places of the runs that gave it, the commonest first; "" stands for none. Case and space do not count.

    >>> answers_of(facts_of([Trajectory(run=r, status="done", answer_text=a) for r, a in (("a", "EV"), ("b", "ev "), ("c", "OO"))]))
    [('EV', (0, 1)), ('OO', (2,))]
    """
    found: dict[str, list[int]] = {}
    for place, one in enumerate(facts):
        found.setdefault(" ".join(one.answer.split()).casefold(), []).append(place)
    ordered = sorted(found.values(), key=lambda places: (not facts[places[0]].answer, -len(places)))
    return [(facts[places[0]].answer, tuple(places)) for places in ordered]


def frame_of(facts: Sequence[RunFacts]) -> pandas.DataFrame:
    """A dataframe with a row for each run. Raises `UsageError` where pandas is not installed."""
    try:
        import pandas
    except ModuleNotFoundError:
        raise UsageError("A dataframe needs pandas, which is not installed: python -m pip install pandas.") from None
    rows = [_flat(one) for one in facts]
    columns = dict.fromkeys([*_flat(_EMPTY), *(name for row in rows for name in row)])
    return pandas.DataFrame(rows, columns=list(columns))


def _flat(one: RunFacts) -> dict[str, Any]:
    """The fields as columns, and a column for how many steps did each thing."""
    acts = Counter(one.acts)
    words = ("look", "search", "split", "delegate", "compute", "combine", "check", "answer", "think")
    fields = ("name", "question", "model", "status", "answer", "steps", "calls", "tokens", "cost", "seconds", "started")
    flat = {("run" if name == "name" else name): getattr(one, name) for name in fields}
    shared = {"tags": ", ".join(one.tags), "acts": " ".join(one.acts), "failed": len(one.failed)}
    scores = {f"score_{name}": value for name, value in one.scores.items()}
    return flat | shared | {f"{word}_steps": acts[word] for word in words} | scores


_EMPTY = RunFacts(
    name="", question="", model="", status="", answer="", steps=0, calls=None, tokens=None, cost=None, seconds=None
)  # fmt: skip
