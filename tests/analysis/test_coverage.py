"""Coverage: which parts of a context were read, shown and sent, as far as they can be found."""

from __future__ import annotations

import random
from typing import Any

from rlm_lab.analysis.coverage import coverage_of
from rlm_lab.trajectory.tree import Block, Call, OutputPart, Step, Trajectory

WORDS = random.Random(7)
BOOK = " ".join("".join(WORDS.choice("abcdefgh") for _ in range(6)) for _ in range(20_000))


def covered(prompts: list[str] = (), output: str = "", code: str = "", contexts: Any = None) -> dict[str, Any]:
    calls = tuple(Call(number=at, prompt=prompt, model="m") for at, prompt in enumerate(prompts))
    block = Block(number=1, code=code, calls=calls, outputs=(OutputPart(kind="stdout", text=output),))
    told = coverage_of(Trajectory(run="a", status="done", steps=(Step(number=1, blocks=(block,)),)), contexts or {"book": BOOK})
    assert told is not None
    return told


def parts(told: dict[str, Any], kind: str) -> list[list[int]]:
    return told["contexts"][0][kind]["parts"]


def test_a_piece_of_a_text_in_a_prompt_is_placed_exactly():
    told = covered([f"What is this?\n{BOOK[5_000:9_000]}\nSay it."])
    (begin, end, sure), *rest = parts(told, "sent")
    assert (abs(begin - 5_000) < 3, abs(end - 9_000) < 3, sure, rest) == (True, True, 1, [])
    assert told["placed"]["exact"] > 0.98


def test_pieces_beside_each_other_become_one():
    told = covered([f"Read: {BOOK[at : at + 1_000]}" for at in range(0, len(BOOK), 1_000)])
    assert told["contexts"][0]["sent"]["share"] > 0.99


def test_what_was_printed_counts_as_shown():
    assert parts(covered(output=BOOK[:2_000]), "shown") == [[0, 2_000, 1]]


def test_a_piece_that_stands_there_twice_is_only_likely():
    twice = BOOK[:3_000] + BOOK[:3_000]
    assert {part[2] for part in parts(covered([BOOK[500:900]], contexts={"book": twice}), "sent")} == {0}


def test_foreign_text_is_not_placed():
    told = covered(["Nothing of the book stands here, whatever one may look for in it." * 5])
    assert (parts(told, "sent"), told["placed"]["exact"]) == ([], 0)


def test_slices_in_code_are_read_exactly_and_other_uses_likely():
    assert parts(covered(code="print(len(book), book[:2000])\nbook[-10:]"), "read") == [
        [0, 2_000, 1],
        [len(BOOK) - 10, len(BOOK), 1],
    ]
    assert parts(covered(code="rows = book.split()"), "read") == [[0, len(BOOK), 0]]
    assert parts(covered(code="len(book)"), "read") == []


def test_the_name_context_is_a_single_context_but_in_a_child_run_it_is_the_childs():
    assert parts(covered(code="context.count('a')"), "read") == [[0, len(BOOK), 0]]
    assert parts(covered(code="context[:90]"), "read") == [[0, 90, 1]]
    assert parts(covered(code="context[:90]", contexts={"book": BOOK, "other": BOOK}), "read") == []
    block = Block(number=1, code="context.count('a')")
    child = Trajectory(run="a.1", status="done", contexts=({"name": "context"},), steps=(Step(number=1, blocks=(block,)),))
    outer = Step(number=1, blocks=(Block(number=1, code="", children=(child,)),))
    told = coverage_of(Trajectory(run="a", status="done", contexts=({"name": "book"},), steps=(outer,)), {"book": BOOK})
    assert told is not None
    assert parts(told, "read") == []


def test_items_of_a_list_are_told_in_their_places():
    items = [BOOK[at : at + 500] for at in range(0, 5_000, 500)]
    told = covered([f"Item: {items[3]}"], contexts={"mails": items})
    (begin, end, _), *_ = parts(told, "sent")
    assert abs(begin - 3 * 501) < 3
    assert abs(end - begin - 500) < 3


def test_what_is_no_text_has_no_coverage():
    assert coverage_of(Trajectory(run="a", status="done"), {"numbers": [1, 2]}) is None


ROWS = 1_000


def frame(**more: Any) -> Any:
    import pandas as pd

    numbers = range(ROWS)
    own = {"name": [f"flight {number:04d}" for number in numbers], "delay": [number * 1.5 for number in numbers]}
    return pd.DataFrame(own | {"carrier": [("EV", "AA")[number % 2] for number in numbers]} | more)


def of_frame(**given: Any) -> dict[str, Any]:
    return covered(contexts={"flights": frame()}, **given)["contexts"][0]


def test_rows_that_code_names_are_read_and_columns_that_it_names_too():
    told = of_frame(code="print(len(flights), flights.shape)\nprint(flights.head(), flights.iloc[100:120], flights['delay'].loc)")
    assert (told["unit"], told["size"], told["columns"]) == ("rows", ROWS, {"read": ["delay"], "count": 1, "all": 3})
    only = of_frame(code="print(flights.head(3))\nprint(flights.tail(2))\nprint(flights.loc[10:12])")
    assert only["read"]["parts"] == [[0, 3, 1], [10, 13, 1], [ROWS - 2, ROWS, 1]]


def test_a_frame_whose_form_only_is_asked_for_is_not_read_and_one_that_is_used_otherwise_likely_as_a_whole():
    assert of_frame(code="print(len(flights), flights.columns, flights.dtypes)")["read"]["parts"] == []
    assert of_frame(code="late = flights[flights.delay > 60]")["read"]["parts"] == [[0, ROWS, 0]]
    assert of_frame(code="print(context.head(3))")["read"]["parts"] == [[0, 3, 1]]


def test_printed_rows_are_placed_by_their_labels_and_cells():
    told = of_frame(output=str(frame().iloc[40:45]))
    assert told["shown"]["parts"] == [[40, 45, 1]]
    assert of_frame(output="40  something else\n41  other")["shown"]["parts"] == []


def test_a_row_in_a_prompt_is_found_by_a_text_that_it_alone_holds():
    told = of_frame(prompts=["Is this late?\nflight 0077, 115.5, AA"])
    assert told["sent"]["parts"] == [[77, 78, 1]]
    assert of_frame(prompts=["flight 0077, 3.0, AA"])["sent"]["parts"] == [[77, 78, 0]]


def test_a_polars_frame_is_looked_at_too():
    import polars as pl

    flights = pl.from_pandas(frame())
    told = covered(output=str(flights[10:14]), contexts={"flights": flights})
    assert told["contexts"][0]["shown"]["parts"] == [[10, 14, 1]]


def test_what_is_searched_through_is_bounded():
    from rlm_lab.analysis.frame_coverage import frame_of, place_rows

    flights = frame_of("flights", frame())
    assert flights is not None
    flights.work = 3 * ROWS
    place_rows("\n".join(f"nowhere {number}, to be found" for number in range(50)), flights, "sent")
    assert 0 <= flights.work < ROWS


def test_a_sum_of_very_many_terms_is_read_like_any_code():
    for terms in (200, 400, 1_500):
        block = Block(number=1, code=f"x = {' + '.join(['context'] * terms)}")
        run = Trajectory(run="a", status="done", contexts=({"name": "book"},), steps=(Step(number=1, blocks=(block,)),))
        assert parts(coverage_of(run, {"book": BOOK}), "read") == [[0, len(BOOK), 0]]
