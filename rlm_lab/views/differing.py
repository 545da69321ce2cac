"""The words and figures that all views of a comparison share: what a row is called, what two runs spent and how it differs.

May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.alignment import Row
from rlm_lab.analysis.comparing import Pair, RunFacts
from rlm_lab.analysis.divergence import differing_settings, ends_text, fingerprints_known, place_text, readers_text
from rlm_lab.analysis.traits import code_of
from rlm_lab.config import Settings
from rlm_lab.trajectory.reading import SUFFIX
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views import figures

NOT_RECORDED = "not recorded"
NO_ANSWER = "no answer"
_LONGEST_ANSWER = 600  # characters that stand in a line to be copied
KINDS = {
    "same": ("=", "same"),
    "prompt": ("≠", "same code, other prompts"),
    "answer": ("≠", "same code, other answer"),
    "output": ("≠", "same code, other output"),
    "child": ("≠", "same code, other child run"),
    "changed": ("≠", "changed"),
    "moved": ("⇄", "moved"),
    "only_a": ("›", "only in A"),
    "only_b": ("‹", "only in B"),
}
_FIGURES: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("steps", "Steps", lambda value: f"{value:,}"),
    ("calls", "Calls", lambda value: f"{value:,}"),
    ("tokens", "Tokens", figures.thousands),
    ("cost", "Cost, USD", figures.dollars),
    ("seconds", "Time", figures.seconds),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One figure of two runs, and how B's differs from A's; empty where it cannot be told."""

    name: str
    title: str
    a: str
    b: str
    difference: str


def sign_and_word(row: Row) -> tuple[str, str]:
    """What a row is called; a step that was moved may be another besides."""
    sign, word = KINDS[row.kind]
    one, other = row.a or row.b, row.elsewhere
    if row.kind == "output" and row.a is not None and act_of(row.a).word == "answer":
        return sign, "same code, other result"
    changed = row.kind == "moved" and one is not None and other is not None and code_of(one) != code_of(other)
    return sign, "moved, changed" if changed else word


def figure_text(facts: RunFacts, name: str) -> str:
    """A figure of a run as text; a cost that is not known has no price.

    >>> from rlm_lab.analysis.comparing import facts_of
    >>> [figure_text(one, "cost") for one in facts_of([Trajectory(run="a", status="done")])]
    ['no price']
    """
    value = getattr(facts, name)
    if value is None:
        return "no price" if name == "cost" and "cost" not in facts.absent else NOT_RECORDED
    return next(shown(value) for known, _, shown in _FIGURES if known == name)


def spent_of(a: RunFacts, b: RunFacts) -> tuple[Spent, ...]:
    """The figures of two runs."""
    return tuple(
        Spent(
            name=name,
            title=title,
            a=figure_text(a, name),
            b=figure_text(b, name),
            difference=difference(name, getattr(a, name), getattr(b, name)),
        )
        for name, title, _ in _FIGURES
    )


def answer_text(facts: RunFacts) -> str:
    """The answer of a run, or why there is none to show."""
    return facts.answer or (NOT_RECORDED if "answer" in facts.absent else NO_ANSWER)


def question_text(facts: RunFacts) -> str:
    """The question of a run."""
    return facts.question.strip() or ("Question not recorded" if "question" in facts.absent else "No question")


def model_text(facts: RunFacts) -> str:
    """The model of a run."""
    return facts.model or (NOT_RECORDED if "model" in facts.absent else "")


def difference(name: str, one: float | None, other: float | None) -> str:
    """
    >>> difference("steps", 6, 5), difference("tokens", 14_200, 9_800), difference("calls", 1, 1), difference("cost", None, 1)
    ('−1', '−31 %', 'same', '')
    """
    if one is None or other is None:
        return ""
    if one == other:
        return "same"
    sign = "+" if other > one else "−"
    if name in ("steps", "calls"):
        return f"{sign}{abs(int(other) - int(one)):,}"
    percent = abs(other - one) / one * 100 if one else 0
    return f"{sign}{percent:,.0f} %" if percent >= 0.5 else "about the same" if one else ""


