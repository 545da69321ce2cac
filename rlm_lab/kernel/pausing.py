"""What a paused run waits for, told for its views: the place, what is pending and what it would take, and the commands that fit.

Reads a run that is paused; changes nothing. Main thread only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from rlm_lab.config import Budget
from rlm_lab.engine.forecast import Forecast, forecast
from rlm_lab.engine.gates import Gate
from rlm_lab.engine.ledger import Spent
from rlm_lab.engine.run import Run, paused_runs
from rlm_lab.kernel.errands import CALL
from rlm_lab.trajectory.tree import ENDED, Block, Trajectory
from rlm_lab.views import figures
from rlm_lab.views.paused import Figure, Paused

_STOP = ("stop", "end the run")
_NEXT = "go on to the next block"
_HINT = ("hint TEXT", "a word for the model, told with what it reads next")
Pending = dict[str, Any]


class NewNames:
    """The variables that a run makes in a namespace, without those that the user makes while it is paused.

    Made before the run begins; `but` are names that are not told.
    """

    def __init__(self, namespace: Mapping[str, Any], but: frozenset[str] = frozenset()) -> None:
        self._namespace = namespace
        self._users = set(namespace) | but
        self._seen = set(namespace)

    def pause(self) -> tuple[str, ...]:
        """Those there are now, in the order they came."""
        self._seen = set(self._namespace)
        return tuple(name for name, value in self._namespace.items() if self._told(name, value))

    def go_on(self) -> None:
        self._users |= set(self._namespace) - self._seen

    def _told(self, name: str, value: object) -> bool:
        return name not in self._users and not name.startswith("_") and not isinstance(value, ModuleType)


def note_cell(source: str) -> None:
    """A cell is run: what the user does while runs are paused is told in their logs, but for our own commands and errands."""
    if source.lstrip().startswith(("%rlm", "%%rlm", CALL)):
        return
    for run in paused_runs():
        run.meanwhile.note(source)


def paused_of(run: Run, names: tuple[str, ...] = ()) -> Paused:
    """All that is told of a paused run."""
    several = f" {run.id}" if len(paused_runs()) > 1 else ""
    commands = tuple((_named(name, several), told) for name, told in _commands(run.gate))
    pending = _pending(run)
    notes = (pending.get("note", ""), _of_locks(run.held_locks), _of_variables(run.came_back))
    pending["note"] = " ".join(note for note in notes if note)
    return Paused(place=place_of(run), why=_why(run), names=names, go_on=f"%rlm continue{several}", commands=commands, **pending)


def _of_locks(names: list[str]) -> str:
    several = "s" if len(names) > 1 else ""
    listed = f"the lock{several} {', '.join(names)}"
    return f"The block holds {listed}: a cell that waits for {'one of them' if several else 'it'} waits for ever." if names else ""


def _of_variables(came_back: Mapping[str, Mapping[str, str]]) -> str:
    """How the variables came back that are not exactly what they were, the worst first."""
    told = []
    for how, words in (("lost", "not as they were"), ("rebuilt", "rebuilt by running the code again"), ("copied", "copied")):
        names = sorted(name for name, one in came_back.items() if one["how"] == how)
        if names:
            told.append(f"{', '.join(names[:8])}{' ...' if len(names) > 8 else ''}: {words}")
    return f"Variables: {'; '.join(told)}; the others exactly as they were." if told else ""


def _named(command: str, several: str) -> str:
    """The whole command, with the run's id where there are several and it is not followed by free words."""
    whole = command if command.startswith("%") else f"%rlm {command}"
    return whole if command.endswith(("TEXT", "WORDS")) or command.startswith("set ") else whole + several


def place_of(run: Run) -> str:
    """Where a paused run stands, in words.

    Told of the gate: `before the call in step 3, line 3`; of a run that was interrupted: `in step 3, line 3`.
    """
    gate, here = run.gate, _here(run)
    child = f" of child run {here.run.rpartition('.')[2]}" if here.run != run.id else ""
    pause = run.trajectory.pauses[-1] if run.trajectory.pauses else None
    if gate is None and run.pause_reason == "taken back":
        return f"before step {len(run.steps) + 1}"
    if gate is None:
        line = f", line {pause.line}" if pause is not None and pause.line else ""
        return f"in step {pause.step}{line}" if pause is not None and pause.step else "before its first step"
    step, line = f"step {gate.facts['step']}{child}", f", line {gate.facts['line']}" if gate.facts.get("line") else ""
    match gate.kind:
        case "reply":
            return f"before the reply of {step} is used"
        case "block":
            done = len(here.steps[-1].blocks) if here.steps else 0
            return f"before the block of {step}" if not done else f"before block {done + 1} of {step}"
        case "line":
            return f"in {step}, before line {gate.facts['line']}"
        case "call":
            return f"before the {'batch' if gate.facts['batch'] > 1 else 'call'} in {step}{line}"
        case "output":
            return f"after the output of {step}"
        case "error":
            return f"at the error in {step}"
        case "budget":
            return f"at a line of the budget in {step}"
        case "record":
            return f"where its record ends, in {step}{line}"
        case "difference":
            return f"where {step} does something else than recorded"
        case _:
            return f"before the answer of {step} is accepted"


