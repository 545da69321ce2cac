"""A comparison in its static forms and as JSON: the same facts, safe whatever the texts are, bounded whatever the runs."""

from __future__ import annotations

import dataclasses
import json

import pytest

import rlm_lab
from rlm_lab.analysis.comparing import pair_of
from rlm_lab.errors import LogError, UsageError
from rlm_lab.trajectory.notes import add
from rlm_lab.trajectory.tree import Block, Step, Trajectory
from rlm_lab.views import differing
from rlm_lab.views.comparing import DEEPEST, Room, comparison_json, pair_json, turned
from rlm_lab.views.comparison import Comparison

from .test_html import ATTRIBUTES, HOSTILE, STROKES, TAGS, Page


@pytest.fixture(scope="module")
def eight(flights):
    return rlm_lab.compare(flights.eight())


def test_the_table_tells_each_run_and_the_answers(eight):
    assert [(text[:2], len(places)) for text, places in eight.answers()] == [("EV", 5), ("OO", 1), ("EV", 1), ("", 1)]
    assert eight.groups("model")["gpt-4.1"] == (0, 2, 3)
    assert eight.table()[0].acts == ("look", "delegate", "compute", "check", "combine", "answer")


def test_a_dataframe_has_a_row_for_each_run(eight):
    frame = eight.frame()
    assert list(frame["steps"]) == [6, 5, 5, 7, 4, 4, 9, 20]
    assert frame.groupby("model")["check_steps"].sum()["gpt-4.1"] == 3


def test_runs_can_be_grouped_by_their_tags(flights):
    tagged = Comparison(runs=tuple(flights.eight()[:3]), tags={"flights-03": ["good", "short"], "flights-05": ["good"]})
    assert tagged.groups("tag") == {"good": (0, 2), "short": (0,), "no tag": (1,)}
    with pytest.raises(UsageError, match="grouped by 'colour'"):
        tagged.groups("colour")


def test_tags_and_scores_come_from_the_notes_beside_the_logs(asked):
    one, other = (asked(f"FINAL({number})") for number in (1, 2))
    add(one.path, "tag", "good")
    add(one.path, "score", "right", value=1.0)
    found = rlm_lab.compare(one.path, other.path)
    assert found.groups("tag") == {"good": (0,), "no tag": (1,)}
    assert found.frame()["score_right"].fillna(-1).tolist() == [1.0, -1.0]


def test_the_text_tells_the_divergence_and_the_sides(eight):
    text = eight.text(110)
    assert "First divergence, step 2: Both runs sent the same prompt to gpt-4.1-nano and got another answer." in text
    assert "Step 3 of A and step 4 of B read kind." in " ".join(text.split())
    assert "≠ same code, other answer" in text
    assert "    rlm_lab.what_if('flights-04', 2, '“Most departures” asks for a count of flights over the limit.')" in text
    assert max(len(line) for line in text.splitlines() if "what_if" not in line) <= 110  # a line to be copied is not cut


def test_two_runs_are_found_by_path_id_and_themselves(asked, tmp_path):
    runs = [asked("print(1)", f"FINAL({number})") for number in (1, 2)]
    folder = runs[0].path.parent
    for one in (runs[0], runs[0].trajectory, runs[0].path, str(runs[0].path), runs[0].id):
        assert rlm_lab.compare(one, runs[1], folder=folder).divergence.a == 2
    assert runs[0].compare(runs[1]).divergence == runs[0].trajectory.compare(runs[1].trajectory).divergence
    with pytest.raises(LogError, match="no run 'nothing'"):
        rlm_lab.compare("nothing", runs[1], folder=folder)


@pytest.mark.parametrize("runs", [[], ["one"], [3, 4]])
def test_what_cannot_be_compared_is_refused_in_a_line(runs):
    with pytest.raises(UsageError, match=r"^[^\n]+$"):
        rlm_lab.compare(*runs)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_static_form_is_safe_and_whole(run_of, text):
    html = rlm_lab.compare(run_of(text), run_of(text + "x"), run_of("other"))._repr_html_()
    page = Page(html)
    assert page.open == []
    assert page.tags <= TAGS | {"u", "h4"}
    assert page.attributes <= ATTRIBUTES | STROKES | {"colspan"}
    html.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_the_page_holds_no_markup_of_a_run(run_of, tmp_path, text):
    path = rlm_lab.compare(run_of(text), run_of(text + "x")).to_html(tmp_path / "a.html")
    page = path.read_text(encoding="utf-8")
    data = page.split('id="rlm-lab-comparison">')[1].split("</script>")[0]
    assert "<" not in data
    assert json.loads(data)["kind"] == "comparison"


