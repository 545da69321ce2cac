"""What led to the first divergence is told."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_lab.analysis.alignment import align
from rlm_lab.analysis.comparing import children_of, pair_of
from rlm_lab.analysis.divergence import differing_settings, divergence_of, readers_text
from rlm_lab.analysis.wording import marks_of
from rlm_lab.trajectory.tree import Edit, Step

LOOK = "print(len(text))"
ASK = {"code": "kind = llm_query('Count or share?')", "answers": {"Count or share?": "a count"}}
SHARE = ASK | {"answers": {"Count or share?": "a share"}}


def parted(a, b):
    return divergence_of(a, b, align(a, b).rows)


def test_equal_runs_do_not_part(run):
    assert parted(run(LOOK, ASK), run(LOOK, ASK)) is None


def test_another_answer_of_a_call_and_who_read_it(run):
    found = parted(run(LOOK, ASK, "print(kind)", "FINAL(1)"), run(LOOK, SHARE, "m = 2", "print(kind * 2)", "FINAL(1)"))
    assert (found.cause, found.a, found.b, found.row) == ("answer", 2, 2, 1)
    assert found.sentence == "Both runs sent the same prompt to m and got another answer."
    assert readers_text(found) == "Step 3 of A and step 4 of B read kind."


def test_another_output_of_the_same_code(run):
    assert parted(run({"code": LOOK, "output": "3"}), run({"code": LOOK, "output": "4"})).cause == "output"


def test_another_reply_to_the_same_messages_names_the_models(run):
    found = parted(run(LOOK), run("print(text[:9])", model="small"))
    assert found.sentence == "The same messages got another reply (gpt-4.1 in A, small in B)."


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ([("system", "s"), ("user", "u")], [("system", "t"), ("user", "u")], "system message"),
        (
            [("system", "s"), ("user", "u")],
            [("system", "s"), ("assistant", "x"), ("user", "u"), ("user", "v")],
            "user message, number 2",
        ),
    ],
)
def test_which_message_differed_is_told(run, a, b, told):
    one, other = (tuple({"role": role, "content": text} for role, text in messages) for messages in (a, b))
    runs = [run(code) for code in (LOOK, "print(text[:9])")]
    x, y = (
        dataclasses.replace(r, steps=(dataclasses.replace(r.steps[0], messages=m),))
        for r, m in zip(runs, (one, other), strict=True)
    )
    assert parted(x, y).sentence == f"The root models were sent other messages (first another {told})."


@pytest.mark.parametrize(
    ("fields", "cause"),
    [({"question": "Who?"}, "question"), ({"contexts": ({"name": "text", "fingerprint": "9"},)}, "context")],
)
def test_another_question_or_other_data_comes_before_the_reply(run, fields, cause):
    assert parted(run(LOOK), run("print(text[:9])", **fields)).cause == cause


def test_a_run_that_ended_before_the_other(run):
    found = parted(run(LOOK, "x = 1"), run(LOOK, status="out_of_budget"))
    assert found.sentence == "B ended after step 1 (out of budget); A went on with step 2."


def test_a_person_s_edit_led_to_it(run):
    a, b = run(LOOK), run("print(1)")
    edited = dataclasses.replace(b.steps[0], edits=(Edit(step=1, what="code", before=LOOK, after="print(1)"),))
    assert parted(a, dataclasses.replace(b, steps=(edited,))).sentence == "In B a person changed the code of step 1."


def test_settings_that_differ_are_listed(run):
    assert differing_settings(run(), run(question="Who?", model="small")) == ("question", "model")


@pytest.mark.parametrize(
    ("a", "b", "marked"),
    [
        ("print(counts.tail(3))", "print(share.tail(3))", (["counts"], ["share"])),
        ("x = 1\ny = 2\n", "x = 1\nz = 3\ny = 2\n", ([], ["z = 3"])),
        ("same", "same", ([], [])),
        ("", "all new", ([], ["all new"])),
        ("a\n" * 3_000, "b\n" * 3_000, (["a\n" * 2_999 + "a"], ["b\n" * 2_999 + "b"])),
    ],
)
def test_the_words_that_differ_are_marked_on_both_sides(a, b, marked):
    marks = marks_of(a, b)
    assert tuple([text[start:end] for start, end in spans] for text, spans in zip((a, b), marks, strict=True)) == marked


@given(st.text(alphabet="ab \n.x", max_size=60), st.text(alphabet="ab \n.x", max_size=60))
@settings(max_examples=200, deadline=None)
def test_what_is_not_marked_is_the_same_on_both_sides_but_for_space(a, b):
    rests = []
    for text, marks in zip((a, b), marks_of(a, b), strict=True):
        edges = [0, *(place for mark in marks for place in mark), len(text)]
        assert edges == sorted(edges)
        rests.append("".join("".join(text[start:end].split()) for start, end in zip(edges[::2], edges[1::2], strict=True)))
    assert rests[0] == rests[1]


def test_the_same_steps_that_ended_otherwise_part_at_their_end(run):
    a = run("FINAL(x)", answer_text="5")
    stopped, spent = run("FINAL(x)", status="stopped"), run("FINAL(x)", status="out_of_budget", answer_text="7")
    assert parted(a, stopped).sentence == "The same step ended otherwise (A done with “5”, B stopped without an answer)."
    assert parted(a, spent).sentence == "The same step ended otherwise (A done with “5”, B out of budget with “7”)."


def test_two_steps_without_a_reply_are_the_same_only_for_the_same_reason(run):
    a, b = (dataclasses.replace(run(), steps=(Step(number=1, reply_error=why),)) for why in ("no key", "timeout"))
    assert parted(a, a) is None
    assert parted(a, b).sentence == "Neither got a reply: A 'no key', B 'timeout'."


def test_an_answer_that_is_not_recorded_is_not_held_against_a_run(run):
    a = run("FINAL(x)", answer_text="5")
    assert parted(a, run("FINAL(x)", imported={"format": "dspy", "absent": ["answer"]})) is None


def asking(run, child, **fields):
    return run({"code": "x = rlm_query('who?')", "children": (child,)} | fields, "FINAL(x)")


def test_a_child_run_that_answered_otherwise_is_told_with_what_led_to_it(run):
    a, b = (run(LOOK, code, name="c", question="who?", answer_text=code) for code in ("FINAL('EV')", "FINAL('OO')"))
    found = parted(asking(run, a), asking(run, b))
    assert (found.cause, found.readers_a, found.names) == ("child", (2,), ("x",))
    assert found.sentence == (
        "The same code started the same child run, which ended otherwise (A done with “FINAL('EV')”, B done with “FINAL('OO')”). "
        "In it, step 2: The same messages got another reply."
    )


def test_a_child_run_that_went_another_way_to_the_same_answer_is_a_divergence(run):
    a, b = (run(*codes, name="c", question="who?", answer_text="EV") for codes in ((LOOK, "FINAL(1)"), ("FINAL(1)",)))
    found = parted(asking(run, a), asking(run, b))
    assert found.sentence.startswith("The same code started the same child run, which did something else. In it, step 1 of A: ")
    assert parted(asking(run, a), asking(run, a)) is None


def test_a_child_run_that_was_asked_something_else_is_told(run):
    a, b = (asking(run, run("FINAL(1)", question=question)) for question in ("who?", "when?"))
    assert parted(a, b).sentence == "The same code asked a child run something else."


def test_the_child_runs_of_two_steps_are_aligned_as_any_two_runs_and_so_are_theirs(run):
    a, b = (run({"code": "y = rlm_query('z')", "children": (run(code, question="z"),)}, question="who?") for code in (LOOK, "1"))
    (child,) = (pair_of(*both) for both in children_of(pair_of(asking(run, a), asking(run, b)).rows[0]))
    (inner,) = (pair_of(*both) for both in children_of(child.rows[0]))
    assert [pair.rows[0].kind for pair in (child, inner)] == ["child", "only_a"]


def test_a_fork_parts_from_its_parent_where_it_was_forked(run):
    parent, fork = run(LOOK, ASK, "print(kind)", "FINAL(1)"), run(LOOK, ASK, LOOK, ASK, "print(kind)", "FINAL(1)", name="b")
    found = parted(parent, fork)
    assert (found.row, found.b, found.sentence) == (2, 3, "The same messages got another reply.")


def test_equal_replies_are_never_called_other_ones(run):
    a, b = run("print(1)"), run("print(2)")
    assert parted(a, dataclasses.replace(b, steps=(dataclasses.replace(b.steps[0], reply=a.steps[0].reply),))).sentence == (
        "Other code was run for the same reply."
    )


def test_a_step_whose_answer_differs_is_told_by_it_also_where_its_twin_stands_elsewhere(run):
    a, b = run(ASK), run(SHARE, ASK)
    worded = tuple(dataclasses.replace(step, reply=f"Once more.\n{step.reply}") for step in b.steps)
    found = parted(a, dataclasses.replace(b, steps=worded))
    assert (found.a, found.b, found.cause) == (None, 1, "answer")
    assert [call.answer for call in found.calls] == ["a count", "a share"]
