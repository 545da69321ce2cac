"""What is known of one run: its question, where it stands, what came of it. Reads only; may be used from any thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlm_lab.engine.ledger import Ledger, Spent
from rlm_lab.engine.question import Question
from rlm_lab.engine.task import Task
from rlm_lab.errors import RLMError
from rlm_lab.trajectory import events
from rlm_lab.trajectory.fold import Step, Trajectory, fold
from rlm_lab.trajectory.verbs import Verbs


class Record(Verbs):
    """What is known of one run: a root run's, or a child run's that a block has asked for."""

    def __init__(self, task: Task) -> None:
        self._engine = task.engine
        self._task = task
        self._trajectory: tuple[int, Trajectory] | None = None

    def __repr__(self) -> str:
        answer = f": {self.answer!r:.200}" if self.status in {"done", "out_of_budget"} else ""
        return f"<{type(self).__name__} {self.id} {self.status}{answer}>"

    @property
    def asked(self) -> Question:
        """What the run was made from."""
        return self._task.question

    @property
    def status(self) -> str:
        """waiting, running, done, failed, stopped or out_of_budget; a root run may be paused, too."""
        return self._task.status

    @property
    def id(self) -> str:
        """The run's name, that of its file too."""
        return self._task.run_id

    @property
    def question(self) -> str:
        return self._task.question.text

    @property
    def answer(self) -> Any:
        """The answer's value, None as long as there is none."""
        return self._task.answer

    @property
    def answer_text(self) -> str:
        return self._task.answer_text

    @property
    def error(self) -> RLMError | None:
        """Why the run failed."""
        return self._task.error

    @property
    def limit(self) -> str | None:
        """The budget's limit that the run has met, by its name in `Budget`."""
        return self._task.limit

    @property
    def usage(self) -> Spent:
        """What the run and its children have spent."""
        return self._engine.ledger.spent

    @property
    def ledger(self) -> Ledger:
        return self._engine.ledger

    @property
    def calls(self) -> tuple[int, int]:
        """Calls that are answered, and calls that were started."""
        return self._engine.traffic.calls_done, self._engine.traffic.calls_started

    @property
    def path(self) -> Path | None:
        """The run's log."""
        return self._engine.log.path

    @property
    def log_failure(self) -> RLMError | None:
        """Why the log is not whole, if it is not."""
        return self._engine.log.failure

    @property
    def events(self) -> list[events.Event]:
        """The events of the run and its children so far, in their order."""
        return self._engine.log.events

    @property
    def trajectory(self) -> Trajectory:
        """All that is known of the run, folded from its events."""
        known = self._engine.log.events
        if self._trajectory is None or self._trajectory[0] != len(known):
            self._trajectory = (len(known), _found(fold(known), self.id) or self._not_begun())
        return self._trajectory[1]

    def _not_begun(self) -> Trajectory:
        asked = self.asked
        names = asked.model.name, asked.sub_model.name
        return Trajectory(run=self.id, status=self.status, question=asked.text, model=names[0], sub_model=names[1])

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.trajectory.steps

    def to_html(self, path: str | Path, *, shorten: int | None = None) -> Path:
        """Writes the run as one HTML page that needs no network; texts over `shorten` characters are cut there, and say so."""
        import rlm_lab  # by its public name: views stand above the engine

        whole = self.id == next((event.run for event in self._engine.log.events), self.id)
        source = self._engine.log.events if whole else self.trajectory
        return rlm_lab.save_page(source, path, shorten=shorten, contexts=self.asked.contexts)

    def at_hand(self) -> tuple[Trajectory, Mapping[str, Any]]:
        """The trajectory, and the run's data by name."""
        return self.trajectory, self.asked.contexts


def _found(trajectory: Trajectory, run: str) -> Trajectory | None:
    """The trajectory of a run, a root's or somewhere below it; None where no event has told of it."""
    if trajectory.run == run:
        return trajectory
    children = (child for step in trajectory.steps for block in step.blocks for child in block.children)
    return next((_found(child, run) for child in children if run == child.run or run.startswith(f"{child.run}.")), None)