def test_many_rows_are_cut_and_the_first_divergence_stays(flights):
    look, count, share = flights.LOOK, flights.COUNT, flights.SHARE
    parts = [(f"{reply} {n}", f"{code}\nn = {n}", out, None) for n, (reply, code, out, _) in enumerate([look, count] * 100)]
    a, b = (flights.run(name, "m", "", None, 9, parts[:95] + more + parts[96:]) for name, more in (("a", [count]), ("b", [share])))
    html = rlm_lab.compare(a, b)._repr_html_()
    assert "▸96 " in rlm_lab.compare(a, b).text()
    assert "rows left out here" in html
    assert "First divergence, step 96" in html
    assert len(html) < 400_000


def test_facts_that_a_file_does_not_hold_are_not_recorded(flights):
    one, other = flights.eight()[:2]
    bare = dataclasses.replace(one, imported={"format": "dspy", "absent": ["calls", "tokens", "times"]})
    told = comparison_json(rlm_lab.compare(bare, other))
    figures = told["runs"][0]["figures"]
    assert list(figures.values()) == ["not recorded", "not recorded", "0.041", "not recorded"]
    assert "not recorded" in rlm_lab.compare(bare, other).text()


def test_marks_count_as_javascript_does(flights):
    text = ("I look.", "x = '😀'\nprint('{}')", "", None)
    a, b = (flights.run(name, "m", "", None, 1, [(*text[:1], text[1].format(name), *text[2:])]) for name in ("one", "two"))
    told = comparison_json(rlm_lab.compare(a, b))
    assert told["pairs"]["0-1"]["rows"][0]["marks"]["code"][0] == [[16, 19]]


def test_long_prompts_are_shown_from_their_difference_on(flights):
    def asking(name, end):
        run = flights.run(name, "m", "", None, 1, [flights.ASK_A])
        block = run.steps[0].blocks[0]
        call = dataclasses.replace(block.calls[0], prompt="the same " * 500 + end)
        step = dataclasses.replace(run.steps[0], blocks=(dataclasses.replace(block, calls=(call,)),))
        return dataclasses.replace(run, steps=(step,))

    both = rlm_lab.compare(asking("one", "ends so"), asking("other", "ends otherwise"))
    call = comparison_json(both)["pairs"]["0-1"]["rows"][0]["calls"][0]
    assert call["a"]["prompt"].startswith("… 4,385 characters that are the same …\n")
    assert [call["a"]["prompt"][start:end] for start, end in call["marks"]["prompt"][0]] == ["so"]
    assert "ends <u>otherwise</u>" in both._repr_html_()


def test_a_pair_can_be_turned_round(eight):
    pair = turned(eight.pair(0, 1))
    assert [row.kind for row in pair.rows if row.kind.startswith("only")] == ["only_b"]
    assert (pair.divergence.a, pair.a.run) == (2, "flights-04")


@pytest.mark.parametrize("dark", [False, True])
def test_bokeh_figures_hold_the_runs_and_no_formula(flights, dark):
    runs = [*flights.eight(), flights.run("$$x$$", "m", "<b>$$x$$", None, 1, [flights.LOOK] * 200)]
    drawn = rlm_lab.compare(runs).plot(dark=dark)
    names = [figure.y_range.factors for figure in (drawn.children[0], drawn.children[2])]
    assert [len(factors) for factors in names] == [5, 9]
    assert not any("$$" in name for factors in names for name in factors)
    assert "the first 60 steps" in drawn.children[2].title.text


def test_runs_without_steps_can_be_compared():
    both = rlm_lab.compare([Trajectory(run=name, status="waiting") for name in ("a", "b")])
    assert both.divergence is None
    assert "No divergence" in both.text()
    assert "No divergence" in both._repr_html_()


