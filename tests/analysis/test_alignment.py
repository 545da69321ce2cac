"""Two runs are matched by what their steps do."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_lab.analysis.alignment import align
from rlm_lab.analysis.callpairs import call_pairs
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.tree import Step, Trajectory

LOOK = "print(len(text), text[:200])"
ASK = {"code": "kind = llm_query('Count or share?')", "answers": {"Count or share?": "a count"}}
COUNT = "late = text.split('x')\ncounts = late.count('y')\nprint(sorted(counts)[-3:])"
SHARE = "late = text.split('x')\ncounts = late.count('y')\nshare = counts / len(text)\nprint(sorted(share)[-3:])"
NAMES = "names = airlines.merge(codes, on='code')\nprint(names.head())"
CHECK = "assert counts.isna().sum() == 0, 'some are missing'"

CHILDREN = tuple(Trajectory(run="c", status="done", question="Who?", answer_text=answer) for answer in ("EV", "OO"))


def kinds(a, b):
    return [row.kind for row in align(a, b).rows]


def places(a, b):
    return [(row.a and row.a.number, row.b and row.b.number) for row in align(a, b).rows]


def test_a_run_is_the_same_as_itself(run):
    assert kinds(run(LOOK, ASK, COUNT), run(LOOK, ASK, COUNT)) == ["same"] * 3


def test_steps_are_matched_by_what_they_do_and_not_by_their_number(run):
    assert places(run(LOOK, COUNT, "FINAL(counts)"), run(NAMES, LOOK, SHARE, "FINAL(share)")) == [(None, 1), (1, 2), (2, 3), (3, 4)]


def test_other_names_for_the_same_thing_match(run):
    rows = align(run("n = len(text[:90])"), run("size = len(text[:90])")).rows
    assert [(row.kind, row.alike) for row in rows] == [("changed", 1.0)]


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (ASK | {"answers": {"Count or share?": "a share"}}, "answer"),
        (ASK | {"answers": {"Which unit?": "a count"}}, "prompt"),
        (ASK | {"output": "a count"}, "output"),
        (ASK | {"children": CHILDREN[1:]}, "child"),
        (ASK | {"children": CHILDREN[1:], "output": "OO"}, "child"),
    ],
)
def test_the_same_code_may_ask_get_or_show_something_else(run, other, kind):
    asked = ASK | ({"children": CHILDREN[:1]} if "children" in other else {})
    assert kinds(run(LOOK, asked), run(LOOK, other)) == ["same", kind]


def test_a_step_at_another_place_was_moved(run):
    rows = align(run(LOOK, COUNT, CHECK, NAMES, "FINAL(1)"), run(LOOK, NAMES, COUNT, CHECK, "FINAL(1)")).rows
    assert [row.kind for row in rows] == ["same", "moved", "same", "same", "moved", "same"]
    assert [row.elsewhere and row.elsewhere.number for row in rows] == [None, 4, None, None, 2, None]


def test_each_step_stands_once(run):
    a, b = run(LOOK, COUNT, LOOK, ASK, COUNT), run(COUNT, ASK, NAMES, LOOK, LOOK, LOOK)
    rows = align(a, b).rows
    assert [row.a for row in rows if row.a] == list(a.steps)
    assert [row.b for row in rows if row.b] == list(b.steps)


def test_two_final_answers_stand_beside_each_other(run):
    assert places(run(LOOK, "FINAL('EV')"), run(LOOK, "rate = 3 / 7\nFINAL_VAR('rate')")) == [(1, 1), (2, 2)]


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 3), (2, 0)])
def test_empty_runs_can_be_aligned(run, a, b):
    assert kinds(run(*[LOOK] * a), run(*[LOOK] * b)) == ["only_a"] * a + ["only_b"] * b


def test_calls_that_were_not_recorded_are_not_held_against_a_run(run):
    assert kinds(run(ASK), run({"code": ASK["code"]}, imported={"format": "dspy", "absent": ["calls"]})) == ["same"]


def test_a_run_with_children_edits_and_steps_that_were_put_aside_can_be_aligned(films):
    done = fold(films.mails("done"))
    aside = dataclasses.replace(done, discarded=(Step(number=4, reply="other"),))
    assert kinds(done, aside) == ["same"] * len(done.steps)


def test_the_same_last_code_with_another_answer_is_not_the_same(run):
    a, b = (run(LOOK, "FINAL(kind)", answer_text=answer) for answer in ("count", "share"))
    assert kinds(a, b) == ["same", "output"]
    assert kinds(a, a) == ["same", "same"]


def test_broken_code_is_matched_by_its_words(run):
    assert kinds(run("print(text[:", LOOK), run("print( text[:", LOOK)) == ["changed", "same"]


def test_calls_are_paired_by_what_they_ask(run):
    a, b = (run(code).steps[0] for code in (ASK, ASK | {"answers": {"Count or share?": "a share", "More?": "no"}}))
    assert [pair.kind for pair in call_pairs(a, b)] == ["answer", "only_b"]
    assert [pair.kind for pair in call_pairs(b, a)] == ["answer", "only_a"]


CODES = st.lists(st.sampled_from([LOOK, COUNT, SHARE, NAMES, CHECK, "FINAL(1)", "x = (", "\ud800", ""]), max_size=8)


@given(CODES, CODES)
@settings(max_examples=60, deadline=None)
def test_whatever_the_runs_each_step_stands_once_and_in_order(run, one, other):
    a, b = run(*one), run(*other)
    rows = align(a, b).rows
    assert [row.a for row in rows if row.a] == list(a.steps)
    assert [row.b for row in rows if row.b] == list(b.steps)
    assert all((row.elsewhere is not None) == (row.kind == "moved") for row in rows)


def test_very_long_runs_are_aligned_in_a_band(run):
    codes, others = ([f"{name} = text[{n}:]" for n in range(200)] for name in ("part", "piece"))
    aligned = align(run(*codes), run(*others), cells=4_000)
    assert (aligned.exact, {row.kind for row in aligned.rows}) == (False, {"changed"})


def test_the_steps_that_a_fork_shares_with_its_parent_stand_beside_each_other_though_it_wrote_them_again(run):
    parent = run(LOOK, COUNT, NAMES, "FINAL('EV')")
    fork = run(LOOK, COUNT, LOOK, COUNT, NAMES, "FINAL('EV')", name="b")
    assert places(parent, fork)[:2] == places(fork, parent)[:2] == [(1, 1), (2, 2)]


def test_a_step_that_both_begin_with_stands_beside_itself_though_it_showed_something_else(run):
    rows = align(run({"code": LOOK, "output": "3"}, COUNT), run({"code": LOOK, "output": "4"}, LOOK, COUNT)).rows
    assert (rows[0].kind, rows[0].a.number, rows[0].b.number) == ("output", 1, 1)
