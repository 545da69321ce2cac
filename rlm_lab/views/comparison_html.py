"""A comparison as static HTML, for a saved notebook: two runs side by side, and the table of all runs.

No scripts, no external loads, no ids. At most `MOST_ROWS` rows and `MOST_RUNS` runs, and each cut is said. Nothing is shown
that has not been escaped. May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.alignment import Row
from rlm_lab.analysis.callpairs import call_pairs
from rlm_lab.analysis.comparing import Pair, RunFacts, answers_of, children_of, pair_of, same_children
from rlm_lab.analysis.traits import code_of
from rlm_lab.analysis.wording import Marks, marks_of
from rlm_lab.trajectory.tree import Call, Step, Trajectory
from rlm_lab.views import differing, figures
from rlm_lab.views.clean import escaped
from rlm_lab.views.glyphs import glyph
from rlm_lab.views.html import frame
from rlm_lab.views.sides import (
    from_difference,
    shown_code,
    shown_end,
    shown_output,
    shown_summary,
    shown_taken,
    shown_variables,
    warnings_of,
)
from rlm_lab.views.words import status_word

MOST_ROWS = 60
MOST_INSIDE = 20  # of a child run
MOST_RUNS = 40
_LONGEST = 3_000  # characters of a code or an output
_SHORT = 280  # of a prompt or an answer
_FEW = 12  # rows
_CELLS = 9  # of a strip
_CALLS = 2  # that differ, of a step, and child runs
_DEEPEST = 3  # child runs of child runs
Warned = tuple[dict[int, list[str]], dict[int, list[str]]]


def comparison_html(pair: Pair | None, facts: Sequence[RunFacts], chosen: tuple[int, int] = (0, 1)) -> str:
    """Two of the runs side by side, and below them all, where there are more.

    >>> "<script" in comparison_html(None, ())
    False
    """
    parts = []
    if pair is not None:
        parts.append(_pair(pair, (facts[chosen[0]], facts[chosen[1]])))
    if pair is None or len(facts) > 2:
        parts.append(_table(facts, chosen if pair is not None else ()))
    return frame("", f'<style>{_style()}</style><div class="rlm-cmp">{"".join(parts)}</div>')


@cache
def _style() -> str:
    return (files("rlm_lab.views") / "compare.css").read_text(encoding="utf-8")


def _pair(pair: Pair, facts: tuple[RunFacts, RunFacts]) -> str:
    question = escaped(clipped(differing.question_text(facts[0]), 400))
    given = escaped(" · ".join(text for text in (differing.given_text(pair), differing.contexts_text(pair.a)) if text))
    head = f'<div class="rlm-head"><p><strong>{question}</strong></p><p class="rlm-more">{given}</p></div>'
    rows = "".join(_rows(pair, (warnings_of(pair.a), warnings_of(pair.b))))
    title, sentence = differing.parting_text(pair)
    told_above = pair.divergence is None or len(pair.rows) > _FEW  # of many rows it is told where it is seen at once, too
    none = f'<p class="rlm-note"><b>{escaped(title)}.</b> {escaped(sentence)}</p>' if told_above else ""
    note = f'<p class="rlm-note">Steps: {escaped(differing.counted_kinds(pair))}.</p>'
    return f'{head}{_spent(facts)}{none}<table class="rlm-sides"><tbody>{_heads(facts)}{rows}</tbody></table>{note}'


def _spent(facts: tuple[RunFacts, RunFacts]) -> str:
    """The figures of both, as a small table."""
    spent = differing.spent_of(*facts)
    titles = "".join(f'<th class="rlm-num">{escaped(one.title)}</th>' for one in spent)
    rows = [
        _spent_row(letter, differing.answer_text(one), [getattr(each, letter.lower()) for each in spent])
        for letter, one in zip("AB", facts, strict=True)
    ]
    other = "same" if differing.same_answer(*facts) else "other"
    rows.append(_spent_row("", "", [one.difference for one in spent], other))
    return f"<table><thead><tr><th>Answer</th>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _spent_row(letter: str, answer: str, cells: Sequence[str], note: str = "") -> str:
    mark = f'<span class="rlm-letter">{letter}</span>' if letter else ""
    text = escaped(clipped(answer, 120))
    first = f'<span class="rlm-away">B beside A: {note}</span>' if note else f"{mark}<b>{text}</b>"
    shown = "".join(f'<td class="rlm-num">{escaped(cell)}</td>' for cell in cells)
    return f"<tr><td>{first}</td>{shown}</tr>"


def _heads(facts: tuple[RunFacts, RunFacts]) -> str:
    told = [
        f'<span class="rlm-letter">{letter}</span><b>{escaped(clipped(one.name, 60))}</b> '
        f'<span class="rlm-away">{escaped(clipped(one.model, 60))}</span> {glyph(one.status)}{escaped(status_word(one.status))}'
        for letter, one in zip("AB", facts, strict=True)
    ]
    return f'<tr><td>{told[0]}</td><td class="rlm-mid">aligned by what steps do</td><td>{told[1]}</td></tr>'


# rows


def _rows(pair: Pair, warned: Warned, depth: int = 0) -> Iterator[str]:
    most = MOST_INSIDE if depth else MOST_ROWS
    left_out = max(len(pair.rows) - most, 0)
    half = most // 2
    for place, row in enumerate(pair.rows):
        if left_out and half <= place < len(pair.rows) - half:
            if place == half:
                yield f'<tr><td colspan="3" class="rlm-away">{figures.counted(left_out, "row")} left out here.</td></tr>'
            if pair.divergence is None or pair.divergence.row != place:
                continue
        yield _row(pair, row, warned)
        if row.kind != "moved" or row.a is None:
            yield from _children(row, depth)
        if pair.divergence is not None and pair.divergence.row == place:
            title, sentence = differing.parting_text(pair)
            where = "In this child run: " if depth else ""
            line = differing.what_if_line(pair)
            told = f'<div class="rlm-more">To run B with A’s answer: <code>{escaped(line)}</code></div>' if line else ""
            yield f'<tr class="rlm-part"><td colspan="3"><b>{where}{escaped(title)}</b> {escaped(sentence)}{told}</td></tr>'


def _row(pair: Pair, row: Row, warned: Warned) -> str:
    sign, word = differing.sign_and_word(row)
    one, other = row.a or row.elsewhere, row.b or row.elsewhere
    shown = one is not None and other is not None and (row.kind != "moved" or row.a is None)  # a moved step where B has it
    below = _below(one, other, row.kind) if one is not None and other is not None and shown else ("", "")
    left, right = (
        f"<td>{_side(pair, row, letter)}{_warnings(step, told)}{more}</td>"
        for letter, step, told, more in zip("AB", (row.a, row.b), warned, below, strict=True)
    )
    return f'<tr>{left}<td class="rlm-mid"><b>{sign}</b>{escaped(word)}</td>{right}</tr>'


def _side(pair: Pair, row: Row, letter: str) -> str:
    run, step = (pair.a, row.a) if letter == "A" else (pair.b, row.b)
    if step is None:
        where = f"step {row.elsewhere.number} of {letter}" if row.elsewhere is not None else f"not in {letter}"
        return f'<span class="rlm-away">{where}</span>'
    act = act_of(step).word
    taken = shown_taken(step)
    time = f" · {taken}" if taken else ""
    summary, final = shown_summary(run, step)
    told = f"<b>{escaped(summary)}</b>" if final else escaped(summary)
    return (
        f'<span class="rlm-away">{step.number}</span> <span class="rlm-act rlm-{act}">{glyph(act)}{act}</span> '
        f'{told}<span class="rlm-away">{time}</span>'
    )


def _children(row: Row, depth: int) -> Iterator[str]:
    """The child runs of both steps: how each ended, and folded, of those that differ, their own steps."""
    found = children_of(row)
    for children in found[:_CALLS]:
        a, b = children
        same = same_children(children)
        one, other = _marked(_ended(a), _ended(b), "rlm-asked rlm-child")
        word = "same child run" if same else "other child run"
        yield f'<tr><td>{one}</td><td class="rlm-mid"><b>{"=" if same else "≠"}</b>{word}</td><td>{other}</td></tr>'
        if a is not None and b is not None and not same and depth < _DEEPEST:
            inner = pair_of(a, b)
            rows = "".join(_rows(inner, ({}, {}), depth + 1))
            told = f"Steps of this child run: {escaped(differing.counted_kinds(inner))}"
            table = f'<table class="rlm-sides"><tbody>{rows}</tbody></table>'
            yield f'<tr><td colspan="3" class="rlm-inside"><details open><summary>{told}</summary>{table}</details></td></tr>'
    if len(found) > _CALLS:
        more = figures.counted(len(found) - _CALLS, "more child run")
        yield f'<tr><td colspan="3" class="rlm-away">{more} of this step</td></tr>'


def _ended(child: Trajectory | None) -> str:
    if child is None:
        return ""
    told = f"{status_word(child.status)}, {figures.counted(len(child.steps), 'step')}"
    answer = clipped(child.answer_text, _SHORT) or differing.NO_ANSWER
    return f"child run ({told}): {clipped(child.question, _SHORT)}\n→ {answer}"


def _warnings(step: Step | None, warned: dict[int, list[str]]) -> str:
    reasons = warned.get(step.number, []) if step is not None else []
    return "".join(f'<p class="rlm-flag">{glyph("warning")}{escaped(reason)}</p>' for reason in reasons)


def _below(a: Step, b: Step, kind: str) -> tuple[str, str]:
    """What differs inside two steps, marked alike on both sides."""
    parts: list[tuple[str, str]] = []
    changed = kind not in ("same", "child") and not (kind == "moved" and code_of(a) == code_of(b))
    if changed:
        parts.append(_marked(shown_code(a, _LONGEST), shown_code(b, _LONGEST)))
    if changed and kind != "output":
        parts += _calls(a, b)
    if changed:
        parts.append(_marked(shown_output(a, _LONGEST), shown_output(b, _LONGEST), "rlm-shown"))
        parts.append(_marked(shown_variables(a, _LONGEST), shown_variables(b, _LONGEST), "rlm-shown rlm-vars"))
    return "".join(one for one, _ in parts), "".join(other for _, other in parts)


def _calls(a: Step, b: Step) -> Iterator[tuple[str, str]]:
    differ = [pair for pair in call_pairs(a, b) if pair.kind != "same"]
    for pair in differ[:_CALLS]:
        one, other = from_difference(pair.a.prompt if pair.a else "", pair.b.prompt if pair.b else "")
        yield _marked(_said(pair.a, one), _said(pair.b, other), "rlm-asked")
    if len(differ) > _CALLS:
        note = f'<p class="rlm-away">{figures.counted(len(differ) - _CALLS, "more call")} with differences</p>'
        yield note, note


def _said(call: Call | None, prompt: str) -> str:
    if call is None:
        return ""
    return f"call {call.number}: {clipped(prompt, _SHORT)}\n→ {clipped(shown_end(call, _LONGEST), _SHORT)}"


def _marked(a: str, b: str, kind: str = "") -> tuple[str, str]:
    """Two texts as boxes, their differences underlined; an empty one has no box."""
    one, other = marks_of(a, b)
    return _box(a, one, kind), _box(b, other, kind)


def _box(text: str, marks: Marks, kind: str) -> str:
    if not text.strip():
        return ""
    pieces, at = [], 0
    for start, end in marks:
        pieces += [escaped(text[at:start]), f"<u>{escaped(text[start:end])}</u>"]
        at = end
    return f'<pre class="{kind}">{"".join([*pieces, escaped(text[at:])])}</pre>'


# all runs


def _table(facts: Sequence[RunFacts], chosen: Sequence[int]) -> str:
    names = ("", "run", "model", "answer", "status")
    numbers = ("steps", "calls", "tokens", "USD", "time")
    head = "".join(f"<th>{name}</th>" for name in names) + "".join(f'<th class="rlm-num">{name}</th>' for name in numbers)
    rows = "".join(
        _run(one, "AB"[list(chosen).index(place)] if place in chosen else "") for place, one in enumerate(facts[:MOST_RUNS])
    )
    said = "; ".join(f"<b>{len(places)}</b> × {escaped(clipped(answer, 60)) or 'none'}" for answer, places in answers_of(facts)[:8])
    more = f" {figures.counted(len(facts) - MOST_RUNS, 'more run')} not shown." if len(facts) > MOST_RUNS else ""
    title = f"All {len(facts):,} runs" if facts else "No runs"
    head = f'<table class="rlm-runs"><thead><tr>{head}<th>what its steps did</th></tr></thead>'
    body = f"{head}<tbody>{rows}</tbody></table>" if facts else ""
    return f'<h4>{title}</h4>{body}<p class="rlm-note">Answers: {said or "none"}.{more}</p>'


def _run(one: RunFacts, letter: str) -> str:
    mark = f'<span class="rlm-letter">{letter}</span>' if letter else ""
    texts = [
        escaped(clipped(text, 60))
        for text in (one.name, differing.model_text(one), differing.answer_text(one), status_word(one.status))
    ]
    names = ("steps", "calls", "tokens", "cost", "seconds")
    shown = [differing.figure_text(one, name) for name in names]
    strip = "".join(glyph("failed" if place in one.failed else word) for place, word in enumerate(one.acts[:_CELLS]))
    more = f" {len(one.acts) - _CELLS} more" if len(one.acts) > _CELLS else ""
    cells = "".join(f"<td>{text}</td>" for text in [mark, *texts]) + "".join(f'<td class="rlm-num">{text}</td>' for text in shown)
    told = escaped(", ".join(one.acts[:_CELLS]))
    state = "rlm-chosen" if letter else ""
    return f'<tr class="{state}">{cells}<td><span class="rlm-strip" title="{told}">{strip}</span>{more}</td></tr>'