def _why(run: Run) -> str:
    reason = run.pause_reason or ""
    if reason.startswith("reached") or reason == "pause":
        return "as you asked"
    return {"interrupt": "interrupted"}.get(reason, reason if reason.startswith("breakpoint") else "")


def _commands(gate: Gate | None) -> list[tuple[str, str]]:
    """What fits where the run stands, the likeliest first."""
    match None if gate is None else gate.kind:
        case "reply":
            return [("step", "use it, stop at its block"), ("edit", "change it in a new cell"), _HINT, _STOP]
        case "block":
            assert gate is not None
            into = [("step --into calls", "run it, stop at each call")] if "_query" in str(gate.facts["code"]) else []
            run_it = ("step", "run it, stop at the next block")
            into += [("step --into lines", "run it line by line")]
            return [run_it, *into, ("edit", "change it in a new cell"), ("skip", "leave it out"), _STOP]
        case "line":
            return [("step --into lines", "go on to the next line"), ("step", _NEXT), _STOP]
        case "call":
            assert gate is not None
            size = gate.facts["batch"]
            send = f"send all {size:,}" if size > 1 else "send it"
            answer = ("%%rlm_answer", "answer them, one a line") if size > 1 else ("answer TEXT", "answer it yourself")
            then = ("step --into calls", f"{send}, stop at the next call")
            change = ("edit", f"change the prompt{'s' if size > 1 else ''} in a new cell")
            cap = [("cap N", "send the first N only")] if size > 1 else []
            return [then, change, answer, *cap, _STOP]
        case "final":
            change = ("answer TEXT", "give another in its place")
            return [("accept", "take this answer"), ("refuse WORDS", "send it back, and say why"), change, _STOP]
        case "budget":
            return [("set calls N", "another limit from here on; so for tokens, cost, seconds, steps"), ("step", _NEXT), _STOP]
        case "output" | "error":
            return [("step", _NEXT), _HINT, _STOP]
        case "difference":
            return [("continue", "play on all the same"), ("takeover", "leave the record here, and go on live"), _STOP]
        case _:
            return [("step", _NEXT), _STOP]


# what is pending


def _pending(run: Run) -> Pending:
    gate = run.gate
    here = _here(run)
    block = _last_block(here)
    if gate is None:
        pause = run.trajectory.pauses[-1] if run.trajectory.pauses else None
        open_block = block if here.run == run.id and block is not None and not block.finished else None
        return {} if open_block is None else {"code": open_block.code, "line": pause.line if pause else None}
    match gate.kind:
        case "reply":
            return {"label": "Reply", "text": str(gate.facts["reply"])}
        case "block":
            return {"code": gate.facts["code"]}
        case "line":
            return {"code": block.code if block is not None else None, "line": gate.facts["line"]}
        case "call":
            code = block.code if block is not None and not block.finished else None
            return {"code": code, "line": gate.facts.get("line"), **_pending_call(run, gate)}
        case "error":
            line = None if block is None or block.error is None else block.error.get("line")
            shown = {} if block is None else {"code": block.code, "line": line if isinstance(line, int) else None, "failed": True}
            return {**shown, "label": "Error", "text": str(gate.facts["error"])}
        case "output":
            return {"label": "Output", "text": str(gate.facts["output"])}
        case "budget":
            return {"label": "Budget", "text": "\n".join(_limits(gate.facts["used"])), "note": gate.facts["refused"]}
        case "record":
            return {"code": block.code, "line": gate.facts.get("line")} if block is not None and not block.finished else {}
        case "difference":
            return {"label": "Now, where the record has", "text": f"{gate.facts['recorded']}\n→ {gate.facts['now']}"}
        case _:
            return {"label": "Answer", "text": str(gate.facts["answer"])}


