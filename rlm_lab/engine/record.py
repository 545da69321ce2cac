"""What is known of one run: its question, where it stands, what came of it. Reads only; may be used from any thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlm_lab.engine.ledger import Ledger, Spent
from rlm_lab.engine.question import Question
from rlm_lab.engine.task import Task
from rlm_lab.errors import RLMError
from rlm_lab.trajectory import events
from rlm_lab.trajectory.fold import Step, Trajectory, fold
from rlm_lab.trajectory.notes import Note, Notes, add, notes_of, placed


class Record:
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

    def note(self, text: str, **about: Any) -> Note:
        """Notes something on the run, or on its `step` or `call` (numbers), in a file beside the log; `by` is you by default."""
        return add(self.path, "note", text, **placed(self.steps, about))

    def tag(self, *tags: str, **about: Any) -> tuple[Note, ...]:
        """Tags the run, or its `step` or `call`, with words."""
        return tuple(add(self.path, "tag", one, **placed(self.steps, about)) for one in tags)

    def score(self, name: str, value: float, **about: Any) -> Note:
        """Gives the run, or its `step` or `call`, a score."""
        return add(self.path, "score", name, value=value, **placed(self.steps, about))

    @property
    def notes(self) -> Notes:
        """What was noted on the run; read from its file each time. Raises `LogError` for a file that holds no notes."""
        return Notes() if self.path is None else notes_of(self.path)

    def lints(self) -> tuple[Any, ...]:
        """What in the run should be looked at, each with its step, reason and remedy: see `rlm_lab.lints_of`."""
        import rlm_lab

        return rlm_lab.lints_of(self.trajectory, self.asked.contexts)

    def why(self) -> Any:
        """Where the answer came from, as a graph that shows itself in a notebook: see `rlm_lab.origin_of`."""
        import rlm_lab

        return rlm_lab.origin_of(self.trajectory, self.asked.contexts)

    def export(self, path: str | Path | None = None, to: str | None = None, **options: Any) -> Path | None:
        """Writes the run in a form that others can open: `rlm_lab.export` tells which there are, and their options."""
        import rlm_lab

        return rlm_lab.export(self, path, to, **options)

    def compare(self, *others: Any) -> Any:
        """The run beside others, as `rlm_lab.compare` gives them."""
        import rlm_lab

        return rlm_lab.compare(self, *others)

    def lesson(self, path: str | Path | None = None, **options: Any) -> Any:
        """The run as a lesson, or with a path its page, written there; the options are those of `rlm_lab.lesson`."""
        import rlm_lab  # by its public name: views stand above the engine

        taught = rlm_lab.lesson(self, **options)
        return taught if path is None else taught.to_html(path)


def _found(trajectory: Trajectory, run: str) -> Trajectory | None:
    """The trajectory of a run, a root's or somewhere below it; None where no event has told of it."""
    if trajectory.run == run:
        return trajectory
    children = (child for step in trajectory.steps for block in step.blocks for child in block.children)
    return next((_found(child, run) for child in children if run == child.run or run.startswith(f"{child.run}.")), None)
