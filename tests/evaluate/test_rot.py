"""Context rot: data cut to lengths with what matters kept, and the figure."""

from __future__ import annotations

import pytest

from rlm_lab import ScriptedModel, context_rot
from rlm_lab.errors import UsageError
from rlm_lab.evaluate.cutting import cut_to

TEXT = "x" * 5_000 + "first fact" + "y" * 5_000 + "second fact" + "z" * 5_000


@pytest.mark.parametrize("length", [100, 1_000, 9_000, len(TEXT)])
def test_a_text_is_cut_to_a_length_with_its_facts_in_it(length):
    cut = cut_to(TEXT, length, ["first fact", "second fact"])
    assert "first fact" in cut
    assert "second fact" in cut
    assert length - 3 <= len(cut) <= length


def test_a_frame_is_cut_with_its_rows_in_their_order():
    import pandas

    frame = pandas.DataFrame({"n": range(1_000)})
    cut = cut_to(frame, 10, keep=[123, 999])
    assert len(cut) == 10
    assert cut["n"].is_monotonic_increasing
    assert {123, 999} <= set(cut["n"])


@pytest.mark.parametrize(
    ("data", "length", "keep", "said"),
    [
        ("short", 9, (), "length of 5, and 9"),
        ("text", 3, ["none"], "does not hold 'none'"),
        ("a" + "needle" * 3, 8, ["needleneedle"], "takes 12 characters"),
        ([1, 2, 3], 1, [0, 2], "2 rows shall be kept"),
        ([1, 2, 3], 2, [7], "Row 7 is not there"),
        (5, 1, (), "int has no length"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_a_line(data, length, keep, said):
    with pytest.raises(UsageError, match=said):
        cut_to(data, length, keep)


@pytest.fixture
def rot(tmp_path):
    def told(messages):
        asked = "Question about the text above" in messages[-1].content  # by a baseline
        return "blue" if asked else "```repl\nFINAL('blue' if 'blue' in text else 'unknown')\n```"

    return context_rot(
        "Which colour?",
        {"text": "a" * 3_000 + " blue " + "b" * 3_000},
        lengths=[100, 1_000, 6_006],
        keep=["blue"],
        expected="blue",
        folder=tmp_path,
        progress=False,
        model={"m": lambda: ScriptedModel(told)},
    )


def test_quality_tokens_and_cost_are_told_for_each_length_and_method(rot):
    made = [(row.length, row.method, row.score) for row in rot.sweep.rows]
    assert made == [(length, method, 1.0) for length in (100, 1_000, 6_006) for method in ("rlm", "direct")]
    tokens = rot.summary().set_index(["method", "length"])["tokens"]
    assert tokens["direct", 6_006] > 5 * tokens["direct", 1_000]
    assert tokens["rlm", 6_006] < 2 * tokens["rlm", 1_000]


def test_the_figure_has_a_line_for_each_method_in_each_panel(rot):
    panels = rot.figure().children
    assert [panel.title.text for panel in panels] == ["right answers", "tokens"]
    assert [item.label["value"] for item in panels[0].legend[0].items] == ["direct", "rlm"]


def test_the_truth_may_depend_on_the_length(writes, tmp_path):
    how = {"model": {"m": writes("FINAL(sum(numbers))")}, "method": "rlm", "folder": tmp_path, "progress": False}
    told = context_rot("Their sum?", {"numbers": list(range(50))}, lengths=[5, 50], truth=sum, **how)
    assert [row.score for row in told.sweep.rows] == [1.0, 1.0]


def test_data_may_come_from_a_function_of_the_length(writes, tmp_path):
    model = {"m": writes("FINAL(len(context))")}
    told = context_rot("How long?", lambda n: "ab" * n, lengths=[3, 9], method="rlm", model=model, folder=tmp_path, progress=False)
    assert [row.answer for row in told.runs] == [6, 18]
