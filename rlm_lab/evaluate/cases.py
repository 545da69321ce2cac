"""What a sweep asks: questions with their data and, where it is known, the answer; and how an answer is scored.

Plain values and pure functions, but for the user's own functions that score. Nothing here runs a model.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from rlm_lab.errors import UsageError

Score = Callable[..., Any]
NOT_GIVEN: Any = object()
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question of a sweep.

    Parameters
    ----------
    question: what is asked.
    context: its data, as for `rlm_lab.ask`; where it is left out, the sweep's own.
    expected: the right answer, where it is known; a list of texts that would all be right, or a function of the answer.
    name: what tables call it; where it is left out, the question.
    length: of its data, for figures against length; in whatever unit its maker counts.

    >>> Case(question="How many?", context={"n": 2}, expected=2).label
    'How many?'
    """

    question: str
    context: Any = NOT_GIVEN
    expected: Any = NOT_GIVEN
    name: str = ""
    length: int | None = None

    @property
    def label(self) -> str:
        return self.name or _line(self.question)


def cases_of(question: object, context: Any, expected: Any) -> tuple[Case, ...]:
    """The cases that a user means by a text, a `Case`, or a list of them; what they lack comes from the sweep."""
    given = [question] if isinstance(question, str | Case) else list(question) if isinstance(question, Sequence) else []
    if not given or not all(isinstance(one, str | Case) for one in given):
        raise UsageError(f"A sweep's question is a text, a Case, or a list of them; {question!r:.60} is given.")
    cases = [one if isinstance(one, Case) else Case(question=one) for one in given]
    if isinstance(expected, Mapping):
        _check_keys(expected, cases)
    return tuple(_whole(case, context, expected) for case in cases)


def _check_keys(expected: Mapping[Any, Any], cases: Sequence[Case]) -> None:
    """Refuses a key that names no case: its answers would be left without a score, and nobody would be told."""
    names = {name for case in cases for name in _names(case)}
    unknown = next((key for key in expected if _line(key) not in names), None)
    if unknown is not None:
        raise UsageError(f"An answer is expected of {unknown!r:.80}, which is no question or name of the sweep; name one as asked.")


def _names(case: Case) -> tuple[str, str]:
    """What a mapping of expected answers may call it."""
    return _line(case.label), _line(case.question)


def _expected_of(case: Case, expected: Any) -> Any:
    if not isinstance(expected, Mapping):
        return expected
    told = {_line(key): value for key, value in expected.items()}
    return next((told[name] for name in _names(case) if name in told), NOT_GIVEN)


def _line(text: Any) -> str:
    return " ".join(str(text).split())


def _whole(case: Case, context: Any, expected: Any) -> Case:
    if not case.question.strip():
        raise UsageError("A question of the sweep is empty; write what you want to know.")
    return Case(
        question=case.question.strip(),
        context=context if case.context is NOT_GIVEN else case.context,
        expected=_expected_of(case, expected) if case.expected is NOT_GIVEN else case.expected,
        name=case.name,
        length=case.length,
    )


def score_of(answer: Any, text: str, expected: Any, score: Score | None) -> float | None:
    """How right an answer is, from 0 to 1; None where nothing says what is right.

    `answer` is its value where JSON can hold it, else None; `text` is what is shown of it. A function that fails gives None;
    so does one that gives what is not from 0 to 1, with a warning.

    >>> score_of(" EV\\n", "EV", "ev", None), score_of("about 12", "about 12", 12, None), score_of(None, "", 3, None)
    (1.0, 1.0, 0.0)
    """
    given = text if answer is None else answer
    if score is not None:
        return _asked(score, given) if expected is NOT_GIVEN else _asked(score, given, expected)
    if expected is NOT_GIVEN:
        return None
    if callable(expected):
        return _asked(expected, given)
    wanted = expected if isinstance(expected, list | tuple | set) and not isinstance(given, list) else [expected]
    return float(any(same(given, one) for one in wanted))


def _asked(function: Score, *values: Any) -> float | None:
    try:
        told = function(*values)
        score = None if told is None else float(told)
    except Exception:  # noqa: BLE001 - the user's own function; an answer that it cannot read is told by the lack of a score
        return None
    if score is None or 0 <= score <= 1:
        return score
    warnings.warn(
        f"A function that scores gave {score:g}, which is not from 0 to 1; the answer is left without a score.", stacklevel=2
    )
    return None


def same(given: Any, expected: Any) -> bool:
    """Whether an answer is the expected one: numbers by value, texts without case, spaces and closing points.

    A text that names exactly one number is taken as that number where a number is expected.

    >>> same("The carrier is 1,200.", 1200), same("EV.", "ev"), same([1, 2.0], [1, 2]), same("11 or 12", 12)
    (True, True, True, False)
    """
    if isinstance(expected, bool) or isinstance(given, bool):
        return str(given).strip().lower() == str(expected).strip().lower()
    if isinstance(expected, Real):  # numpy's numbers too
        return _near(given, expected)
    if isinstance(expected, list | tuple) and isinstance(given, list | tuple):
        return len(given) == len(expected) and all(map(same, given, expected))
    return _plain(given) == _plain(expected)


def _near(given: Any, expected: Any) -> bool:
    try:
        value = _number(given)
        return value is not None and math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-9)
    except OverflowError:  # a whole number that no float holds
        return bool(given == expected)


def _number(value: Any) -> float | None:
    if isinstance(value, Real):
        return float(value)
    found = _NUMBER.findall(str(value))
    return float(found[0].replace(",", "").rstrip("%")) if len(found) == 1 else None


def _plain(value: Any) -> str:
    return " ".join(str(value).split()).strip(" .\"'`*").casefold()
