"""Orders: what a person can have a run do, as plain values, and what can be done now. One table for every face.

`state_of` may be called from any thread, `apply` too for orders that are not `dated`, such as pause and stop; the others drive the
run, and so need the main thread. An order that does not fit the run's state, or was made for an earlier one, changes nothing.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.engine.gates import Gate
from rlm_lab.engine.pending import gate_of, pending
from rlm_lab.engine.run import Run
from rlm_lab.errors import RLMError, StateError, UsageError

_PLACES = {
    "reply": "before a reply is used",
    "block": "before a block",
    "line": "before a line",
    "call": "before a call",
    "output": "after an output",
    "error": "at an error",
    "budget": "at a line of its budget",
    "final": "before its answer is accepted",
    "record": "where its record ends",
    "difference": "where it differs from its record",
}
Command = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`do` gives the run that it has made, if any. `why_not` tells why it cannot be done now, None if it can.

    A `dated` one fits only the state that it is made in.
    """

    do: Callable[[Run, Command], Run | None]
    why_not: Callable[[Run], str | None]
    dated: bool = True


def apply(run: Run, command: Command) -> Run | None:
    """Has a run do what a command says; one that goes on with the run comes back at its next pause or its end.

    Gives the run that was made, by a fork.

    Parameters
    ----------
    command: `{"command": NAME, ...}` with the fields of that order, and where it was made from a state, `at` that state's stamp.

    Raises `StateError` for an order that does not fit now or comes too late, `UsageError` for one that cannot be read.
    """
    name = command.get("command")
    order = ORDERS.get(name) if isinstance(name, str) else None
    if order is None:
        raise UsageError(f"There is no order {name!r}.{_near(name)} There are {', '.join(ORDERS)}.")
    at = command.get("at")
    if order.dated and at is not None and at != run.stamp:
        raise StateError(f"This {name} was made for an earlier state of the run {run.id}, which is {where(run)} now; look again.")
    reason = order.why_not(run)
    if reason is not None:
        raise StateError(reason)
    return order.do(run, command)


def state_of(run: Run) -> dict[str, Any]:
    """What a view shows beside the trajectory: where the run stands, what is pending, and which orders fit; all of it JSON."""
    return {
        "kind": "state",
        "run": run.id,
        "status": run.status,
        "stamp": run.stamp,
        "reason": run.pause_reason,
        "gate": gate_of(run) if run.status == "paused" else None,
        "locks": run.held_locks,
        "breakpoints": [{"condition": point.condition.text, "hits": point.hits} for point in run.gates.breakpoints],
        "comes_back": _comes_back(run),
        "can": {name: order.why_not(run) for name, order in ORDERS.items()},
    }


def _comes_back(run: Run) -> dict[str, str]:
    """How each variable would come back if the paused run were taken back to before the step where it stands."""
    if run.status != "paused" or not run.steps:
        return {}
    try:
        return {name: how.how for name, how in run.variables(run.steps[-1].number).items()}
    except RLMError:
        return {}  # not kept


def done_by(made: Run | None) -> dict[str, Any]:
    """What a view is told when an order is done: a line where that cannot be seen in the run itself, and the run that was made."""
    if made is None:
        return {"done": ""}
    told = f"The run {made.id} was forked from this one and is {where(made)}; %rlm continue {made.id} goes on with it."
    return {"done": told, "made": made.id}


def where(run: Run) -> str:
    """The run's status; of a paused one the place, too.

    It reads on after "the run is".
    """
    if run.status != "paused":
        return run.status.replace("_", " ")
    return f"paused {'in the midst of its work' if run.gate is None else _PLACES[run.gate.kind]}"


# what can be done


def _when_running(run: Run) -> str | None:
    return None if run.status == "running" else f"The run {run.id} is {where(run)}; only one that runs can be paused."


def _when_alive(run: Run) -> str | None:
    return None if run.status in {"running", "paused"} else f"The run {run.id} is {where(run)}; there is nothing to stop."


