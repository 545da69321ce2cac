"""Playing a recorded run again: its code runs, its replies and answers come from the record, each output is compared with it.

States: *playing* ─▶ *live* (the record has ended, or somebody has taken over). While it plays nothing reaches the run's own file:
what the step under way tells is held, and is written only if the run goes on from there. Main thread only, but for `end`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.engine.observation import BlockReport
from rlm_lab.engine.recorded import KnownReply, Recorded
from rlm_lab.errors import LogError
from rlm_lab.trajectory.events import CallFinished, CallStarted, Edited, Event, Rewound
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.store import EventLog
from rlm_lab.trajectory.tree import Block, Step, Trajectory

UNENDED = frozenset({"running", "paused", "interrupted"})
_AFTER = {"code": str, "reply": str, "final": str, "model": str, "sub_model": str, "cap": int, "prompt": list}  # of an edit
_LASTING = frozenset({"model", "sub_model", "budget"})
_NORMAL = (
    (re.compile(r"0x[0-9a-fA-F]{4,}"), "0x…"),  # addresses
    (re.compile(r"<ipython-input-[^>]*>|<rlm [^>]*>"), "<code>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:?\d\d|Z)?"), "a time"),
    (re.compile(r"\b\d+(\.\d+)?(e-?\d+)? ?(s|ms|µs|us|ns|seconds|sec|minutes|min)\b"), "some time"),
    (re.compile(r"/tmp/\S+"), "/tmp/…"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first place where a block does something else than its record says."""

    what: str  # output or error
    recorded: str
    now: str

    def __str__(self) -> str:
        return f"its {self.what} was {self.recorded!r:.120} and is {self.now!r:.120} now"


@dataclass(slots=True)
class Playback:
    """The record that is played. `runs` are the trajectories of the run and its child runs, by name.

    >>> Playback().playing
    False
    """

    runs: Mapping[str, Trajectory] = field(default_factory=dict)
    edits: list[Edited] = field(default_factory=list)
    playing: bool = False
    root: str = ""
    log: EventLog | None = None  # the run's own, whose events are held while it plays
    known: Recorded | None = None  # what the run knows, and `aside`: what it shall know besides once it is live
    aside: Recorded | None = None
    step: int = 0

    @classmethod
    def of(cls, trajectory: Trajectory, events: Iterable[Event], *, name: str) -> Playback:
        """The playback of a run from its first step, under a name."""
        edits = [dataclasses.replace(edit, run=name + edit.run.removeprefix(trajectory.run)) for edit in _edits(events)]
        runs = {name + run.run.removeprefix(trajectory.run): run for run in _all_runs(trajectory)}
        return cls(runs=runs, edits=edits, playing=True, root=name)

    def write_to(self, log: EventLog) -> None:
        """The run's own log, to be written on where the record ends."""
        self.log = log
        log.hold()

    def begin_step(self, run: str, step: int) -> None:
        """A step begins: what the steps before it told is in the file already."""
        if self.playing and run == self.root:
            self.step = step
            if self.log is not None:
                self.log.hold()

    def end(self) -> None:
        """The record has ended, or somebody takes over: from this step on the run is live."""
        if self.playing:
            self.playing = False
            if self.known is not None and self.aside is not None:
                self.known.extend(self.aside)
            if self.log is not None:
                self.log.let_go(Rewound(run=self.root, step=self.step, why="resume"))

    def reply(self, run: str, step: int) -> KnownReply | None:
        """The recorded reply of a step, None where the record ends."""
        found = self._step(run, step)
        if found is None or found.reply is None:
            return None
        return KnownReply(text=found.reply, model=found.model, finish_reason=found.finish_reason)

    def take_edit(self, run: str, step: int, what: str, before: object) -> Edited | None:
        """What a person has changed of this in a step; each change is given once."""
        for edit in self.edits if self.playing else ():
            if (edit.run, edit.step, edit.what, edit.before) == (run, step, what, before):
                self.edits.remove(edit)
                return edit
        return None

    def take_hints(self, run: str, step: int) -> list[Edited]:
        """The hints that were given in a step, be it the one in which the record ends; each is given once."""
        hints = [edit for edit in self.edits if (edit.run, edit.step, edit.what) == (run, step, "hint")]
        self.edits = [edit for edit in self.edits if edit not in hints]
        return hints

    def limits(self) -> dict[str, Any]:
        """The limits of the budget that were changed, as they were last."""
        changed = [edit.after for edit in self.edits if (edit.run, edit.what) == (self.root, "budget")]
        return {name: limit for after in changed if isinstance(after, dict) for name, limit in after.items()}

    def last(self, what: str) -> Any:
        """What the run's model or sub-model was changed to last, None if it never was."""
        return next((edit.after for edit in reversed(self.edits) if (edit.run, edit.what) == (self.root, what)), None)

    def was_begun(self, run: str, step: int, block: int, code: str) -> bool:
        """Whether the record tells that a block was started, or left out by a person."""
        skipped = any((edit.run, edit.step, edit.what, edit.before) == (run, step, "skip", code) for edit in self.edits)
        return skipped or self._block(run, step, block) is not None

    def is_over(self, run: str) -> bool:
        """Whether the record tells how a run ended."""
        recorded = self.runs.get(run)
        return recorded is not None and recorded.status not in UNENDED

    def is_whole(self, run: str, step: int, block: int) -> bool:
        """Whether the record tells how a block ended."""
        recorded = self._block(run, step, block)
        return recorded is not None and recorded.finished

    def compare(self, run: str, step: int, block: int, report: BlockReport) -> Difference | None:
        """What a block does otherwise than recorded; addresses, times and temporary files may differ."""
        recorded = self._block(run, step, block)
        return None if recorded is None or not recorded.finished else _difference(recorded, report)

    def _block(self, run: str, step: int, block: int) -> Block | None:
        found = self._step(run, step)
        return next((one for one in found.blocks if one.number == block), None) if found is not None else None

    def _step(self, run: str, step: int) -> Step | None:
        trajectory = self.runs.get(run)
        return next((one for one in trajectory.steps if one.number == step), None) if trajectory is not None else None