def same_answer(a: RunFacts, b: RunFacts) -> bool:
    return " ".join(a.answer.split()).casefold() == " ".join(b.answer.split()).casefold()


def given_text(pair: Pair) -> str:
    """What was given to both runs, and what differs in it.

    >>> from rlm_lab.analysis.comparing import pair_of
    >>> run = Trajectory(run="a", status="done", question="Why?")
    >>> given_text(pair_of(run, run))
    'same question, same data as far as it is recorded'
    """
    given = differing_settings(pair.a, pair.b)
    unknown = "question" in pair.a.absent | pair.b.absent
    parts = ["question not recorded" if unknown else "other question" if "question" in given else "same question"]
    known = "fingerprints agree" if fingerprints_known(pair.a, pair.b) else ""
    data = "other data" if "context" in given else f"same data ({known})" if known else "same data as far as it is recorded"
    parts.append(data)
    parts += [f"other {name}" for name in given if name not in ("question", "context")]
    return "; ".join([", ".join(parts), *_played(pair)])


def _played(pair: Pair) -> list[str]:
    """Which of two runs were played from a recording, so that nobody takes their times for a model's."""
    played = [letter for letter, run in (("A", pair.a), ("B", pair.b)) if run.cassette]
    return [f"{' and '.join(played)} played from a recording, in the time that playing takes"] if played else []


def contexts_text(run: Trajectory) -> str:
    """The contexts of a run, in short."""
    told = []
    for context in run.contexts[:3]:
        size = context.get("size")
        count = f"{size:,} {context.get('unit') or ''}".strip() if isinstance(size, int) and size >= 0 else ""
        kind = str(context.get("type") or "")  # of a frame it tells the size besides
        parts = (f"{context.get('name')}:", kind, "" if count and count.split()[0] in kind else count)
        told.append(" ".join(part for part in parts if part))
    more = f" and {len(run.contexts) - 3} more" if len(run.contexts) > 3 else ""
    return clipped(", ".join(told), 160) + more


def parting_text(pair: Pair) -> tuple[str, str]:
    """The title of the first divergence and its sentence; what is the same is said where there is none."""
    found = pair.divergence
    if found is None:
        return "No divergence", _all_the_same(pair)
    before = " Everything before it is the same." if found.row else ""
    readers = readers_text(found)
    return f"First divergence, {place_text(found)}", f"{found.sentence}{before}{f' {readers}' if readers else ''}"


def what_if_line(pair: Pair) -> str:
    """The line of Python that runs B again with A's answer, where another answer led to the divergence and B can be played."""
    found = pair.divergence
    if found is None or found.calls is None or pair.b.imported or pair.b.parent is not None:
        return ""
    one, other = found.calls
    answer = one.answer or ""
    if len(answer) > _LONGEST_ANSWER:
        shown = f"rlm_lab.compare({_named(pair.a)}, {_named(pair.b)}).divergence.calls[0].answer"
    else:
        shown = repr(answer)
    return f"rlm_lab.what_if({_named(pair.b)}, {other.number}, {shown})"


def _named(run: Trajectory) -> str:
    """How a run is named in a line of Python: by its id, which finds a log in the usual folder only, or by its log's path."""
    if run.path is None:
        return repr(run.run)
    log = run.path.resolve()
    return repr(run.run if log == (Settings().runs / f"{run.run}{SUFFIX}").resolve() else str(log))


def _all_the_same(pair: Pair) -> str:
    """What can be said where no row differs: what was given to the runs, and how they ended, may differ all the same."""
    settings, ends = differing_settings(pair.a, pair.b), ends_text(pair.a, pair.b)
    same = "Both runs did the same, step by step, and showed the same" if pair.rows else "Neither run has a step"
    given = f" They were given another {', another '.join(settings)}." if settings else ""
    return f"{same}.{given}{f' They ended otherwise: {ends}.' if ends else ''}"


def counted_kinds(pair: Pair) -> str:
    """How many steps are the same, changed, moved, or stand on one side only."""
    counts = pair.counts()
    order: Sequence[str] = tuple(KINDS)
    return "; ".join(f"{counts[kind]:,} {KINDS[kind][1]}" for kind in order if kind in counts) or "no steps"
