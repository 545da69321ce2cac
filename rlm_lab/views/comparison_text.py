"""A comparison as plain text: what was given, the figures, where the runs part, the steps side by side, the table of runs.

Terminal sequences in a run's texts are taken out. Nothing is printed. May be used from any thread.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.alignment import Row
from rlm_lab.analysis.callpairs import call_pairs
from rlm_lab.analysis.comparing import Pair, RunFacts, answers_of, children_of, pair_of, same_children
from rlm_lab.analysis.traits import code_of
from rlm_lab.analysis.wording import marks_of
from rlm_lab.trajectory.tree import Step, Trajectory
from rlm_lab.views import differing, figures
from rlm_lab.views.clean import plain
from rlm_lab.views.sides import (
    fit,
    from_difference,
    shown_code,
    shown_end,
    shown_output,
    shown_summary,
    shown_taken,
    shown_variables,
)
from rlm_lab.views.words import status_word

MOST_ROWS = 80
MOST_RUNS = 40
MOST_INSIDE = 20  # rows of a child run
_MIDDLE = 27  # characters of the column between the sides
_LINES = 8  # of a text that differ
_LONGEST = 6_000  # characters of a text
_CALLS = 2  # that differ, and child runs, of a step
_DEEPEST = 3  # child runs of child runs


def pair_text(pair: Pair, facts: tuple[RunFacts, RunFacts], width: int = 100) -> str:
    """Two runs, side by side."""
    width = max(width, 72)
    given = " · ".join(part for part in (differing.given_text(pair), plain(differing.contexts_text(pair.a))) if part)
    title, sentence = differing.parting_text(pair)
    lines = [clipped(plain(differing.question_text(facts[0])), width), *textwrap.wrap(given, width), ""]
    lines += [_head(name, one, width) for name, one in zip("AB", facts, strict=True)]
    spent = [f"{one.title} {one.a} and {one.b}{_told(one.difference)}" for one in differing.spent_of(*facts)]
    lines += ["", *textwrap.wrap(" · ".join(spent), width), "", *textwrap.wrap(f"{title}: {plain(sentence)}", width)]
    line = plain(differing.what_if_line(pair))
    lines += ["To run B with A's answer (a line to be copied whole):", f"    {line}", ""] if line else [""]
    shown = list(_rows(pair, width))
    return "\n".join(line.rstrip() for line in [*lines, *shown, "", f"Steps: {differing.counted_kinds(pair)}."])


def table_text(facts: Sequence[RunFacts], chosen: Sequence[int] = (), width: int = 100) -> str:
    """The runs, a line each, and how often each answer came."""
    widths = {"run": 22, "model": 14, "answer": max(width - 92, 18), "status": 13}
    head = f"  {'run':<22} {'model':<14} {'answer':<{widths['answer']}} {'status':<13} steps  calls tokens     USD   time"
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
        lines.append(f"  {figures.counted(len(facts) - MOST_RUNS, 'more run')} not shown.")
    said = [f"{len(places)} × {clipped(plain(answer), 40) or 'none'}" for answer, places in answers_of(facts)[:8]]
    return "\n".join([*(line.rstrip() for line in lines), "", *textwrap.wrap(f"Answers: {'; '.join(said)}", width)])


def _head(letter: str, facts: RunFacts, width: int) -> str:
    parts = (_texts(facts)[name] for name in ("run", "model", "status", "answer"))
    return clipped(f"{letter} {' · '.join(plain(part) for part in parts if part)}", width)


def _texts(one: RunFacts) -> dict[str, str]:
    model, answer = differing.model_text(one), differing.answer_text(one)
    return {"run": one.name, "model": model, "answer": answer, "status": status_word(one.status)}


def _told(difference: str) -> str:
    return f" ({difference})".replace(" %", "\N{NO-BREAK SPACE}%") if difference else ""


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


def _rows(pair: Pair, width: int, depth: int = 0) -> Iterator[str]:
    side = (width - _MIDDLE - 2) // 2
    most = MOST_ROWS if depth == 0 else MOST_INSIDE
    left_out = max(len(pair.rows) - most, 0)
    for place, row in enumerate(pair.rows):
        if left_out and most // 2 <= place < len(pair.rows) - most // 2:
            if place == most // 2:
                yield f"… {figures.counted(left_out, 'row')} left out here …"
            if pair.divergence is None or pair.divergence.row != place:
                continue
        yield from _row(pair, place, row, side)
        yield from _inside(row, width)
        if row.kind != "moved" or row.a is None:
            yield from _children(row, width, depth)


def _row(pair: Pair, place: int, row: Row, side: int) -> Iterator[str]:
    sign, word = differing.sign_and_word(row)
    here = "▸" if pair.divergence is not None and pair.divergence.row == place else " "
    left, right = _side(pair, row, "A", side), _side(pair, row, "B", side)
    yield f"{here}{left:<{side}} {f'{sign} {word}':<{_MIDDLE - 1}}{right}"


def _side(pair: Pair, row: Row, letter: str, side: int) -> str:
    run, step = (pair.a, row.a) if letter == "A" else (pair.b, row.b)
    if step is not None:
        return clipped(plain(f"{step.number} {act_of(step).word}  {shown_summary(run, step)[0]}"), side)
    return f"step {row.elsewhere.number} of {letter}" if row.elsewhere is not None else "–"


def _inside(row: Row, width: int) -> Iterator[str]:
    """What differs inside a row: the lines of code, calls, output and variables, and what each side took."""
    a, b = row.a or row.elsewhere, row.b or row.elsewhere
    if a is None or b is None or row.kind in ("same", "child"):
        return
    if row.kind == "moved" and (row.a is not None or code_of(a) == code_of(b)):  # told once, where B has it
        return
    parts = [
        ("code", shown_code(a, _LONGEST), shown_code(b, _LONGEST)),
        *_calls(a, b),
        ("output", shown_output(a, _LONGEST), shown_output(b, _LONGEST)),
        ("variables", shown_variables(a, _LONGEST), shown_variables(b, _LONGEST)),
    ]
    for name, *texts in parts:
        yield from _lines(name, (texts[0], texts[1]), width)
    taken = [shown_taken(step) for step in (a, b)]
    if any(taken):
        yield f"    A took {taken[0] or differing.NOT_RECORDED}; B {taken[1] or differing.NOT_RECORDED}"


def _calls(a: Step, b: Step) -> Iterator[tuple[str, str, str]]:
    """The calls that differ, a few of them."""
    differ = [pair for pair in call_pairs(a, b) if pair.kind != "same"]
    for pair in differ[:_CALLS]:
        number = next(call.number for call in (pair.a, pair.b) if call is not None)
        prompts = from_difference(pair.a.prompt if pair.a else "", pair.b.prompt if pair.b else "")
        yield (f"call {number} asked", fit(prompts[0], _LONGEST), fit(prompts[1], _LONGEST))
        ends = [shown_end(call, _LONGEST) if call else "" for call in (pair.a, pair.b)]
        yield (f"call {number} answer", ends[0], ends[1])
    if len(differ) > _CALLS:
        yield ("calls", f"{figures.counted(len(differ) - _CALLS, 'more call')} with differences", "")


def _lines(name: str, texts: tuple[str, str], width: int) -> Iterator[str]:
    """The lines in which two texts differ, what differs between signs."""
    if texts[0] == texts[1]:
        return
    yield f"    {name}"
    for letter, text, marks in zip("AB", texts, marks_of(*texts), strict=True):
        numbers = sorted({text.count("\n", 0, start) + k for start, end in marks for k in range(text.count("\n", start, end) + 1)})
        lines = text.split("\n")
        if not numbers and text and name.startswith("call"):
            numbers = [0]  # what was asked is told also where the other side only asked more
        for number in numbers[:_LINES]:
            yield f"    {letter} {number + 1:>3} │ {plain(lines[number])[: width - 12]}"
        if len(numbers) > _LINES:
            yield f"    {letter}       {figures.counted(len(numbers) - _LINES, 'more line')} with differences"


def _children(row: Row, width: int, depth: int) -> Iterator[str]:
    """The child runs of both steps: how each ended, and of those that differ their own steps."""
    found = children_of(row)
    for children in found[:_CALLS]:
        a, b = children
        asked = next(child.question for child in children if child is not None)
        yield f"    child run {'=' if same_children(children) else '≠'} {clipped(plain(asked), width - 20)}"
        for letter, child in zip("AB", children, strict=True):
            yield f"    {letter}     │ {_ended(child, width - 12)}"
        if a is not None and b is not None and not same_children(children) and depth < _DEEPEST:
            yield from (f"  ┆ {line}" for line in _rows(pair_of(a, b), max(width - 4, 60), depth + 1))
    if len(found) > _CALLS:
        yield f"    {figures.counted(len(found) - _CALLS, 'more child run')}"


def _ended(child: Trajectory | None, width: int) -> str:
    if child is None:
        return "–"
    told = f"{status_word(child.status)}, {figures.counted(len(child.steps), 'step')}: {child.answer_text or differing.NO_ANSWER}"
    return clipped(plain(told), width)
