"""The command line in this process: words in, exit status and two streams out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rlm_lab import ScriptedModel, ask
from rlm_lab.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """What stderr says, which must be one line."""
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`rlm-lab` in an empty folder, with no model set or installed."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RLM_LAB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RLM_LAB_MODELS", str(tmp_path / "models"))

    def run(*words: str) -> Outcome:
        capsys.readouterr()
        status = main(words)
        captured = capsys.readouterr()
        return Outcome(status=status, out=captured.out, err=captured.err)

    return run


WAITS = """```repl
import os
if os.path.exists("here"):
    open("here", "w").close()
while os.path.exists("here"):
    pass
FINAL(1)
```"""


@pytest.fixture
def waiting() -> ScriptedModel:
    """A model whose block answers at once; where a named pipe `here` is, it tells there that it runs, and waits till it is gone."""
    return ScriptedModel([WAITS])


@pytest.fixture
def tape(cli: Cli) -> Callable[..., Path]:
    """Records what a script answers to a question about a file `note.txt`, for the command line to play."""

    def record(question: str, *replies: str) -> Path:
        note = Path("note.txt")
        note.write_text("one two three", encoding="utf-8")
        ask(question, context={"note": note}, model=ScriptedModel(replies), record=Path("tape.jsonl"), namespace={})
        return Path("tape.jsonl")

    return record
