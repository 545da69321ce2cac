"""`rlm-lab export`, word by word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas
import pytest

from rlm_lab import Run, ScriptedModel, ask


@pytest.fixture
def run(cli: Any) -> Run:
    made = ask("How many?", model=ScriptedModel(["```repl\nFINAL(6)\n```"]), namespace={})
    assert isinstance(made, Run)
    return made


def test_a_run_is_exported_by_its_id(cli: Any, run: Run) -> None:
    outcome = cli("export", run.id, "--to", "md")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith(f"{run.id}.md · ")
    assert "FINAL(6)" in Path(f"{run.id}.md").read_text(encoding="utf-8")


def test_the_files_suffix_tells_the_form(cli: Any, run: Run) -> None:
    assert cli("export", run.id, "--out", "a.ipynb").status == 0
    assert Path("a.ipynb").read_text(encoding="utf-8").startswith("{")


def test_several_runs_make_one_table(cli: Any, run: Run) -> None:
    assert cli("export", run.id, str(run.path), "--out", "both.steps.csv").status == 0
    assert pandas.read_csv("both.steps.csv").run.tolist() == [run.id, run.id]


def test_without_a_name_the_newest_run_is_exported(cli: Any, run: Run) -> None:
    assert cli("export", "--to", "finetune").out.startswith(f"{run.id}.finetune.jsonl · ")


def test_help_lists_the_forms(cli: Any) -> None:
    outcome = cli("export", "--help")
    assert "ipynb          a notebook that runs without a model" in outcome.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "pdf"], "cannot be exported to 'pdf'"),
        (["--out", "a.pdf"], "tells no form"),
        (["--to", "md", "--shorten", "3"], "md has no option 'shorten'"),
        (["--shorten", "x"], "invalid int value: 'x'"),
        (["--modle"], "There is no flag --modle"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_line(cli: Any, run: Run, words: list[str], says: str) -> None:
    outcome = cli("export", run.id, *words)
    assert outcome.status != 0
    assert says in outcome.line


def test_a_file_that_is_there_stays(cli: Any, run: Run) -> None:
    assert cli("export", run.id).status == 0
    assert "exists; give another path" in cli("export", run.id).line
    assert cli("export", run.id, "--overwrite").status == 0
