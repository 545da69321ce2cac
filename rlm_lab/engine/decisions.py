"""What a person decides at a closed gate: a plain value that goes back into the run's life.

Each decision that changes something is logged with what was there before and who changed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.engine.gates import Gate
from rlm_lab.errors import StateError

UNCHANGED: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`code` replaces a block, `prompts` those of a call, `answers` stand in for a model's; `skip` leaves a block out.

    `cap` sends only so many of a batch's calls, the first ones. `reply` replaces the root model's, before it is read. `refusal`
    turns down a final answer, with a word for the model; `answer` is given in its place. `take_over` leaves the record that is
    played. `by` is who decided.
    """

    code: str | None = None
    prompts: tuple[str, ...] | None = None
    answers: tuple[str, ...] | None = None
    cap: int | None = None
    skip: bool = False
    reply: str | None = None
    answer: Any = UNCHANGED
    refusal: str | None = None
    take_over: bool = False
    by: str = "user"


GO = Decision()
FITS = {
    "reply": frozenset({"reply"}),
    "block": frozenset({"code", "skip"}),
    "line": frozenset[str](),
    "call": frozenset({"prompts", "answers", "cap"}),
    "output": frozenset[str](),
    "error": frozenset[str](),
    "budget": frozenset[str](),
    "final": frozenset({"refusal", "answer"}),
    "record": frozenset[str](),
    "difference": frozenset({"take_over"}),
}


def decide_at(gate: Gate, decision: Mapping[str, Any]) -> Decision:
    """The decision that these fields make at a gate. Raises `StateError` for one that does not fit there.

    An answer must have the form that was asked for: else `SchemaError`.
    """
    unfit = sorted(set(decision) - {"by"} - FITS[gate.kind])
    if unfit:
        fit = " or ".join(sorted(FITS[gate.kind])) or "nothing"
        raise StateError(f"{unfit[0]} does not fit the gate where the run stands ({gate.kind}); {fit} can be given there.")
    size = gate.facts.get("batch", 0)
    for name in ("prompts", "answers"):
        given = decision.get(name)
        if given is not None and len(given) != size:
            raise StateError(f"{len(given)} {name} are given for {size} calls; give one for each.")
    cap = decision.get("cap")
    if cap is not None and not 0 < cap < size:
        raise StateError(
            f"The first {cap} of {size} calls cannot be sent; give a number from 1 to {max(size - 1, 1)}, for a batch."
        )
    schema = gate.facts.get("schema")
    if schema is not None and "answer" in decision:
        decision = {**decision, "answer": schema.check(decision["answer"])}
    return Decision(**decision)
