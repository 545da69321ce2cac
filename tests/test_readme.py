"""The README is true: its example runs, and its commands are those that CI runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from rlm_lab.kernel.arguments import parse_line

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_of_the_readme_gives_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert (result.failed, result.attempted > 4) == (0, True)


def test_ci_takes_its_command_from_the_readme():
    assert 'python -m pip install -e ".[dev]" && python -m pytest' in README
    assert "README.md)" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`%%rlm (-[^`]+)`", README))))
def test_the_flags_that_the_readme_shows_are_understood(line):
    parse_line(line.removesuffix(" + a question"))


def test_pictures_and_files_that_the_readme_names_are_there():
    named = re.findall(r"\((notebooks/[^)]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    assert [name for name in named if not (ROOT / name).exists()] == []