def _when_not_over(run: Run) -> str | None:
    over = run.status not in {"waiting", "running", "paused"}
    return f"The run {run.id} is {where(run)}; it comes to no gate any more." if over else None


def _when_paused(run: Run) -> str | None:
    if run.status == "paused":
        return None
    return f"The run {run.id} is {where(run)}{'; pause it first' if run.status == 'running' else ''}."


def _when_still(run: Run) -> str | None:
    if run.status in {"waiting", "running"}:
        return f"The run {run.id} is {where(run)}{'; pause it first' if run.status == 'running' else ''}."
    return None if run.steps else f"The run {run.id} has no step yet."


def _at(*kinds: str) -> Callable[[Run], str | None]:
    """For orders that fit at gates of these kinds only."""
    fits = " or ".join(_PLACES[kind] for kind in kinds)

    def why_not(run: Run) -> str | None:
        gate = run.gate
        if run.status == "paused" and gate is not None and gate.kind in kinds:
            return None
        return f"The run {run.id} is {where(run)}; this is for one that is paused {fits}."

    return why_not


def _whole_at(kind: str) -> Callable[[Run], str | None]:
    """For orders that give back what is pending, changed: a text that was told in part would come back in part."""
    fits = _at(kind)

    def why_not(run: Run) -> str | None:
        reason = fits(run)
        if reason is None and run.gate is not None and (cut := pending(run.gate)["cut"]):
            return f"What is pending is {cut:,} characters too long to be edited here; use run.decide(...) and run.go_on()."
        return reason

    return why_not


# doing it


def _step(run: Run, command: Command) -> None:
    run.step(_text(command, "into", "blocks"))


def _go_on(run: Run, command: Command) -> None:
    run.resume(None if command.get("until") is None else _text(command, "until"))


def _skip(run: Run, command: Command) -> None:
    _decide(run, command, skip=True)


def _edit(run: Run, command: Command) -> None:
    _decide(run, command, code=_text(command, "code"))


def _reply(run: Run, command: Command) -> None:
    _decide(run, command, reply=_text(command, "text"))


def _hint(run: Run, command: Command) -> None:
    run.hint(_text(command, "text"), **_by(command))


def _settings(run: Run, command: Command) -> None:
    given: dict[str, Any] = {name: command[name] for name in ("model", "sub_model", "budget") if command.get(name) is not None}
    names = [value for name, value in given.items() if name != "budget"]
    if not given or not all(isinstance(name, str) for name in names) or not isinstance(given.get("budget", {}), Mapping):
        raise UsageError("The order settings takes model or sub_model, a name, or budget, limits by their names.")
    run.change(**{**given, **_by(command)})


def _answer(run: Run, command: Command) -> None:
    gate = run.gate
    if gate is not None and gate.kind == "final":
        texts = _texts(command, "answers")
        if len(texts) != 1:
            raise StateError(f"{len(texts)} answers are given for one question; give one.")
        _decide(run, command, answer=_as_value(gate, texts[0]))
        return
    _decide(run, command, answers=_texts(command, "answers"))


def _prompt(run: Run, command: Command) -> None:
    _decide(run, command, prompts=_texts(command, "prompts"))


def _cap(run: Run, command: Command) -> None:
    calls = command.get("calls")
    if not isinstance(calls, int) or isinstance(calls, bool):
        raise UsageError(f"The order cap takes calls, a whole number; {calls!r:.60} is given.")
    _decide(run, command, cap=calls)


def _when_before_batch(run: Run) -> str | None:
    gate = run.gate
    if run.status == "paused" and gate is not None and gate.kind == "call" and gate.facts["batch"] > 1:
        return None
    return f"The run {run.id} is {where(run)}; this is for one that is paused before a batch."


def _refuse(run: Run, command: Command) -> None:
    run.decide(refusal=_text(command, "reason"), **_by(command))
    if run.gates.stepping is not None:
        run.go_on()
    else:
        run.resume("answer")  # who has refused one wants to see the next


