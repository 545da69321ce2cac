"""`rlm-lab`, word by word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlm_lab import ScriptedModel, ask, load
from rlm_lab.config import load_settings

COUNT = "```repl\nFINAL(len(note.split()))\n```"


def test_without_words_the_help_is_shown(cli: Any) -> None:
    outcome = cli()
    assert (outcome.status, outcome.err) == (0, "")
    assert "ask a question about files" in outcome.out


@pytest.mark.parametrize(
    "words",
    [
        ["ask", "--help"],
        ["model", "--help"],
        ["demo", "-h"],
        ["model"],
        ["model", "install", "--help"],
        ["note", "--help"],
        ["compare", "-h"],
        ["import", "--to", "there", "--help"],
    ],
)
def test_each_command_has_help(cli: Any, words: list[str]) -> None:
    outcome = cli(*words)
    assert (outcome.status, outcome.err) == (0, "")
    assert f"usage: rlm-lab {words[0]}" in outcome.out


def test_help_loads_nothing_heavy() -> None:
    heavy = {"litellm", "IPython", "pandas", "greenlet"}
    code = f"import sys, rlm_lab.cli as cli; cli.main(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_question_about_a_file_is_answered(cli: Any, tape: Any) -> None:
    tape("How many words?", COUNT)
    outcome = cli("ask", "How many words?", "note.txt", "--replay", "tape.jsonl")
    assert outcome.status == 0
    assert outcome.out.startswith("3\n")
    assert outcome.line.startswith("The log: ")


def test_flags_and_files_may_come_in_any_order(cli: Any, tape: Any) -> None:
    tape("How many words?", COUNT)
    assert cli("ask", "--replay=tape.jsonl", "How many words?", "--max-cost", "1", "note=note.txt").status == 0


def test_the_answer_can_be_written_to_a_file(cli: Any, tape: Any) -> None:
    tape("How many words?", COUNT)
    cli("ask", "How many words?", "-c", "note.txt", "--replay", "tape.jsonl", "-o", "answer.txt")
    assert Path("answer.txt").read_text(encoding="utf-8") == "3\n"


def test_a_table_is_a_dataframe(cli: Any) -> None:
    Path("data.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    import pandas

    frame = pandas.read_csv("data.csv")
    model = ScriptedModel(["```repl\nFINAL(int(data.a.sum()))\n```"])
    ask("What is the sum of a?", context={"data": frame}, model=model, record=Path("tape.jsonl"), namespace={})
    assert cli("ask", "What is the sum of a?", "data.csv", "--replay", "tape.jsonl").out.startswith("4\n")


def test_a_failed_run_fails_the_command(cli: Any, tape: Any) -> None:
    tape("How many words?", COUNT)
    outcome = cli("ask", "How many letters?", "note.txt", "--replay", "tape.jsonl")
    assert outcome.status == 1
    assert "rlm-lab: The cassette tape.jsonl does not fit" in outcome.err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["fork", "--help"], 2, "fork works in the kernel that holds the run's data: in a notebook, as %rlm fork STEP"),
        (["fly"], 2, "There is no command 'fly'."),
        (["mdoel"], 2, "Did you mean model?"),
        (["runs", "now"], 2, "'now' is too much"),
        (["ask"], 2, "The question is missing"),
        (["ask", " ", "note.txt"], 2, "The question is missing"),
        (["ask", "What?", "none.txt"], 2, "There is no file none.txt. Check the path; the folder is "),
        (["compare", "last"], 2, "1 given; name another by its id: rlm-lab runs lists them."),
        (["ask", "What?", "."], 2, "is a folder"),
        (["ask", "What?", "--modle", "x"], 2, "There is no flag --modle. Did you mean --model"),
        (["ask", "What?", "--max-cost", "0"], 2, "give a number above 0"),
        (["ask", "What?", "--record", "a", "--replay", "b"], 2, "Both --record and --replay"),
        (["ask", "What?", "--tools", "json"], 2, "give module:function"),
        (["ask", "What?", "--tools", "json:nothing"], 2, "cannot be loaded"),
        (["ask", "What?", "--schema", "{"], 2, "is no JSON schema"),
        (["ask", "What?"], 1, "No model is set"),
        (["ask", "What?", "-m", "nosuchmodel"], 1, "There is no model 'nosuchmodel'"),
        (["show", "nothing"], 1, "There is no run 'nothing'"),
        (["show"], 1, "There are no runs"),
        (["model", "install", "--from", "none.gguf"], 1, "There is no file none.gguf"),
        (["model", "install", "a", "--from", "b"], 2, "The file is given twice"),
        (["demo", "--replay", "--record", "x"], 2, "Both --replay and --record"),
    ],
)
def test_what_is_wrong_is_told_with_a_status(cli: Any, words: list[str], status: int, says: str) -> None:
    outcome = cli(*words)
    assert (outcome.status, outcome.out) == (status, "")
    assert says in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err


def test_runs_are_listed_and_shown(cli: Any) -> None:
    run = ask("How many?", model=ScriptedModel(["```repl\nFINAL(6)\n```"]), namespace={})
    assert run.id in cli("runs").out
    for name in (run.id, run.id[:-2], str(run.path)):
        assert "FINAL(6)" in cli("show", name).out


def test_a_corrupt_log_is_told_by_its_line(cli: Any) -> None:
    run = ask("How many?", model=ScriptedModel(["```repl\nFINAL(6)\n```"]), namespace={})
    lines = run.path.read_text(encoding="utf-8").splitlines()
    run.path.write_text("\n".join([lines[0], "{broken", *lines[2:]]), encoding="utf-8")
    outcome = cli("show", str(run.path))
    assert outcome.status == 1
    assert "is corrupt in line 2" in outcome.line


def test_the_doctor_fails_where_no_model_would_answer(cli: Any) -> None:
    outcome = cli("doctor", "--no-ask")
    assert outcome.status == 1
    assert "No model is set" in outcome.out


def test_models_are_listed(cli: Any) -> None:
    assert "rlm-lab model install" in cli("model", "list").out


def test_an_interrupt_ends_the_command_with_one_line(cli: Any, waiting: ScriptedModel, tmp_path: Path) -> None:
    ask("How many?", model=waiting, record="tape.jsonl", namespace={}, settings=load_settings({"runs": "other"}))
    os.mkfifo("here")
    command = [sys.executable, "-m", "rlm_lab.cli", "ask", "How many?", "--replay", "tape.jsonl"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    Path("here").open().close()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert err.strip().startswith("Interrupted, and stopped. The log: ")
    (log,) = (tmp_path / ".rlm" / "runs").iterdir()
    assert load(log).status == "stopped"


def test_a_reader_that_goes_away_is_no_traceback(cli: Any, tmp_path: Path) -> None:
    command = f"{sys.executable} -m rlm_lab.cli --help | true"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_a_lesson_is_written_as_a_page_or_as_words_to_edit(cli: Any, tape: Any) -> None:
    tape("How many words?", COUNT)
    done = cli("lesson")
    assert (done.status, done.err) == (0, "")
    assert Path(done.out.split(" · ")[0]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert cli("lesson", "--out", "words.md").status == 0
    Path("words.md").write_text("## Step 7\n", encoding="utf-8")
    assert cli("lesson", "--words", "words.md").line == "rlm-lab: words.md, line 1: the run has no step 7; it has 1 to 1."
    assert "ends otherwise" in cli("lesson", "--out", "a.pdf").line


@pytest.fixture
def two_runs(cli: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of two runs that answer otherwise."""
    replies = [["```repl\nprint(n)\n```", f"```repl\nFINAL(n + {more})\n```"] for more in (1, 2)]
    return [ask("Plus?", context={"n": 1}, model=ScriptedModel(one), namespace={}).id for one in replies]