def test_runs_are_grouped_by_the_tags_that_people_gave_them(asked):
    one, other = asked("FINAL(1)"), asked("FINAL(2)")
    one.tag("first")
    assert rlm_lab.compare(one, other.path).groups("tag") == {"first": (0,), "no tag": (1,)}


def test_runs_without_steps_are_not_said_to_have_done_the_same():
    a, b = (Trajectory(run=name, status="done", answer_text=name, question=f"{name}?") for name in "ab")
    told = " ".join(rlm_lab.compare(a, b).text(110).split())
    assert "No divergence: Neither run has a step. They were given another question." in told
    assert "They ended otherwise: A done with “a”, B done with “b”." in told


def test_what_was_given_and_differs_is_told_where_no_step_differs(eight):
    run = eight.runs[0]
    told = rlm_lab.compare(run, dataclasses.replace(run, question="Why?")).text(110)
    assert "They were given another question." in " ".join(told.split())


def with_child(*answers):
    """A run whose one step has started a child run of as many steps as there are answers."""
    steps = tuple(Step(number=n, blocks=(Block(number=1, code=f"print({one!r})"),)) for n, one in enumerate(answers, 1))
    child = Trajectory(run="c", status="done", question="who?", answer_text=answers[-1], steps=steps)
    block = Block(number=1, code="x = rlm_query('who?')", children=(child,))
    return Trajectory(run="r", status="done", question="?", steps=(Step(number=1, blocks=(block,)),))


def test_child_runs_open_into_their_own_aligned_steps_in_each_form():
    both = rlm_lab.compare(with_child("look", "EV"), with_child("look", "OO"))
    (child,) = comparison_json(both)["pairs"]["0-1"]["rows"][0]["children"]
    assert [row["kind"] for row in child["rows"]] == ["same", "changed"]
    assert child["marks"]["answer"] == [[[0, 2]], [[0, 2]]]
    assert child["turned"]["sentence"] == child["texts"]["sentence"]
    assert "Steps of this child run: 1 same; 1 changed" in both._repr_html_()
    assert "┆     B   1 │ print('OO')" in both.text()


def test_child_runs_that_are_the_same_take_no_room():
    same, one, other = with_child("look", "EV"), with_child("look", "EV"), with_child("look", "OO")
    last = [dataclasses.replace(run.steps[0], number=2) for run in (one, other)]
    runs = [dataclasses.replace(one, steps=(same.steps[0], step)) for step in last]
    found = [row["children"][0] for row in pair_json(rlm_lab.compare(runs), 0, 1, Room(rows=2))["rows"]]
    assert [(child["same"], "rows" in child) for child in found] == [(True, False), (False, True)]


def test_child_runs_without_room_are_told_and_not_opened():
    both = rlm_lab.compare(with_child("look", "EV"), with_child("look", "OO"))
    (child,) = pair_json(both, 0, 1, Room(rows=1))["rows"][0]["children"]
    assert child["a"]["answer"] == "EV"
    assert "rows" not in child


def test_a_row_of_the_text_tells_outputs_calls_variables_and_what_they_took(eight):
    text = eight.text(110)
    assert "    call 2 answer\n    A   1 │ “Most departures” asks for a count" in text
    assert "A took 3.5 s; B 2.8 s" in text
    assert "    output\n    A   2 │ UA    1364" in text


def test_runs_that_were_played_from_a_recording_are_told():
    a, b = (Trajectory(run=name, status="done", question="?", cassette=tape) for name, tape in (("a", None), ("b", {"model": "m"})))
    assert differing.given_text(pair_of(a, b)).endswith("; B played from a recording, in the time that playing takes")
    assert "played" not in differing.given_text(pair_of(a, a))


def test_runs_that_are_nested_without_end_are_compared_as_far_as_is_of_use():
    runs = [with_child("EV"), with_child("OO")]
    for _ in range(300):
        steps = [(Step(number=1, blocks=(Block(number=1, code="x = rlm_query('?')", children=(run,)),)),) for run in runs]
        runs = [Trajectory(run="r", status="done", question="?", steps=one) for one in steps]
    both = rlm_lab.compare(runs)
    assert both.divergence.sentence == "The same code started the same child run, which did something else."
    assert json.dumps(comparison_json(both)).count('"rows"') == 1 + DEEPEST
    assert both.text().count("child run ≠") == both._repr_html_().count(">other child run<") == 4
