"""A comparison as JSON, for the page that draws it: a line for each run, the steps of those that are shown, pairs of them.

    {kind: "comparison", chosen: [i, j], runs: [...], answers: [[text, [places]]], steps: {place: [...]}, pairs: {"i-j": {...}}}

A pair refers to steps by their places in their runs; what differs inside two steps stands as [start, end] in UTF-16 units, as
JavaScript counts. All texts are made fit to be shown and cut. May be used from any thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from rlm_lab.analysis.acts import act_of, clipped
from rlm_lab.analysis.alignment import Row
from rlm_lab.analysis.callpairs import CallPair, call_pairs
from rlm_lab.analysis.comparing import Children, Pair, RunFacts, children_of, failed, pair_of, same_children
from rlm_lab.analysis.divergence import divergence_of
from rlm_lab.analysis.wording import Marks, marks_of
from rlm_lab.trajectory.tree import Call, Step, Trajectory
from rlm_lab.views import differing
from rlm_lab.views.clean import plain, storable
from rlm_lab.views.comparison import Comparison
from rlm_lab.views.sides import (
    fit,
    from_difference,
    shown_code,
    shown_end,
    shown_output,
    shown_spent,
    shown_summary,
    shown_variables,
    warnings_of,
)

VERSION = 1
LONGEST = {"code": 6_000, "output": 3_000, "prompt": 420, "call": 1_200, "question": 2_000, "answer": 4_000}  # characters
MOST_CALLS = 6  # of two steps, that differ
MOST_ALONE = 3  # of those, calls that one run made only
MOST_ACTS = 200  # of a strip
MOST_PAIRS = 120
MOST_ROWS = 12_000  # of all pairs in one message
MOST_INSIDE = 3_000  # rows of child runs in one message
DEEPEST = 5  # child runs of child runs
JSON = dict[str, Any]
_TURNED = {"only_a": "only_b", "only_b": "only_a"}


def comparison_json(comparison: Comparison, *, chosen: tuple[int, int] = (0, 1), all_pairs: bool = True) -> JSON:
    """The whole message: as many pairs as there is room for, the chosen one first; without `all_pairs` that one only.

    >>> run = Trajectory(run="a", status="done")
    >>> sorted(comparison_json(Comparison(runs=(run, run)))["pairs"])
    ['0-1']
    """
    count = len(comparison.runs)
    wanted = [chosen, *(combinations(range(count), 2) if all_pairs else ())] if count > 1 else []
    pairs: dict[str, JSON] = {}
    rows, room = 0, Room(rows=MOST_INSIDE)
    for i, j in wanted:
        one, other = sorted((i % count, j % count))
        if f"{one}-{other}" in pairs or (pairs and (rows > MOST_ROWS or len(pairs) >= MOST_PAIRS)):
            continue
        pairs[f"{one}-{other}"] = found = pair_json(comparison, one, other, room)
        rows += len(found["rows"])
    places = sorted({int(place) for key in pairs for place in key.split("-")})
    message = {
        "kind": "comparison",
        "version": VERSION,
        "chosen": [place % count for place in chosen] if count > 1 else list(range(count)),
        "runs": [_run(one) for one in comparison.facts],
        "answers": [[clipped(plain(text), 200), list(where)] for text, where in comparison.answers()],
        "steps": {str(place): steps_json(comparison.runs[place]) for place in places},
        "pairs": pairs,
    }
    found_message: JSON = storable(message)
    return found_message


@dataclasses.dataclass(slots=True, kw_only=True)
class Room:
    """How many rows of child runs a message still takes, and how deep."""

    rows: int
    deep: int = DEEPEST


def pair_json(comparison: Comparison, i: int, j: int, room: Room | None = None) -> JSON:
    """Two runs, i before j: texts for both directions, rows for one; the page turns them round."""
    pair = comparison.pair(i, j)
    facts = comparison.facts[i], comparison.facts[j]
    return {
        "texts": _texts(pair, facts),
        "turned": _texts(turned(pair), (facts[1], facts[0])),
        "cause": None if pair.divergence is None else pair.divergence.cause,
        "exact": pair.exact,
    } | _aligned(pair, room or Room(rows=MOST_INSIDE))


def _aligned(pair: Pair, room: Room) -> JSON:
    places = _places(pair.a), _places(pair.b)
    rows = [_row(row, *places) | _children(row, room) for row in pair.rows]
    return {"part": None if pair.divergence is None else pair.divergence.row, "rows": rows}


def turned(pair: Pair) -> Pair:
    """The same rows with B in the place of A."""
    rows = tuple(
        dataclasses.replace(row, kind=_TURNED.get(row.kind, row.kind), a=row.b, b=row.a)  # type: ignore[arg-type]
        for row in pair.rows
    )
    return Pair(a=pair.b, b=pair.a, rows=rows, divergence=divergence_of(pair.b, pair.a, rows), exact=pair.exact)


def steps_json(run: Trajectory) -> list[JSON]:
    """The steps of a run, each with what is shown of it."""
    warned = warnings_of(run)
    return [_step(run, step) | ({"warned": warned[step.number]} if step.number in warned else {}) for step in run.steps]


def _run(one: RunFacts) -> JSON:
    return {
        "name": one.name,
        "question": fit(differing.question_text(one), LONGEST["question"]),
        "model": clipped(differing.model_text(one), 120),
        "status": one.status,
        "answer": fit(one.answer, LONGEST["answer"]),
        "none": differing.answer_text(one) if not one.answer else "",
        "steps": one.steps,
        "figures": {name: differing.figure_text(one, name) for name in ("calls", "tokens", "cost", "seconds")},
        "tags": list(one.tags),
        "acts": ["failed" if place in one.failed else word for place, word in enumerate(one.acts[:MOST_ACTS])],
    }


def _texts(pair: Pair, facts: tuple[RunFacts, RunFacts]) -> JSON:
    return _parting(pair) | {
        "given": differing.given_text(pair),
        "contexts": differing.contexts_text(pair.a),
        "figures": [dataclasses.asdict(one) for one in differing.spent_of(*facts)],
        "same_answer": differing.same_answer(*facts),
        "counts": differing.counted_kinds(pair),
        "what_if": plain(differing.what_if_line(pair)),
    }


def _parting(pair: Pair) -> JSON:
    title, sentence = differing.parting_text(pair)
    return {"title": title, "sentence": sentence}


def _step(run: Trajectory, step: Step) -> JSON:
    act = act_of(step)
    summary, final = shown_summary(run, step)
    children = [child for block in step.blocks for child in block.children]
    told: JSON = {
        "n": step.number,
        "act": act.word,
        "why": act.reason,
        "summary": summary,
        "seconds": round(step.seconds, 3),
        "calls": step.calls,
        "code": shown_code(step, LONGEST["code"]),
        "output": shown_output(step, LONGEST["output"]),
        "variables": shown_variables(step, LONGEST["output"]),
        "spent": shown_spent(step),
    }
    told |= {"final": True} if final else {}
    told |= {"failed": True} if failed(step) else {}
    told |= {"edited": True} if step.edits or step.interventions else {}
    more = len(children) - MOST_CALLS
    told |= {"more_children": more} if more > 0 else {}
    return told | ({"children": [_child(child) for child in children[:MOST_CALLS]]} if children else {})


def _child(child: Trajectory) -> JSON:
    return {
        "question": clipped(child.question, 300),
        "answer": clipped(child.answer_text, 300),
        "status": child.status,
        "steps": len(child.steps),
    }


# rows


def _places(run: Trajectory) -> dict[int, int]:
    return {id(step): place for place, step in enumerate(run.steps)}


def _row(row: Row, places_a: dict[int, int], places_b: dict[int, int]) -> JSON:
    sign, word = differing.sign_and_word(row)
    told: JSON = {"kind": row.kind, "sign": sign, "word": word}
    told["a"] = None if row.a is None else places_a[id(row.a)]
    told["b"] = None if row.b is None else places_b[id(row.b)]
    if row.elsewhere is not None:
        told["elsewhere"] = (places_b if row.b is None else places_a)[id(row.elsewhere)]
        told["there"] = row.elsewhere.number
    one, other = row.a or row.elsewhere, row.b or row.elsewhere
    if one is not None and other is not None and row.kind != "same":
        told["marks"] = _marks(one, other)
        told |= _calls(one, other)
    return told


def _children(row: Row, room: Room) -> JSON:
    """The child runs of both steps, a few of them, each pair opened into its own rows; of a moved step where B has it."""
    found = children_of(row) if row.kind != "moved" or row.a is None else ()
    if not found:
        return {}
    more = len(found) - MOST_CALLS
    told: JSON = {"children": [_child_pair(pair, room) for pair in found[:MOST_CALLS]]}
    return told | ({"more_children": more} if more > 0 else {})


def _child_pair(children: Children, room: Room) -> JSON:
    a, b = children
    heads = [None if child is None else _child(child) for child in children]
    told: JSON = {"a": heads[0], "b": heads[1], "same": same_children(children)}
    if a is None or b is None:
        return told
    texts = {name: [str(head[name]) for head in heads if head] for name in ("question", "answer")}
    told["marks"] = {name: _both(*sides) for name, sides in texts.items()}
    least = max(len(a.steps), len(b.steps))  # of its rows
    if told["same"] or room.deep == 0 or least > room.rows:
        return told
    pair = pair_of(a, b)
    if len(pair.rows) > room.rows:
        return told
    room.rows -= len(pair.rows)
    room.deep -= 1
    told |= {"texts": _parting(pair), "turned": _parting(turned(pair)), "steps": [steps_json(a), steps_json(b)]}
    told |= _aligned(pair, room)
    room.deep += 1
    return told


def _marks(a: Step, b: Step) -> dict[str, list[list[list[int]]]]:
    """Where the codes, the outputs and the variables of two steps differ."""
    texts = {
        "code": (shown_code(a, LONGEST["code"]), shown_code(b, LONGEST["code"])),
        "output": (shown_output(a, LONGEST["output"]), shown_output(b, LONGEST["output"])),
        "variables": (shown_variables(a, LONGEST["output"]), shown_variables(b, LONGEST["output"])),
    }
    return {name: _both(*sides) for name, sides in texts.items()}


def _both(a: str, b: str) -> list[list[list[int]]]:
    one, other = marks_of(a, b)
    return [_wide(a, one), _wide(b, other)]


def _wide(text: str, marks: Marks) -> list[list[int]]:
    """Places in UTF-16 units."""
    if text.isascii() or max(text) <= "\uffff":
        return [list(mark) for mark in marks]
    return [[at + sum(character > "\uffff" for character in text[:at]) for at in mark] for mark in marks]


def _calls(a: Step, b: Step) -> JSON:
    """The calls that differ, a few of them, and how many there are of each kind."""
    pairs = call_pairs(a, b)
    differ = [pair for pair in pairs if pair.kind != "same"]
    if not pairs:
        return {}
    both = [pair for pair in differ if pair.a and pair.b][:MOST_CALLS]
    alone = [pair for pair in differ if not (pair.a and pair.b)][: max(MOST_ALONE - len(both), 1)]
    told = list(_call_pairs([*both, *alone]))
    return {"calls": told, "more_calls": len(differ) - len(told), "same_calls": len(pairs) - len(differ)}


def _call_pairs(pairs: Iterable[CallPair]) -> Iterator[JSON]:
    for pair in pairs:
        prompts = from_difference(pair.a.prompt if pair.a else "", pair.b.prompt if pair.b else "")
        sides = [_call(call, prompt) for call, prompt in zip((pair.a, pair.b), prompts, strict=True)]
        texts: Sequence[tuple[str, str]] = [
            (str((sides[0] or {}).get(name, "")), str((sides[1] or {}).get(name, ""))) for name in ("prompt", "answer")
        ]
        marks = [_both(*text) for text in texts] if pair.a and pair.b else [[[], []], [[], []]]
        yield {"kind": pair.kind, "a": sides[0], "b": sides[1], "marks": {"prompt": marks[0], "answer": marks[1]}}


def _call(call: Call | None, prompt: str) -> JSON | None:
    if call is None:
        return None
    limit = LONGEST["call"]
    return {
        "n": call.number,
        "model": clipped(call.model, 80),
        "prompt": fit(prompt, LONGEST["prompt"]),
        "answer": shown_end(call, limit),
        "status": call.status,
    }
