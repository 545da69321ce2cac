"""Which words of two texts differ: places in each, marked alike on both sides.

Lines are held against each other first, then the words of lines that differ, both by `difflib` (Ratcliff and Obershelp: the longest
blocks that match). Pure; work is bounded: of very long texts whole lines are marked. May be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate

Span = tuple[int, int]
Marks = tuple[Span, ...]
MOST_LINES = 2_000  # of a text that are held against the other's; what comes after them counts as one line
MOST_WORDS = 600  # of a piece of lines that differs, beyond which its lines are marked whole
LEAST_ALIKE = 0.25  # of the words of two pieces, below which they are marked whole: marks on every other word tell nothing
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@lru_cache(maxsize=4_096)
def marks_of(a: str, b: str) -> tuple[Marks, Marks]:
    """The places of what differs, as (start, end) in characters of each text.

    >>> marks_of("a count of flights", "a share of flights")
    (((2, 7),), ((2, 7),))
    """
    if a == b:
        return (), ()
    lines_a, lines_b = _lines(a), _lines(b)
    starts_a, starts_b = _starts(lines_a), _starts(lines_b)
    marks_a: list[Span] = []
    marks_b: list[Span] = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, lines_a, lines_b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        at_a, at_b = starts_a[i], starts_b[j]
        one, other = _of_words(a[at_a : starts_a[i_end]], b[at_b : starts_b[j_end]])
        marks_a += [(at_a + start, at_a + end) for start, end in one]
        marks_b += [(at_b + start, at_b + end) for start, end in other]
    return _joined(a, marks_a), _joined(b, marks_b)


def _lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "".join(lines[MOST_LINES:])]


def _starts(parts: Iterable[str]) -> list[int]:
    return list(accumulate(map(len, parts), initial=0))


def _of_words(a: str, b: str) -> tuple[list[Span], list[Span]]:
    words_a, words_b = _WORDS.findall(a), _WORDS.findall(b)
    whole = [(0, len(a))] if a else [], [(0, len(b))] if b else []
    if not a or not b or max(len(words_a), len(words_b)) > MOST_WORDS:
        return whole
    matcher = SequenceMatcher(None, words_a, words_b, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        return whole
    starts_a, starts_b = _starts(words_a), _starts(words_b)
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    one = [(starts_a[i], starts_a[i_end]) for _, i, i_end, _, _ in changes]
    return one, [(starts_b[j], starts_b[j_end]) for _, _, _, j, j_end in changes]


def _joined(text: str, marks: Sequence[Span]) -> Marks:
    """Marks without the space at their ends, those with nothing but space between them as one; no empty ones."""
    joined: list[Span] = []
    for start, end in marks:
        if (
            joined
            and start - joined[-1][1] <= 200
            and not text[joined[-1][1] : start].strip()
            and "\n" not in text[joined[-1][1] : start]
        ):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    trimmed = [(start + _indent(text[start:end]), start + len(text[start:end].rstrip())) for start, end in joined]
    return tuple((start, end) for start, end in trimmed if start < end)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