def _limits(used: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """A limit a line, the one that is nearest first."""
    for name, (spent, limit) in sorted(used.items(), key=lambda item: -item[1][0] / item[1][1]):
        yield f"{name}: {spent:,.6g} of {limit:,.6g} ({spent / limit:.0%})"


def _pending_call(run: Run, gate: Gate) -> Pending:
    told, prompts = forecast(run), gate.facts["prompts"]
    assert told is not None
    if told.calls == 1:
        return {"label": "Prompt", "text": prompts[0], "note": _one_call(told)}
    where = f"Line {gate.facts['line']}" if gate.facts.get("line") else "The block"
    lengths = [len(prompt) for prompt in prompts]
    return {
        "title": f"{where} is about to make {figures.counted(told.calls, 'call')}",
        "figures": _figures(told, run.usage, run.ledger.budget),
        "basis": _basis(told),
        "label": f"Prompt 1 of {told.calls:,}",
        "text": prompts[0],
        "note": f"The longest prompt has {max(lengths):,} characters, all together have {sum(lengths):,}.",
    }


def _one_call(told: Forecast) -> str:
    parts = [f"{figures.thousands(told.tokens)} tokens"]
    parts += [figures.money(told.cost)] if told.cost is not None else []
    parts += [figures.seconds(told.seconds)] if told.seconds is not None else []
    return f"About {' · '.join(parts)}, {_basis(told)}."


def _basis(told: Forecast) -> str:
    if not told.rests_on:
        return "estimated from the prompts alone: no call is answered yet"
    return f"estimated from {figures.counted(told.rests_on, 'call')} so far"


def _figures(told: Forecast, spent: Spent, budget: Budget) -> tuple[Figure, ...]:
    """Calls, cost, time, tokens; each with what the budget would be after it."""
    calls, calls_over = _after(spent.calls + told.calls, budget.calls, lambda value: f"{value:,.0f}")
    tokens, tokens_over = _after(spent.tokens + told.tokens, budget.tokens, figures.thousands)
    return (
        Figure(label="Calls", value=f"{told.calls:,}", note=calls, over=calls_over),
        _cost_figure(told, spent, budget),
        _time_figure(told),
        Figure(label="Tokens", value=figures.thousands(told.tokens), note=tokens, over=tokens_over),
    )


def _cost_figure(told: Forecast, spent: Spent, budget: Budget) -> Figure:
    if told.cost is None:
        return Figure(label="Cost", value="?", note="no price is known")
    after, over = _after(spent.cost + told.cost, budget.cost, figures.dollars)
    if told.cost_high is None:
        spread = "at least, without answers"
    elif told.cost_low is not None and figures.dollars(told.cost_low) != figures.dollars(told.cost_high):
        spread = f"{figures.dollars(told.cost_low)} to {figures.dollars(told.cost_high)}"
    else:
        spread = ""
    return Figure(
        label="Cost",
        value=figures.dollars(told.cost),
        unit="USD",
        note="; ".join(part for part in (spread, after) if part),
        over=over,
    )


def _time_figure(told: Forecast) -> Figure:
    at_once = f"{told.at_once:,} at once"
    if told.seconds is None:
        return Figure(label="Time", value="?", note=at_once)
    value, _, unit = figures.seconds(told.seconds).partition(" ")
    return Figure(label="Time", value=value, unit=unit, note=at_once)


def _after(value: float, limit: float | None, told: Any) -> tuple[str, bool]:
    """What a limit would be after it, and whether it would be crossed."""
    if limit is None:
        return "", False
    over = value > limit
    return f"{told(value)} of {told(limit)} after it{': too many' if over else ''}", over


# where in the tree


def _here(run: Run) -> Trajectory:
    """The run, or the child run of it, that stands at the gate: the one without an open child that is in the gate's step."""
    root = run.trajectory
    step = None if run.gate is None else run.gate.facts["step"]
    found = [leaf for leaf in _leaves(root) if leaf.steps and leaf.steps[-1].number == step]
    return found[0] if found else root


def _leaves(trajectory: Trajectory) -> Iterator[Trajectory]:
    block = _last_block(trajectory)
    children = [child for child in block.children if child.status not in ENDED] if block is not None else []
    for child in children:
        yield from _leaves(child)
    if not children:
        yield trajectory


def _last_block(trajectory: Trajectory) -> Block | None:
    return trajectory.steps[-1].blocks[-1] if trajectory.steps and trajectory.steps[-1].blocks else None
