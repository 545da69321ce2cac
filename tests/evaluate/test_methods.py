"""The baselines: what each sends to the model, what it leaves out, and that it is a run like any other."""

from __future__ import annotations

from rlm_lab.views.html import summary_html

TEXT = "".join(f"Line {number}: nothing to see.\n" for number in range(400)) + "The password is swordfish.\n" + "The end.\n" * 400


def calls(run):
    return [call for step in run.steps for block in step.blocks for call in block.calls]


def asked(swept, says, method, **parameters):
    context = parameters.pop("context", {"text": TEXT})
    model = {"m": says("swordfish")}
    return swept("What is the password?", context=context, model=model, method=method, expected="Swordfish", **parameters).rows[0]


def test_direct_sends_the_whole_text_where_it_fits(swept, says):
    row = asked(swept, says, "direct", room=100_000)
    assert (row.answer, row.score, row.left_out, row.calls) == ("swordfish", 1.0, 0.0, 1)
    assert TEXT in calls(row.trajectory)[0].prompt


def test_direct_leaves_out_the_middle_and_says_how_much(swept, says):
    row = asked(swept, says, "direct", room=2_000)
    assert round(row.left_out, 3) == round(1 - 2_000 / len(TEXT), 3)
    assert "characters are left out here" in calls(row.trajectory)[0].prompt
    assert "were left out" in row.trajectory.steps[0].blocks[0].outputs[0].text


def test_a_baseline_takes_what_the_window_holds_where_no_room_is_given(swept, says):
    assert asked(swept, says, "direct").left_out == 0.0  # a window of 32,000 tokens


def test_retrieval_finds_the_passage(swept, says):
    row = asked(swept, says, "retrieval", room=1_500)
    assert "The password is swordfish." in calls(row.trajectory)[0].prompt
    assert 0.8 < row.left_out < 1


def test_a_rolling_summary_reads_all_of_the_text(swept, says):
    row = asked(swept, says, "summary", room=4_000)
    read = "".join(call.prompt for call in calls(row.trajectory))
    assert row.left_out == 0.0
    assert "Line 0:" in read
    assert "swordfish" in read
    assert row.calls == -(-len(TEXT) // 2_000) + 1


def test_a_frame_or_a_list_is_read_as_text(swept, says):
    import pandas

    frame = pandas.DataFrame({"carrier": ["EV", "UA"], "delay": [130, 5]})
    row = asked(swept, says, "direct", context={"flights": frame, "notes": ["one", "two"]})
    prompt = calls(row.trajectory)[0].prompt
    assert "flights:\ncarrier,delay\nEV,130" in prompt
    assert "notes:\none\ntwo" in prompt


def test_a_baseline_spends_from_the_same_budget_and_its_program_costs_nothing(swept, says):
    row = asked(swept, says, "direct", room=2_000)
    assert 500 < row.tokens < 1_000
    assert row.trajectory.model == "direct (a program)"
    assert row.trajectory.sub_model == "scripted"


def test_a_baseline_is_shown_as_any_run(swept, says):
    page = summary_html(asked(swept, says, "direct").trajectory)
    assert "swordfish" in page


def test_a_baseline_whose_call_fails_is_a_failed_run_that_says_why(swept, says):
    row = swept("Q?", context="text", model={"m": says("x", times=0)}, method="direct").rows[0]
    assert row.status == "failed"
    assert "did not come to an answer" in row.error


def test_a_baseline_asks_the_model_that_its_row_names(swept, says):
    from rlm_lab import ScriptedModel

    model = {"big": lambda: ScriptedModel(["from big"], name="big", context_window=64_000)}
    row = swept("Q?", context="text", model=model, sub_model=says("from small"), method="direct").rows[0]
    assert (row.model, row.answer, row.trajectory.sub_model) == ("big", "from big", "big")
