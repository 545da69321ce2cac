"""What the root model is told after a step: outputs, errors with their cause, and what is missing.

Pure functions from what happened to text. What a block showed is already cut to its limit when it comes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.explain import ErrorReport
from rlm_lab.engine.output import Piece

ENDING = "When you have seen the answer, submit it in a block: FINAL(value)."
NO_CODE = (
    "Your reply had no code to run and no answer. Write one ```python block that looks at the data, or, if you have the answer, "
    "a block with FINAL(value)."
)

EARLY_FINAL = "You gave a FINAL before you had seen this output. Check it against the output, then submit it in a block."


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockReport:
    """What one block did. `overwritten` are helper or context names that it bound anew."""

    code: str
    pieces: tuple[Piece, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    error: ErrorReport | None = None
    overwritten: tuple[str, ...] = ()
    skipped: bool = False

    @property
    def text(self) -> str:
        """All that the block showed, with a word where something was cut out."""
        return "".join(_shown(piece) for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a step's blocks did, and what there is now: `names` maps variables to values, `contexts` are those of the data.

    `last_good` is the code of the latest block before this step that ran well.
    """

    reports: Sequence[BlockReport]
    repeated: bool
    notes: Sequence[str]
    names: Mapping[str, Any]
    contexts: frozenset[str]
    last_good: str = ""


class Voice(Protocol):
    """How a run speaks to its root model after the opening. One for each kind of model; a profile names its own."""

    @property
    def no_code(self) -> str: ...
    def context(self, info: ContextInfo) -> str: ...
    def observe(self, seen: Seen) -> str: ...


class StandardVoice:
    """The voice for models that follow instructions."""

    no_code = NO_CODE

    def context(self, info: ContextInfo) -> str:
        """A context with its type, size and preview."""
        return f"Variable `{info.name}`: {info.preview}"

    def observe(self, seen: Seen) -> str:
        """The message after the blocks of a step."""
        several = len(seen.reports) > 1
        parts = [_about(report, f"block {number}" if several else "your block") for number, report in enumerate(seen.reports, 1)]
        if seen.repeated:
            parts.append("You have run this same block before, with the same result. Do something different now.")
        parts += seen.notes
        if not any(report.error for report in seen.reports):
            parts.append(ENDING)
        return "\n\n".join(parts)


def refused_answer(problem: str) -> str:
    """The message after an answer that does not have the form that was asked for."""
    return f"The answer was not accepted: {problem} Submit it again in the right form with FINAL(value)."


def last_question(limit: str) -> str:
    """The message that asks for the best answer when a limit is met."""
    return (
        f"The run has met its limit of {limit}. No more code will run. Give your best answer from what you have seen, "
        "as FINAL(your answer), and nothing else."
    )


def _about(report: BlockReport, name: str) -> str:
    if report.skipped:
        return f"The user left {name} out: it did not run."
    text = report.text.rstrip("\n")
    lines = [
        f"Output of {name}:\n{text}"
        if text
        else f"Output of {name}: nothing. End a block with an expression, or print, to see a value."
    ]
    if report.error is not None:
        lines.append(f"{report.error.traceback.rstrip()}")
        if report.error.hint:
            lines.append(report.error.hint)
        lines.append("Mend the code and write the whole block again; variables from before the failing line are kept.")
    made = list(report.variables.get("added", {}))
    if made and report.error is None and not text:
        lines.append(f"Variables made: {', '.join(made[:20])}.")
    if report.overwritten:
        names = ", ".join(report.overwritten)
        lines.append(
            f"You bound {names} anew; it was put back as it was before your block. Use another name for what you make of it."
        )
    return "\n".join(lines)


def _shown(piece: Piece) -> str:
    cut = f"\n[{piece.cut:,} characters left out here]\n" if piece.cut else ""
    newline = "\n" if piece.kind in {"value", "display"} else ""
    return f"{cut}{piece.text}{newline}"
