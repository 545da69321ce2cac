"""Lint and types, as part of the tests: one command shows whether a change may land."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("words", [["ruff", "check", "."], ["ruff", "format", "--check", "rlm_lab"], ["mypy"]], ids=" ".join)
def test_the_code_is_clean(words):
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