def _rewind(run: Run, command: Command) -> None:
    request = None if command.get("request") is None else _whole(command, "request")
    run.rewind(_whole(command, "step"), request=request, anew=bool(command.get("anew")))


def _override(run: Run, command: Command) -> None:
    run.override(_whole(command, "call"), _text(command, "answer"), **_by(command))


def _fork(run: Run, command: Command) -> Run:
    return run.fork(_whole(command, "step"), anew=bool(command.get("anew")))


def _break(run: Run, command: Command) -> None:
    run.gates.add(_text(command, "condition"))


def _unbreak(run: Run, command: Command) -> None:
    wanted = _text(command, "condition")
    conditions = [point.condition.text for point in run.gates.breakpoints]
    if wanted.strip() not in conditions:
        raise StateError(f"The run {run.id} has no breakpoint {wanted!r}; it has {', '.join(conditions) or 'none'}.")
    run.gates.remove(conditions.index(wanted.strip()) + 1)


ORDERS: dict[str, Order] = {
    "pause": Order(do=lambda run, _: run.pause(), why_not=_when_running, dated=False),
    "stop": Order(do=lambda run, _: run.stop(), why_not=_when_alive, dated=False),
    "step": Order(do=_step, why_not=_when_paused),
    "continue": Order(do=_go_on, why_not=_when_paused),
    "edit": Order(do=_edit, why_not=_whole_at("block")),
    "skip": Order(do=_skip, why_not=_at("block")),
    "prompt": Order(do=_prompt, why_not=_whole_at("call")),
    "answer": Order(do=_answer, why_not=_at("call", "final")),
    "reply": Order(do=_reply, why_not=_whole_at("reply")),
    "hint": Order(do=_hint, why_not=_when_paused),
    "settings": Order(do=_settings, why_not=_when_paused),
    "cap": Order(do=_cap, why_not=_when_before_batch),
    "accept": Order(do=lambda run, _: run.go_on(), why_not=_at("final")),
    "refuse": Order(do=_refuse, why_not=_at("final")),
    "rewind": Order(do=_rewind, why_not=_when_still),
    "override": Order(do=_override, why_not=_when_still),
    "ask_again": Order(do=lambda run, command: run.ask_again(_whole(command, "call")), why_not=_when_still),
    "fork": Order(do=_fork, why_not=_when_still),
    "take_over": Order(do=lambda run, command: _decide(run, command, take_over=True), why_not=_at("difference")),
    "break": Order(do=_break, why_not=_when_not_over, dated=False),
    "unbreak": Order(do=_unbreak, why_not=_when_not_over, dated=False),
}


def _decide(run: Run, command: Command, **decision: Any) -> None:
    """Decides at the gate, and goes on as the run went before."""
    run.decide(**decision, **_by(command))
    run.go_on()


def _as_value(gate: Gate, text: str) -> Any:
    """An answer from its text: where a form was asked for, or no text stands there now, it is read as JSON if it can be."""
    if gate.facts["schema"] is None and isinstance(gate.facts["value"], str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _by(command: Command) -> dict[str, str]:
    return {} if command.get("by") is None else {"by": _text(command, "by")}


def _text(command: Command, field: str, default: str | None = None) -> str:
    value = command.get(field, default)
    if not isinstance(value, str):
        raise UsageError(f"The order {command['command']} takes {field}, a text; {value!r:.60} is given.")
    return value


def _whole(command: Command, field: str) -> int:
    value = command.get(field)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"The order {command['command']} takes {field}, a whole number; {value!r:.60} is given.")
    return value


def _texts(command: Command, field: str) -> tuple[str, ...]:
    value = command.get(field)
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"The order {command['command']} takes {field}, a list of texts; {value!r:.60} is given.")
    return tuple(value)


def _near(name: object) -> str:
    found = difflib.get_close_matches(str(name), ORDERS, n=1)
    return f" Did you mean {found[0]}?" if found else ""
