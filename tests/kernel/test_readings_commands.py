"""`%rlm lint` and `%rlm why` in a real shell."""

from __future__ import annotations

from typing import Any

import pytest

from rlm_lab import ScriptedModel


@pytest.fixture
def asked_once(cells: Any) -> Any:
    blocks = ("said = llm_query('who?')\nprint(1)", "n = sum(flights)\nFINAL(n)")
    cells["model"] = ScriptedModel([f"```repl\n{block}\n```" for block in blocks])
    cells["sub"] = ScriptedModel(lambda _: "nobody")
    cells.run("%%rlm -c flights -m model --sub-model sub -o answer\nHow many flights?").raise_error()
    return cells


def test_lint_shows_what_to_look_at(asked_once: Any) -> None:
    asked_once.run("%rlm lint").raise_error()
    shown = asked_once.shown[-1]
    assert all("unused call" in shown[form] for form in ("text/plain", "text/html"))


def test_why_gives_the_graph_which_shows_itself(asked_once: Any) -> None:
    origin = asked_once.run("origin = %rlm why\norigin").result
    assert [node.name for node in origin.nodes] == ["", "n", "flights"]
    bundle = asked_once.shell.display_formatter.format(origin)[0]
    assert all("context flights" in bundle[form] for form in ("text/plain", "text/html"))


def test_a_run_is_named_by_id_or_variable(asked_once: Any) -> None:
    asked_once.run("mine = %rlm last").raise_error()
    assert asked_once.run(f"%rlm why {asked_once['mine'].id}").result == asked_once.run("%rlm why mine").result


def test_notes_tags_and_scores_are_kept_and_listed(asked_once: Any) -> None:
    asked_once.run("%rlm note --step 1 Is this right?").raise_error()
    asked_once.run("%rlm tag late odd").raise_error()
    asked_once.run("%rlm score right 0.5").raise_error()
    notes = asked_once.run("%rlm last").result.notes
    assert [(note.kind, note.text, note.step) for note in notes.entries[:1]] == [("note", "Is this right?", 1)]
    assert (notes.tags, notes.scores) == (("late", "odd"), {"right": 0.5})
    asked_once.run("%rlm note").raise_error()
    assert "#late" in asked_once.shown[-1]["text/plain"]


@pytest.mark.parametrize("line", ["note --step 9 x", "note --step two x", "tag", "score right", "score right much"])
def test_what_does_not_fit_is_told_in_a_line(asked_once: Any, line: str) -> None:
    assert type(asked_once.run(f"%rlm {line}").error_in_exec).__name__ == "UsageError"


@pytest.mark.parametrize("line", ["{run} 'x y' --step 1", "--step 1 {run} x y", "mine x y --step 1", "--run {run} x y --step 1"])
def test_a_note_takes_its_run_first_and_its_flags_on_either_side(asked_once: Any, line: str) -> None:
    asked_once.run("mine = %rlm last").raise_error()
    mine = asked_once["mine"]
    asked_once.run("%%rlm -c flights -m model --sub-model sub -o answer\nAnd now?")
    asked_once.run("%rlm note " + line.format(run=mine.id)).raise_error()
    assert [(note.text, note.step) for note in mine.notes.entries] == [("x y", 1)]


def test_a_tag_that_is_given_twice_stands_once_on_its_run(asked_once: Any) -> None:
    run = asked_once.run("%rlm last").result
    asked_once.run(f"%rlm tag {run.id} odd odd slow").raise_error()
    asked_once.run("%rlm tag odd --step 1").raise_error()
    assert [(note.text, note.step) for note in run.notes.entries] == [("odd", None), ("slow", None), ("odd", 1)]


@pytest.mark.parametrize("word", ["note", "tag", "score"])
def test_help_on_notes_is_shown_and_stores_nothing(asked_once: Any, word: str) -> None:
    asked_once.run(f"%rlm {word} --help").raise_error()
    assert f"%rlm {word} [RUN]" in asked_once.shown[-1]["text/plain"]
    assert not asked_once.run("%rlm last").result.notes.entries


def test_a_note_may_begin_with_a_flag_after_two_dashes(asked_once: Any) -> None:
    assert "--stpe" in str(asked_once.run("%rlm note --stpe 1 x").error_in_exec)
    asked_once.run("%rlm note -- --step 3").raise_error()
    assert asked_once.run("%rlm last").result.notes.entries[0].text == "--step 3"
