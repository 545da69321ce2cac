"""Completion on `%%rlm` and `%rlm` lines, through IPython's own completer."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

from rlm_lab import ScriptedModel


def completed(cells: Any, text: str) -> list[str]:
    """What the line becomes with each completion."""
    cells["tiny"] = ScriptedModel([])
    with provisionalcompleter():
        found = list(cells.shell.Completer.completions(text, len(text)))
    return [text[: one.start] + one.text for one in found]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("%%rlm --max-c", ["%%rlm --max-calls", "%%rlm --max-cost"]),
        ("%%rlm -c fli", ["%%rlm -c flights"]),
        ("%%rlm --context=fli", ["%%rlm --context=flights"]),
        ("%%rlm -c late=fli", ["%%rlm -c late=flights"]),
        ("%%rlm -m ti", ["%%rlm -m tiny"]),
        ("%%rlm -c flights --sub-model local", ["%%rlm -c flights --sub-model local", "%%rlm -c flights --sub-model local-small"]),
        ("%%rlm --profile st", ["%%rlm --profile standard"]),
        ("%rlm sh", ["%rlm show"]),
        ("run = %rlm la", ["run = %rlm last"]),
        ("%rlm doctor --", ["%rlm doctor --no-ask"]),
        ("%%rlm --st", ["%%rlm --step"]),
        ("%%rlm --step --break ca", ["%%rlm --step --break calls"]),
        ("%rlm st", ["%rlm step", "%rlm stop"]),
        ("%rlm step --", ["%rlm step --into"]),
        ("%rlm step --into c", ["%rlm step --into calls"]),
        ("%rlm continue --until an", ["%rlm continue --until answer"]),
        ("%rlm break calls > 3 and pro", ["%rlm break calls > 3 and prompt", "%rlm break calls > 3 and prompts"]),
        ("%rlm break --", ["%rlm break --clear"]),
        ("%rlm export --to ip", ["%rlm export --to ipynb"]),
        ("%rlm export --ov", ["%rlm export --overwrite"]),
    ],
)
def test_what_fits_is_offered_and_nothing_else(cells: Any, text: str, becomes: list[str]) -> None:
    assert sorted(completed(cells, text)) == becomes


def test_functions_are_tools_and_no_data(cells: Any) -> None:
    cells.run("def flip(x): return x")
    assert completed(cells, "%%rlm -c fl") == ["%%rlm -c flights"]
    assert completed(cells, "%%rlm --tools fl") == ["%%rlm --tools flip"]


def test_runs_are_offered_by_their_ids(cells: Any) -> None:
    cells["model"] = ScriptedModel(["```repl\nFINAL(1)\n```"])
    cells.run("%%rlm -m model\nHow many?").raise_error()
    run = cells.run("%rlm last").result
    assert completed(cells, f"%rlm show {run.id[:9]}") == [f"%rlm show {run.id}"]


def test_paused_runs_are_offered_where_one_is_named(cells: Any) -> None:
    cells["model"] = ScriptedModel(["```repl\nFINAL(1)\n```"])
    cells.run("%%rlm -m model --step\nHow many?").raise_error()
    run = cells.run("%rlm last").result
    for command in ("%rlm continue", "%rlm step", "%rlm edit", "%rlm stop", "%%rlm_edit", "%%rlm_answer"):
        assert completed(cells, f"{command} {run.id[:-1]}") == [f"{command} {run.id}"]
    assert completed(cells, f"%rlm cap 2 {run.id[:-1]}") == [f"%rlm cap 2 {run.id}"]
    for place in ("%rlm cap", "%rlm rewind", "%rlm rewind 1 --request"):
        assert completed(cells, f"{place} {run.id[:-1]}") == []
    cells.run("%rlm stop")


def test_runs_their_variables_and_the_flags_of_a_command_are_offered(cells: Any) -> None:
    cells["model"] = ScriptedModel(["```repl\nFINAL(1)\n```"])
    cells.run("%%rlm -m model\nHow many?").raise_error()
    cells.run("late_run = %rlm last").raise_error()
    run = cells["late_run"]
    for command in ("lint", "why", "export", "note", "dashboard", "replay", "resume", "compare x"):
        assert completed(cells, f"%rlm {command} {run.id[:-1]}") == [f"%rlm {command} {run.id}"]
        assert completed(cells, f"%rlm {command} late_") == [f"%rlm {command} late_run"]
    assert completed(cells, "%rlm fork 1 --sub") == ["%rlm fork 1 --sub-model"]
    assert completed(cells, "%rlm fork 1 --model mod") == ["%rlm fork 1 --model model"]
    assert completed(cells, "%rlm rewind 1 --req") == ["%rlm rewind 1 --request"]


def test_other_lines_are_left_alone(cells: Any) -> None:
    assert "fli" not in completed(cells, "%%time --max-c")
    assert "flights" in completed(cells, "flig")
