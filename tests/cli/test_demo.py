"""The demo executes a lesson in a fresh kernel and tells its runs; here with lessons that a script answers."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from rlm_lab.demo import run_headless

MODEL = """%load_ext rlm_lab
from rlm_lab import ScriptedModel
model = ScriptedModel(['```repl\\nFINAL(sum(numbers))\\n```'])
numbers = [1, 2]"""
ASK = "%%rlm -c numbers -m model -o answer\nWhat is the sum?"


def lesson(folder: Path, *cells: str) -> Path:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path = folder / "lesson.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture
def said() -> list[str]:
    return []


def test_each_run_is_told_with_its_trajectory(tmp_path: Path, said: list[str]) -> None:
    assert run_headless(said.append, lesson=lesson(tmp_path, MODEL, ASK, "assert answer == sum(numbers)"), environment={})
    run, last = said
    for part in (
        "question   What is the sum?",
        "answer     3",
        "1 steps, 0 calls",
        "model      scripted",
        f"trajectory {tmp_path}",
    ):
        assert part in run
    assert "All checks of lesson.ipynb passed" in last


def test_a_wrong_answer_fails(tmp_path: Path, said: list[str]) -> None:
    assert not run_headless(said.append, lesson=lesson(tmp_path, MODEL, ASK, "assert answer == 4, 'it is 3'"), environment={})
    assert said[-1] == "A cell of lesson.ipynb failed: AssertionError: it is 3"


def test_a_failed_run_is_told_and_fails(tmp_path: Path, said: list[str]) -> None:
    assert not run_headless(said.append, lesson=lesson(tmp_path, MODEL + "\nmodel = ScriptedModel([])", ASK), environment={})
    assert "answer     Model 'scripted' has 0 scripted replies" in said[0]
    assert "ModelError" in said[-1]


def test_a_recording_made_by_the_demo_is_played_and_labelled(tmp_path: Path, said: list[str]) -> None:
    path = lesson(tmp_path, MODEL + "\n%config RLM.model = 'model'", ASK.replace("-m model ", ""), "assert answer == 3")
    assert run_headless(said.append, lesson=path, environment={"RLM_LAB_RECORD": f"{tmp_path / 'tapes'}/"})
    path = lesson(tmp_path, "%load_ext rlm_lab\nnumbers = [1, 2]", ASK.replace("-m model ", ""), "assert answer == 3")
    assert run_headless(said.append, lesson=path, environment={"RLM_LAB_REPLAY": str(tmp_path / "tapes")})
    assert "model      scripted, played from a recording of 20" in said[2]
