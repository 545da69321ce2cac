"""Lints and the way of an answer, as text, as static HTML, and in the feed of the live view."""

from __future__ import annotations

import pytest

from rlm_lab import load
from rlm_lab.analysis.lints import lints_of
from rlm_lab.analysis.provenance import Link, Node, Provenance, origin_of
from rlm_lab.trajectory.notes import notes_path
from rlm_lab.trajectory.tree import ENDED
from rlm_lab.views.concluding import conclude, conclude_file
from rlm_lab.views.feed import Feed
from rlm_lab.views.html import summary_html
from rlm_lab.views.linting import lints_html, lints_text
from rlm_lab.views.origin import origin_html, origin_text
from rlm_lab.views.page import page_html
from rlm_lab.views.text import to_text

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def node_of(feed: Feed, kind: str) -> dict:
    return next(node for node in feed.snapshot()["nodes"] if node["kind"] == kind)


@pytest.fixture
def run(asked):
    return asked("said = llm_query('who?')\nprint(1)", "n = len(book)", "FINAL(n)", context={"book": "a b c"})


def test_the_tree_is_told_as_text(run):
    assert origin_text(run.why()) == "Answer “5”\n└─ n, step 2, line 1 = 5\n   └─ context book"


def test_lints_are_told_by_place(run):
    assert "step 1, line 1, call 1 · warning · unused call\n    The answer of call 1 is neither" in lints_text(run.lints())


def test_no_lint_is_no_praise():
    assert "does not make the answer right" in lints_text(())
    assert "does not make the answer right" in lints_html(())


def test_hostile_texts_stay_texts(run_of):
    for status in ENDED:
        trajectory = run_of(HOSTILE, status)
        shown = origin_html(origin_of(trajectory)) + lints_html(lints_of(trajectory))
        assert "<script" not in shown
        assert "\x1b" not in origin_text(origin_of(trajectory)) + lints_text(lints_of(trajectory))


def test_a_value_of_many_ways_is_told_once_and_a_long_tree_is_cut():
    chain = [Node(key=str(at), kind="variable", run="a", name=f"v{at}") for at in range(500)]
    links = [Link(value=str(at), source=str(at + 1), certain=True, reason="r") for at in range(499)]
    links += [Link(value="1", source="3", certain=False, reason="r"), Link(value="400", source="0", certain=True, reason="loop")]
    text = origin_text(Provenance(run="a", nodes=tuple(chain), links=tuple(links)))
    assert "as above" in text
    assert "more values left out here." in text


def test_the_feed_of_an_ended_run_tells_both_with_ids_to_select(run):
    feed = Feed(run.events)
    conclude(feed, run.trajectory)
    (lint,) = node_of(feed, "lints")["lints"]
    assert (lint["step"], lint["call"], lint["name"]) == ("r0s1", "r0c1", "unused call")
    rows = node_of(feed, "origin")["rows"]
    assert [(row["depth"], row["kind"], row["at"]) for row in rows] == [
        (0, "answer", None), (1, "variable", "r0s2"), (2, "context", None),
    ]  # fmt: skip


def test_a_file_is_concluded_from_itself(run, tmp_path):
    feed = Feed(run.events)
    conclude_file(feed, run.path)
    assert node_of(feed, "origin")["rows"]
    conclude_file(feed, tmp_path / "gone.rlm.jsonl")


def test_going_back_takes_back_what_was_said(run):
    feed = Feed(run.events)
    conclude(feed, run.trajectory)
    run.rewind(2)
    feed.take(next(event for event in run.events if event.type == "rewound"))
    assert node_of(feed, "lints")["lints"] == []
    assert node_of(feed, "origin")["rows"] == []


def test_what_the_engine_flagged_is_not_shown_twice(asked):
    run = asked("print(len(book))", "FINAL('Montevideo')", context={"book": "a b c" * 500})
    feed = Feed(run.events)
    conclude(feed, run.trajectory)
    assert node_of(feed, "lints")["lints"] == []


def test_a_page_has_them(run):
    assert '"kind":"origin"' in page_html(run.trajectory)


def test_notes_are_shown_with_the_run_and_are_harmless(run):
    run.note(f"Look: {HOSTILE}", step=1)
    run.tag("odd")
    trajectory = load(run.path)
    assert "#odd on the run" in to_text(trajectory)
    assert "\x1b" not in to_text(trajectory)
    assert "<script" not in summary_html(trajectory)
    feed = Feed(run.events)
    conclude(feed, trajectory)
    assert [(note["step"], note["title"]) for note in node_of(feed, "notes")["notes"]] == [("r0s1", "note"), ("r0", "#odd")]


def test_a_bad_notes_file_does_not_keep_a_run_from_being_shown(run):
    notes_path(run.path).write_text("{", encoding="utf-8")
    trajectory = load(run.path)
    assert "notes file" in to_text(trajectory)
    assert "notes file" in summary_html(trajectory)
    conclude(Feed(run.events), trajectory)
