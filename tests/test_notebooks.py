"""The lessons run: from their recordings always, and on the embedded model where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_lab import load
from rlm_lab.demo import run_headless
from rlm_lab.models.local import installed

ROOT = Path(__file__).parent.parent


def rlm_lab(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the command `rlm-lab` as a user does; Python's warnings do not matter in a user's kernel."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    command = [sys.executable, "-c", "from rlm_lab.cli import main; main()", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_demo_plays_its_recording_and_its_answers_are_right(tmp_path):
    done = rlm_lab("demo", "--headless", "--replay", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("played from a recording of") == 4


def test_the_lesson_on_control_runs_and_its_checks_hold():
    told = []
    lesson = ROOT / "notebooks" / "02-stay-in-control.ipynb"
    assert run_headless(told.append, lesson=lesson, environment={"RLM_LAB_HEADLESS": "0"}), told[-1]
    assert sum("question" in line for line in told) == 11


@pytest.mark.parametrize("name", ["04-long-text-and-context-rot", "05-compare-models-and-budgets"])
def test_a_lesson_on_many_runs_plays_its_recordings_and_its_checks_hold(name):
    told = []
    lesson = ROOT / "notebooks" / f"{name}.ipynb"
    environment = {"RLM_LAB_REPLAY": str(lesson.parent / "recordings")}
    assert run_headless(told.append, lesson=lesson, environment=environment), told[-1]


def test_the_lesson_on_trajectories_plays_its_recordings_and_its_checks_hold():
    told = []
    lesson = ROOT / "notebooks" / "03-anatomy-of-a-trajectory.ipynb"
    assert run_headless(told.append, lesson=lesson, environment={}), told[-1]
    assert sum("played from a recording of" in line for line in told) >= 2


def test_the_lesson_on_logs_of_other_engines_runs(tmp_path):
    told = []
    notebooks = shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    assert run_headless(told.append, lesson=notebooks / "06-bring-your-own-logs.ipynb", environment={}), told[-1]
    assert not (notebooks / "imported-runs").exists()


@pytest.mark.model
def test_the_demo_answers_right_on_the_embedded_model(tmp_path):
    if not installed():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the embedded model is not installed: rlm-lab model install")
    done = rlm_lab("demo", "--headless", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    paths = [Path(line.split()[-1]) for line in done.stdout.splitlines() if line.strip().endswith(".rlm.jsonl")]
    assert len(paths) == 4
    assert any(block.batches for path in paths for step in load(path).steps for block in step.blocks)
