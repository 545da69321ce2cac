"""What can be said of a run and done with it, whether it lives in this kernel or was read from its file.

Each verb is the public function of that name, applied to the run; a new verb is a method here: runs, child runs and trajectories
have it. The functions stand in higher layers, and so are found by their public names. Never keeps anything; any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rlm_lab.trajectory.notes import Note, Notes
    from rlm_lab.trajectory.tree import Step


class Said(Protocol):
    """What verbs need: where the log is, the steps, and what `at_hand` gives."""

    @property
    def path(self) -> Path | None: ...

    @property
    def steps(self) -> tuple[Step, ...]: ...

    def at_hand(self) -> tuple[Any, Mapping[str, Any] | None]:
        """The trajectory, and the run's data by name where this kernel has it."""


class Verbs:
    """The verbs of runs and trajectories."""

    __slots__ = ()

    def note(self: Said, text: str, **about: Any) -> Note:
        """Notes something on the run, or on its `step` or `call` (numbers), in a file beside the log; `by` is you by default."""
        from rlm_lab.trajectory.notes import add, placed  # it reads logs, and so knows trajectories

        return add(self.path, "note", text, **placed(self.steps, about))

    def tag(self: Said, *tags: str, **about: Any) -> tuple[Note, ...]:
        """Tags the run, or its `step` or `call`, with words."""
        from rlm_lab.trajectory.notes import add, placed

        return tuple(add(self.path, "tag", one, **placed(self.steps, about)) for one in tags)

    def score(self: Said, name: str, value: float, **about: Any) -> Note:
        """Gives the run, or its `step` or `call`, a score."""
        from rlm_lab.trajectory.notes import add, placed

        return add(self.path, "score", name, value=value, **placed(self.steps, about))

    @property
    def notes(self: Said) -> Notes:
        """What was noted on the run; read from its file each time. Raises `LogError` for a file that holds no notes."""
        from rlm_lab.trajectory.notes import Notes, notes_of

        return Notes() if self.path is None else notes_of(self.path)

    def lints(self: Said, contexts: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """What in the run should be looked at: see `rlm_lab.lints_of`. `contexts` is its data by name, where it is not at hand."""
        import rlm_lab

        trajectory, known = self.at_hand()
        return rlm_lab.lints_of(trajectory, known if contexts is None else contexts)

    def why(self: Said, contexts: Mapping[str, Any] | None = None) -> Any:
        """Where the answer came from, as a graph that shows itself: see `rlm_lab.origin_of`; `contexts` as for `lints`."""
        import rlm_lab

        trajectory, known = self.at_hand()
        return rlm_lab.origin_of(trajectory, known if contexts is None else contexts)

    def export(self: Any, path: str | Path | None = None, to: str | None = None, **options: Any) -> Path | None:
        """Writes the run in a form that others can open: `rlm_lab.export` tells which there are, and their options."""
        import rlm_lab

        exported: Path | None = rlm_lab.export(self, path, to, **options)
        return exported

    def compare(self: Any, *others: Any) -> Any:
        """The run beside others, as `rlm_lab.compare` gives them."""
        import rlm_lab

        return rlm_lab.compare(self, *others)

    def lesson(self: Any, path: str | Path | None = None, **options: Any) -> Any:
        """The run as a lesson, or with a path its page, written there; the options are those of `rlm_lab.lesson`."""
        import rlm_lab

        taught = rlm_lab.lesson(self, **options)
        return taught if path is None else taught.to_html(path)
