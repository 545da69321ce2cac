"""What a person decides at a closed gate: a plain value that goes back into the run's life.

Each decision that changes something is logged with what was there before and who changed it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`code` replaces a block, `prompts` those of a call, `answers` stand in for a model's; `skip` leaves a block out.

    `refusal` turns down a final answer, with a word for the model. `by` is who decided.
    """

    code: str | None = None
    prompts: tuple[str, ...] | None = None
    answers: tuple[str, ...] | None = None
    skip: bool = False
    refusal: str | None = None
    by: str = "user"


GO = Decision()
FITS = {
    "block": frozenset({"code", "skip"}),
    "call": frozenset({"prompts", "answers"}),
    "line": frozenset[str](),
    "output": frozenset[str](),
    "error": frozenset[str](),
    "final": frozenset({"refusal"}),
}
