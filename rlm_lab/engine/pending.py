"""What a paused run is about to do, as plain values for a view: the gate where it stands, and the text that waits there.

Long texts are told in part. Changes nothing. Any thread.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rlm_lab.engine.forecast import forecast
from rlm_lab.engine.gates import Gate
from rlm_lab.engine.run import Run

LONGEST = 100_000  # characters of what is pending that are told


def gate_of(run: Run) -> dict[str, Any]:
    """Where a paused run stands and what it is about to do; of one that was paused in the midst of its work, the place."""
    gate = run.gate
    pause = run.trajectory.pauses[-1] if run.trajectory.pauses else None
    if gate is None:
        place = {} if pause is None else {"step": pause.step, "block": pause.block, "line": pause.line}
        return {"kind": "pause", **place, "pending": {}, "forecast": None}
    told = forecast(run)
    place = {name: gate.facts.get(name) for name in ("step", "block", "depth", "line")}
    return {"kind": gate.kind, **place, "pending": pending(gate), "forecast": None if told is None else dataclasses.asdict(told)}


def pending(gate: Gate) -> dict[str, Any]:
    """What stands at the gate. Texts are told up to `LONGEST` characters; `cut` is how many are left out."""
    if gate.kind == "call":
        return _pending_prompts(gate)
    if gate.kind == "line":
        return {}
    if gate.kind == "budget":
        limits = [{"limit": name, "used": used, "maximum": limit} for name, (used, limit) in gate.facts["used"].items()]
        return {"limits": limits, "refused": gate.facts["refused"]}
    fact = {"block": "code", "final": "answer"}.get(gate.kind, gate.kind)
    text = str(gate.facts[fact])
    return {fact: text[:LONGEST], "cut": max(len(text) - LONGEST, 0)}


def _pending_prompts(gate: Gate) -> dict[str, Any]:
    """The first prompts, as many as have room; the first one always."""
    told: list[str] = []
    room, cut = LONGEST, 0
    for prompt in gate.facts["prompts"]:
        kept = prompt[: max(room, 0)]
        told += [kept] if kept or not cut else []
        room, cut = room - len(kept), cut + len(prompt) - len(kept)
    return {"prompts": told, "size": gate.facts["batch"], "model": gate.facts["model"].name, "cut": cut}
