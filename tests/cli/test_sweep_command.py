"""`rlm-lab sweep`: many runs from the command line, in one folder, from which a sweep goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlm_lab import ScriptedModel, load, sweep

COUNT = "```repl\nFINAL(len(note.split()))\n```"
QUESTION = "How many words?"


@pytest.fixture
def tapes(cli: Any) -> Path:
    """Recordings of two repeats by two methods, for the command line to play."""
    Path("note.txt").write_text("one two three", encoding="utf-8")
    model = {"default": lambda: ScriptedModel([COUNT, "3"], name="scripted")}
    how: dict[str, Any] = {"model": model, "method": ["rlm", "code"], "repeats": 2, "progress": False}
    sweep(QUESTION, context={"note": Path("note.txt")}, record="tapes", folder="recorded", **how)
    return Path("tapes")


PLAYED = ["sweep", QUESTION, "note.txt", "--method", "rlm", "--method", "code", "--repeats", "2", "--replay", "tapes"]


def test_a_sweep_is_played_told_as_a_table_and_found_again_in_its_folder(cli: Any, tapes: Path) -> None:
    first = cli(*PLAYED, "--folder", "told", "--expected", "3", "--out", "rows.csv")
    assert (first.status, first.err.splitlines()[0]) == (0, "The table: rows.csv")
    assert "100% (34%–100%)  3 ×2" in first.out
    assert "4 of 4 runs;" in first.out
    logs = sorted(Path("told").glob("*.rlm.jsonl"))
    assert [load(path).answer for path in logs] == [3] * 4
    assert Path("rows.csv").read_text(encoding="utf-8").count("\n") == 5
    again = cli(*PLAYED, "--folder", "told", "--expected", "3")
    assert (again.out, sorted(Path("told").glob("*.rlm.jsonl"))) == (first.out, logs)


@pytest.mark.parametrize(("out", "told"), [("note.txt", "note.txt exists;"), ("none/rows.csv", "none/rows.csv cannot be written:")])
def test_a_table_that_cannot_be_written_is_told_before_a_run_is_made(cli: Any, tapes: Path, out: str, told: str) -> None:
    outcome = cli(*PLAYED, "--folder", "told", "--out", out)
    assert (outcome.status, told in outcome.line, Path("told").exists()) == (2, True, False)
    assert Path("note.txt").read_text(encoding="utf-8") == "one two three"


def test_a_list_of_numbers_is_expected_as_a_text(cli: Any, tapes: Path) -> None:
    assert "0% (" in cli(*PLAYED, "--folder", "told", "--expected", "3,").out
    assert "100% (" in cli(*PLAYED, "--folder", "told", "--expected", "3.0", "--out", "note.txt", "--overwrite").out


def test_runs_are_made_in_processes_of_their_own(cli: Any, tapes: Path) -> None:
    assert cli(*PLAYED, "--processes", "2", "--folder", "told").status == 0
    assert [load(path).answer for path in Path("told").glob("*.rlm.jsonl")] == [3] * 4


def test_a_sweep_that_leaves_runs_out_says_so_and_fails(cli: Any, tapes: Path) -> None:
    outcome = cli(*PLAYED, "--each", "tokens=800", "--max-tokens", "900", "--folder", "told")
    assert outcome.status == 1
    assert "of 4 runs;" in outcome.out
    assert "What is left of the sweep's tokens does not hold another run." in outcome.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--each", "cost"], "--each is 'cost'; give LIMIT=N"),
        (["--each", "steps=2"], "--each is 'steps=2'; give LIMIT=N"),
        (["--max-calls", "many"], "--max-calls is 'many'; give a whole number."),
        (["--repeats", "0"], "The repeats are 0; give a whole number of at least 1."),
        (["--repeats", "1", "--repeats", "2"], "--repeats is given twice, 1 and 2; give it once."),
        (["--method", "magic"], "There is no method 'magic'"),
        (["--expected"], "--expected: expected one argument"),
    ],
)
def test_what_cannot_be_is_one_line(cli: Any, words: list[str], told: str) -> None:
    outcome = cli("sweep", QUESTION, *words)
    assert outcome.status == 2
    assert told in outcome.line


def test_a_sweep_without_a_question_is_one_line(cli: Any) -> None:
    assert "question" in cli("sweep").line


def test_an_interrupt_tells_how_to_go_on_and_the_same_line_does(cli: Any, waiting: ScriptedModel) -> None:
    model = {"default": lambda: waiting}
    sweep("Wait?", model=model, record="tapes", folder="recorded", progress=False)
    os.mkfifo("here")
    words = ["sweep", "Wait?", "--replay", "tapes", "--folder", "told"]
    process = subprocess.Popen([sys.executable, "-m", "rlm_lab.cli", *words], stderr=subprocess.PIPE, text=True)
    Path("here").open().close()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip() == "rlm-lab: interrupted; 0 of 1 runs are done and kept. The same line with --folder told goes on."
    Path("here").unlink()
    assert "1 of 1 runs;" in cli(*words).out
