"""`%rlm export` in a real shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from rlm_lab import ScriptedModel


@pytest.fixture
def asked_once(cells: Any) -> Any:
    cells["model"] = ScriptedModel(["```repl\nFINAL(sum(flights))\n```"])
    cells.run("%%rlm -c flights -m model -o answer\nHow many flights?").raise_error()
    return cells


def test_the_last_run_is_exported_with_its_data(asked_once: Any) -> None:
    asked_once.run("%rlm export --out a.ipynb --contexts").raise_error()
    assert asked_once.shown[-1]["text/plain"].startswith("a.ipynb · ")
    source = nbformat.read("a.ipynb", as_version=4).cells[3].source
    assert "flights = rlm_record.load('a.data/flights.json')" in source
    assert Path("a.data/flights.json").read_text(encoding="utf-8") == "[1, 2, 3]"


def test_a_run_of_the_folder_is_exported_by_its_id(asked_once: Any) -> None:
    name = asked_once.run("%rlm last").result.id
    asked_once.run(f"%rlm export {name} --to md").raise_error()
    assert Path(f"{name}.md").is_file()


def test_help_tells_the_forms(cells: Any) -> None:
    cells.run("%rlm export --help").raise_error()
    assert "finetune" in cells.shown[-1]["text/plain"]


@pytest.mark.parametrize(
    ("words", "says"),
    [("--to pdf", "cannot be exported to 'pdf'"), ("nothing", "There is no run 'nothing'"), ("--tow md", "There is no flag --tow")],
)
def test_what_cannot_be_exported_is_one_line(asked_once: Any, words: str, says: str) -> None:
    assert says in asked_once.error(f"%rlm export {words}")