def _all_runs(trajectory: Trajectory) -> Iterable[Trajectory]:
    yield trajectory
    for step in trajectory.steps:
        for block in step.blocks:
            for child in block.children:
                yield from _all_runs(child)


def _edits(events: Iterable[Event]) -> list[Edited]:
    """What persons have changed, without what was put aside later; a model or a budget stays what it was made."""
    made: list[Edited] = []
    for event in events:
        if isinstance(event, Rewound):
            made = [edit for edit in made if edit.what in _LASTING or (edit.run == event.run and edit.step < event.step)]
        elif isinstance(event, Edited):
            _check(event)
            made.append(event)
    return made


def _check(edit: Edited) -> None:
    """Raises `LogError` for an edit that no person can have made: a log may be made by anybody."""
    expected, after = _AFTER.get(edit.what, object), edit.after
    fits = isinstance(after, expected) and not isinstance(after, bool)
    if edit.what == "prompt" and fits:
        fits = isinstance(edit.before, list) and len(edit.before) == len(after) and all(isinstance(one, str) for one in after)
    if not fits:
        found = type(after).__name__
        raise LogError(f"The log of {edit.run:.80} tells of an edited {edit.what} in step {edit.step} that holds a {found}.")


def put_aside(events: Sequence[Event], run: str) -> Recorded:
    """What a run that was taken back still knew of its steps before, answers that a person has replaced too."""
    known, asked = Recorded(played=True), dict[int, CallStarted]()
    for place, event in enumerate(events):
        if isinstance(event, Rewound) and event.run == run:
            if event.why == "anew":
                known.forget()
            else:
                known.add(fold(events[:place]).steps, since=event.step)
        elif isinstance(event, Edited) and event.call is not None:
            known.replace(event.call, str(event.after))
        elif isinstance(event, CallStarted):
            asked[event.call] = event
        elif isinstance(event, CallFinished) and event.source == "record" and event.call in asked:
            known.answers(asked[event.call].model, [asked[event.call].prompt])
    return known


def _difference(recorded: Block, report: BlockReport) -> Difference | None:
    before, now = _error(recorded.error), _error(None if report.error is None else report.error.as_json())
    if before != now:
        return Difference(what="error", recorded=before or "none", now=now or "none")
    shown = "".join(part.text for part in recorded.outputs if part.kind != "display")
    shows = "".join(piece.text for piece in report.pieces if piece.kind != "display")
    if _normal(shown) == _normal(shows):
        return None
    return Difference(what="output", **_first_difference(shown, shows))


def _error(error: Mapping[str, Any] | None) -> str:
    return "" if error is None else _normal(f"{error.get('type')}: {error.get('message')}")


def _normal(text: str) -> str:
    for pattern, stand_in in _NORMAL:
        text = pattern.sub(stand_in, text)
    return " ".join(text.split())


def _first_difference(recorded: str, now: str) -> dict[str, str]:
    """The first lines that differ, as they were shown."""
    old, new = recorded.splitlines(), now.splitlines()
    at = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if _normal(one) != _normal(other)), None)
    at = min(len(old), len(new)) if at is None else at
    return {"recorded": old[at] if at < len(old) else "", "now": new[at] if at < len(new) else ""}
