"""Tags and scores in the dashboard's list of runs."""

from __future__ import annotations

from rlm_lab.dashboard.shelf import Shelf
from rlm_lab.trajectory.notes import notes_path


def test_tags_and_scores_stand_in_the_row_as_soon_as_they_are_given(asked):
    run = asked("FINAL(1)")
    shelf = Shelf([run.path.parent])
    assert shelf.look({})[run.id]["tags"] == ""
    run.tag("<b>late", step=None)
    run.score("right", 0.5)
    run.note("not in the list")
    assert shelf.look({})[run.id]["tags"] == "#<b>late · right 0.5"


def test_a_bad_notes_file_keeps_no_run_from_the_list(asked):
    run = asked("FINAL(1)")
    notes_path(run.path).write_text("{", encoding="utf-8")
    assert Shelf([run.path.parent]).look({})[run.id]["tags"] == "notes cannot be read"
