"""`rlm-lab lint` and `rlm-lab why`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from rlm_lab import Run, ScriptedModel, ask


@pytest.fixture
def run(cli: Any) -> Run:
    model = ScriptedModel(["```repl\nprint(llm_query_batched(['who?']))\n```", "```repl\nn = 6\nFINAL(n)\n```"])
    made = ask("How many?", model=model, sub_model=ScriptedModel(lambda _: "6"), namespace={})
    assert isinstance(made, Run)
    return made


def test_hints_alone_are_no_failure(cli: Any, run: Run) -> None:
    outcome = cli("lint", run.id)
    assert (outcome.status, outcome.out.splitlines()[0]) == (0, "step 1, line 1 · hint · batch of one")


def test_signs_that_the_terminal_cannot_show_are_replaced(cli: Any, run: Run) -> None:
    command = [sys.executable, "-m", "rlm_lab.cli", "lint", run.id]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "step 1, line 1 ? hint ? batch of one"), done.stderr


def test_a_warning_gives_status_one(cli: Any) -> None:
    ask("How many?", model=ScriptedModel(["```repl\nprint(1)\n```", "FINAL(Montevideo)"]), namespace={})
    outcome = cli("lint", "--json")
    assert outcome.status == 1
    assert [lint["name"] for lint in json.loads(outcome.out)] == ["unsupported_answer"]


def test_why_prints_the_tree_or_json(cli: Any, run: Run) -> None:
    assert cli("why").out.startswith("Answer “6”\n└─ n, step 2, line 1 = 6")
    assert json.loads(cli("why", run.id, "--json").out)["nodes"][1]["name"] == "n"


def test_a_run_is_noted_tagged_and_scored(cli: Any, run: Run) -> None:
    outcome = cli("note", run.id, "Looks odd.", "--step", "1", "--tag", "late", "--score", "right=1", "--by", "Ada")
    assert (outcome.status, outcome.err) == (0, "")
    assert "Looks odd." in cli("note", run.id).out
    assert [(note.kind, note.by, note.step) for note in run.notes.entries] == [
        ("note", "Ada", 1), ("tag", "Ada", 1), ("score", "Ada", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [["--step", "1", "Odd."], ["--step", "1", "--", "Odd."], ["Odd.", "--step", "1"]])
def test_a_note_may_stand_before_or_after_its_flags(cli: Any, run: Run, words: list[str]) -> None:
    assert cli("note", run.id, *words).err == ""
    assert [(note.text, note.step) for note in run.notes.entries] == [("Odd.", 1)]


def test_what_a_note_needs_and_what_is_too_much_is_told(cli: Any, run: Run) -> None:
    assert cli("note").line.startswith("rlm-lab: The following arguments are required: run")
    assert "'more' is too much" in cli("note", run.id, "text", "--step", "1", "more").line
    assert "There is no flag --stpe" in cli("note", run.id, "--stpe", "1").line


def test_a_score_without_a_number_is_refused(cli: Any, run: Run) -> None:
    assert cli("note", run.id, "--score", "right").status == 2
    assert run.notes.entries == ()