def test_runs_are_compared_as_text(cli: Any, two_runs: list[str]) -> None:
    outcome = cli("compare", *two_runs)
    assert (outcome.status, outcome.err) == (0, "")
    told = " ".join(outcome.out.split())
    assert "First divergence, step 2: The same messages got another reply. Everything before it is the same." in told


def test_runs_are_compared_in_a_page(cli: Any, two_runs: list[str]) -> None:
    assert cli("compare", *two_runs, "--to", "html").out.startswith("compare.html · ")
    assert cli("compare", *two_runs, "--to", "html", "--out", "a.html").status == 0
    assert "rlm-lab-comparison" in Path("a.html").read_text(encoding="utf-8")


def test_runs_to_be_compared_may_stand_on_both_sides_of_a_flag(cli: Any, two_runs: list[str]) -> None:
    assert cli("compare", two_runs[0], "--to", "html", two_runs[1]).out.startswith("compare.html · ")


@pytest.mark.parametrize("words", [["one"], ["one", "two"], ["one", "two", "--to", "pdf"]])
def test_what_cannot_be_compared_is_told_in_a_line(cli: Any, words: list[str]) -> None:
    outcome = cli("compare", *words)
    assert outcome.status in (1, 2)
    assert outcome.line.startswith("rlm-lab: ")


LOGS = Path(__file__).parents[1] / "trajectory" / "logs"


def test_a_log_of_another_engine_is_shown_listed_and_imported(cli: Any, tmp_path: Path) -> None:
    shown = cli("show", str(LOGS / "dspy-3.4.1-trajectory.json"))
    assert "Not recorded by dspy: question, times" in shown.out
    imported = cli("import", str(LOGS), "--to", str(tmp_path / "mine"))
    assert (imported.status, len(list((tmp_path / "mine").iterdir()))) == (0, 9)
    assert "Which" in cli("show", str(tmp_path / "mine" / "nano-rlm.rlm.jsonl")).out


def test_an_import_that_cannot_be_is_one_line(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "table.jsonl").write_text("carrier,delay\n")
    outcome = cli("import", str(tmp_path / "table.jsonl"))
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert "table.jsonl is no log that is known here" in outcome.err
