"""A comparison as plain text: what was given, the figures, where the runs part, the steps side by side, the table of runs.

Terminal sequences in a run's texts are taken out. Nothing is printed. May be used from any thread.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.alignment import Row
from rlm_lab.analysis.comparing import Pair, RunFacts, answers_of
from rlm_lab.analysis.traits import code_of
from rlm_lab.analysis.wording import marks_of
from rlm_lab.trajectory.tree import Step
from rlm_lab.views import differing, figures
from rlm_lab.views.clean import plain
from rlm_lab.views.sides import shown_summary
from rlm_lab.views.words import status_word

MOST_ROWS = 80
MOST_RUNS = 40
_MIDDLE = 27  # characters of the column between the sides
_LINES = 8  # of code or output that differ


def pair_text(pair: Pair, facts: tuple[RunFacts, RunFacts], width: int = 100) -> str:
    """Two runs, side by side."""
    width = max(width, 72)
    given = " · ".join(part for part in (differing.given_text(pair), plain(differing.contexts_text(pair.a))) if part)
    title, sentence = differing.parting_text(pair)
    lines = [clipped(plain(differing.question_text(facts[0])), width), clipped(given, width), ""]
    lines += [_head(name, one, width) for name, one in zip("AB", facts, strict=True)]
    spent = [f"{one.title} {one.a} and {one.b}{_told(one.difference)}" for one in differing.spent_of(*facts)]
    lines += ["", *textwrap.wrap(" · ".join(spent), width), "", *textwrap.wrap(f"{title}: {plain(sentence)}", width), ""]
    shown = list(_rows(pair, width))
    return "\n".join(line.rstrip() for line in [*lines, *shown, "", f"Steps: {differing.counted_kinds(pair)}."])


def table_text(facts: Sequence[RunFacts], chosen: Sequence[int] = (), width: int = 100) -> str:
    """The runs, a line each, and how often each answer came."""
    widths = {"run": 18, "model": 18, "answer": max(width - 92, 18), "status": 13}
    head = f"  {'run':<18} {'model':<18} {'answer':<{widths['answer']}} {'status':<13} steps  calls tokens     USD   time"
    lines = [head]
    for place, one in enumerate(facts[:MOST_RUNS]):
        mark = "AB"[list(chosen).index(place)] if place in chosen[:2] else " "
        texts = {
            "run": one.name,
            "model": one.model,
            "answer": one.answer or differing.NO_ANSWER,
            "status": status_word(one.status),
        }
        cells = [f"{clipped(plain(text), widths[name]):<{widths[name]}}" for name, text in texts.items()]
        lines.append(f"{mark} {' '.join(cells)} {_figures(one)}")
    if len(facts) > MOST_RUNS:
        lines.append(f"  {len(facts) - MOST_RUNS:,} more runs are not shown.")
    said = [f"{clipped(plain(answer), 40) or 'none'} {len(places)}" for answer, places in answers_of(facts)[:8]]
    return "\n".join([*(line.rstrip() for line in lines), "", *textwrap.wrap(f"Answers: {', '.join(said)}", width)])


def _head(letter: str, facts: RunFacts, width: int) -> str:
    parts = (_texts(facts)[name] for name in ("run", "model", "status", "answer"))
    return clipped(f"{letter} {' · '.join(plain(part) for part in parts if part)}", width)


def _texts(one: RunFacts) -> dict[str, str]:
    model, answer = differing.model_text(one), differing.answer_text(one)
    return {"run": one.name, "model": model, "answer": answer, "status": status_word(one.status)}


def _told(difference: str) -> str:
    return f" ({difference})" if difference else ""


def _figures(one: RunFacts) -> str:
    cells = (one.steps, one.calls, one.tokens, one.cost, one.seconds)
    shown = (
        f"{one.steps:,}",
        f"{one.calls:,}" if one.calls is not None else "",
        figures.thousands(one.tokens) if one.tokens is not None else "",
        figures.dollars(one.cost) if one.cost is not None else "",
        figures.clock(one.seconds) if one.seconds is not None else "",
    )
    return " ".join(
        f"{text if cell is not None else '–':>{size}}" for text, cell, size in zip(shown, cells, (5, 6, 6, 7, 6), strict=True)
    )


# rows


def _rows(pair: Pair, width: int) -> Iterator[str]:
    side = (width - _MIDDLE - 2) // 2
    rows = list(enumerate(pair.rows))
    left_out = max(len(rows) - MOST_ROWS, 0)
    for place, row in rows[: MOST_ROWS // 2] if left_out else rows:
        yield from _row(pair, place, row, side)
    if left_out:
        yield f"… {left_out:,} rows left out here …"
        for place, row in rows[-MOST_ROWS // 2 :]:
            yield from _row(pair, place, row, side)


def _row(pair: Pair, place: int, row: Row, side: int) -> Iterator[str]:
    sign, word = differing.sign_and_word(row)
    here = "▸" if pair.divergence is not None and pair.divergence.row == place else " "
    left, right = _side(pair, row, "A", side), _side(pair, row, "B", side)
    yield f"{here}{left:<{side}} {f'{sign} {word}':<{_MIDDLE - 1}}{right}"
    if row.a is not None and row.b is not None and row.kind == "changed":
        yield from _code(row.a, row.b, side * 2 + _MIDDLE)


def _side(pair: Pair, row: Row, letter: str, side: int) -> str:
    run, step = (pair.a, row.a) if letter == "A" else (pair.b, row.b)
    if step is not None:
        return clipped(plain(f"{step.number} {act_of(step).word}  {shown_summary(run, step)[0]}"), side)
    return f"step {row.elsewhere.number} of {letter}" if row.elsewhere is not None else "–"


def _code(a: Step, b: Step, width: int) -> Iterator[str]:
    """The lines in which two codes differ."""
    codes = code_of(a), code_of(b)
    for letter, code, marks in zip("AB", codes, marks_of(*codes), strict=True):
        numbers = sorted({code.count("\n", 0, start) + k for start, end in marks for k in range(code.count("\n", start, end) + 1)})
        lines = code.split("\n")
        for number in numbers[:_LINES]:
            yield f"    {letter} {number + 1:>3} │ {plain(lines[number])[: width - 12]}"
        if len(numbers) > _LINES:
            yield f"    {letter}       {len(numbers) - _LINES:,} more lines differ"
