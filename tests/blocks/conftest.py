"""Runs whose model is a script, for attacks on what a block may do."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rlm_lab import Budget, ScriptedModel, Settings
from rlm_lab.engine.run import Run, paused_runs
from rlm_lab.kernel.ask import Inquiry, prepare


def script(*blocks: str) -> ScriptedModel:
    """A root model that gives one block of code per reply."""
    return ScriptedModel([f"```repl\n{block}\n```" for block in blocks], name="root")


def echo(messages: Any) -> str:
    """A sub model's answer that tells which prompt it was given."""
    return "re:" + str(messages[-1].content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Makes runs that log into a folder of the test's own."""

    runs: Path

    def prepare(self, *blocks: str, model: Any = None, sub: Any = echo, budget: Budget | None = None, **given: Any) -> Run:
        settings = Settings(runs=self.runs, **given.pop("settings", {}))
        return prepare(
            Inquiry(
                question=given.pop("question", "What is it?"),
                model=model or script(*blocks),
                sub_model=ScriptedModel(sub, name="sub") if callable(sub) and not isinstance(sub, ScriptedModel) else sub,
                namespace=given.pop("namespace", {"__name__": "__main__"}),
                budget=budget or Budget(),
                settings=settings,
                **given,
            )
        )

    def run(self, *blocks: str, **given: Any) -> Run:
        """A run to its end."""
        run = self.prepare(*blocks, **given)
        run.start()
        return run

    def paused(self, *blocks: str, **given: Any) -> Run:
        """A run that its script interrupts."""
        run = self.prepare(*blocks, **given)
        with pytest.raises(KeyboardInterrupt):
            run.start()
        assert run.status == "paused"
        return run

    @staticmethod
    def family(root: str, child: str) -> ScriptedModel:
        """A model that answers the root run with one block and each child run with another."""
        return ScriptedModel(lambda messages: f"```repl\n{root if 'What is it?' in messages[1].content else child}\n```")

    @staticmethod
    def go_on(run: Run) -> int:
        """Resumes until the run has ended; gives how often it was paused again."""
        pauses = 0
        while run.status == "paused":
            try:
                run.resume()
            except KeyboardInterrupt:
                pauses += 1
        return pauses

    @staticmethod
    def errors_of(run: Run) -> list[str]:
        """What went wrong in the run's blocks."""
        return [block.error["message"] for step in run.steps for block in step.blocks if block.error]

    @staticmethod
    def shown_by(run: Run) -> str:
        """All text that the run's blocks showed."""
        return "".join(part.text for step in run.steps for block in step.blocks for part in block.outputs)

    @staticmethod
    def interrupt() -> None:
        """What Ctrl-C does, from any thread."""
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    @staticmethod
    def is_paused() -> bool:
        return bool(paused_runs())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Runs of this test; what it leaves paused is stopped, and the handler of SIGINT must be as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield Bench(runs=tmp_path / "runs")
    for run in paused_runs():
        run.stop()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def quick_turns() -> Iterator[None]:
    """Lets a thread that interrupts have its turn while a block computes."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
