"""The sentences that the views share: statuses, limits, what a run has spent. May be used from any thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from rlm_lab.analysis.acts import clipped
from rlm_lab.trajectory.tree import Batch, Call, Edit, Intervention, Trajectory, Usage
from rlm_lab.views import figures

STATUSES = {
    "waiting": "Waiting",
    "running": "Running",
    "paused": "Paused",
    "done": "Done",
    "failed": "Failed",
    "stopped": "Stopped",
    "out_of_budget": "Out of budget",
    "interrupted": "Interrupted",
}
_EDITS = {
    "code": "changed the code of block {block}",
    "skip": "left a block out",
    "prompt": "changed what was asked",
    "answer": "answered in the model's place",
    "cap": "let {after} of {before} calls be made",
    "reply": "changed the reply before it was used",
    "final": "refused the answer {before}",
    "final_answer": "changed the answer",
    "hint": "gave a hint",
    "model": "changed the model",
    "sub_model": "changed the sub-model",
    "budget": "changed the budget",
}
NOT_RECORDED = "Not recorded."
_MOST_NAMES = 8
_LIMITS: dict[str, Callable[[float], str]] = {
    "steps": lambda value: figures.counted(int(value), "step"),
    "calls": lambda value: figures.counted(int(value), "call"),
    "tokens": lambda value: f"{figures.thousands(value)} tokens",
    "cost": figures.money,
    "seconds": figures.clock,
    "depth": lambda value: f"depth {int(value)}",
}


def status_word(status: str) -> str:
    """The status as a reader sees it; one of a later version is shown as it is."""
    return STATUSES.get(status, status.replace("_", " ").capitalize() or "Unknown")


def limit_text(limit: str | None, budget: Mapping[str, Any]) -> str:
    """The limit that was met, with its figure.

    >>> limit_text("cost", {"cost": 0.1})
    '0.10 USD'
    """
    value = budget.get(limit or "")
    if limit in _LIMITS and isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return _LIMITS[limit](value)
    return (limit or "its budget").replace("_", " ")


def intervention_text(done: Intervention) -> str:
    """What the user did while the run was paused.

    >>> intervention_text(Intervention(step=1, cells=("n = 2",), variables={"changed": {"n": {}}}))
    'While the run was paused, the user ran 1 cell and changed n'
    """
    names = [name for key in ("added", "changed", "removed") for name in _names_in(done.variables.get(key))]
    cells = len(done.cells) + done.more
    listed = ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else "")
    parts = ([f"ran {figures.counted(cells, 'cell')}"] if cells else []) + ([f"changed {listed}"] if names else [])
    return f"While the run was paused, the user {' and '.join(parts) or 'did nothing'}"


def _names_in(group: Any) -> list[str]:
    return [str(name) for name in group] if isinstance(group, (Mapping, list)) else []


def edit_text(edit: Edit) -> str:
    """Who changed what.

    >>> edit_text(Edit(step=1, what="cap", before=812, after=10))
    'The user let 10 of 812 calls be made'
    """
    who = "The user" if edit.by == "user" else edit.by
    told = _EDITS.get(edit.what, "changed {what}")
    before, after = clipped(str(edit.before), 60), clipped(str(edit.after), 60)
    return f"{who} {told.format(what=edit.what.replace('_', ' '), block=edit.block, before=before, after=after)}"


def edit_parts(edit: Edit) -> list[tuple[str, str]]:
    """What was there before and what came in its place, as labels and texts; where the sentence says all, nothing."""
    if edit.what == "cap":
        return []
    if edit.what == "final":
        return [("because", _edited_text(edit.after))]
    parts = [("before", edit.before), ("after", edit.after)]
    return [(label, _edited_text(value)) for label, value in parts if value is not None]


def _edited_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value}" for name, value in value.items())
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def headline(trajectory: Trajectory) -> tuple[str, str]:
    """What stands large, and what below it: the answer and its further lines, or where the run is and why."""
    if trajectory.answer_text.strip():
        first, _, rest = trajectory.answer_text.strip().partition("\n")
        note = _met_limit(trajectory) if trajectory.status == "out_of_budget" else ""
        return first, "\n".join(part for part in (rest.strip("\n"), note) if part)
    match trajectory.status:
        case "done":
            return f"Answer: {NOT_RECORDED}" if "answer" in trajectory.absent else "The answer is empty", ""
        case "failed":
            return "No answer", trajectory.error or "The run failed and did not say why."
        case "out_of_budget":
            return "No answer within the budget", _met_limit(trajectory)
        case "paused":
            return f"Paused {_place(trajectory)}", "The kernel is free: look at the variables in any cell."
        case "running" | "waiting":
            return f"Running, {_place(trajectory)}", ""
        case "interrupted":
            return "No answer", f"The log ends {_place(trajectory)}: the process that wrote it is gone."
        case _:
            return "No answer", trajectory.error or f"{status_word(trajectory.status)} {_place(trajectory)}."


def _met_limit(trajectory: Trajectory) -> str:
    met = f"The run met its limit of {limit_text(trajectory.limit, trajectory.budget)} {_place(trajectory)}"
    return f"{met} and was asked once for its best answer." if trajectory.answer_text.strip() else f"{met}."


def _place(trajectory: Trajectory) -> str:
    if not trajectory.steps:
        return "before its first step"
    pause = trajectory.pauses[-1] if trajectory.pauses and trajectory.status == "paused" else None
    line = f", line {pause.line}" if pause and pause.line is not None else ""
    return f"in step {pause.step if pause else trajectory.steps[-1].number}{line}"


def spent(usage: Usage, absent: Collection[str] = (), taken_back: int = 0) -> dict[str, tuple[str, str]]:
    """Figure and unit of each thing that a run spends, by its name; what is not known, or `absent` from the log, is left out.

    `taken_back` of the steps are put aside, and so not shown.
    """
    steps, calls = figures.counted(usage.steps - taken_back, "step"), figures.counted(usage.calls, "call")
    parts = {"steps": (steps.split()[0], steps.split()[1] + (f", {taken_back:,} taken back" if taken_back else ""))}
    if "calls" not in absent:
        parts["calls"] = (calls.split()[0], calls.split()[1])
    if "tokens" not in absent:
        parts["tokens"] = (figures.thousands(usage.tokens), "tokens")
    if usage.cost is not None and "cost" not in absent:
        parts["cost"] = (figures.dollars(usage.cost), "USD")
    if "times" not in absent:
        parts["seconds"] = (figures.clock(usage.seconds), "")
    return parts


def spent_text(usage: Usage, absent: Collection[str] = (), taken_back: int = 0) -> str:
    """
    >>> spent_text(Usage(steps=5, calls=1, prompt_tokens=14_200, cost=0.041, seconds=15))
    '5 steps · 1 call · 14.2 k tokens · 0.041 USD · 0:15'
    """
    return " · ".join(f"{figure} {unit}".strip() for figure, unit in spent(usage, absent, taken_back).values())


def question_text(trajectory: Trajectory) -> str:
    """The question, or that it was not recorded."""
    return trajectory.question or (f"Question: {NOT_RECORDED}" if "question" in trajectory.absent else "")


def absent_text(trajectory: Trajectory) -> str:
    """Which facts the log of another engine does not hold; nothing for a run of this one.

    >>> absent_text(Trajectory(run="a", status="done", imported={"format": "dspy", "absent": ["times", "cost"]}))
    'Not recorded by dspy: times, cost.'
    """
    facts = [fact for fact in (trajectory.imported or {}).get("absent", ()) if fact in trajectory.absent]
    return f"Not recorded by {imported_text(trajectory)}: {', '.join(facts)}." if facts else ""


def imported_text(trajectory: Trajectory) -> str:
    """The engine whose log the run was read from."""
    return str((trajectory.imported or {}).get("format") or "its engine")


def recorded_text(trajectory: Trajectory) -> str:
    """Which recording answered in place of a model, or nothing."""
    cassette = trajectory.cassette
    if not cassette:
        return ""
    date = f", recorded {cassette['recorded']}" if cassette.get("recorded") else ""
    return f"played from a recording of {cassette.get('model') or trajectory.model}{date}"


def batch_text(batch: Batch) -> str:
    """
    >>> batch_text(Batch(number=1, size=3, calls=(Call(number=1, prompt="", model="m", status="answered"),)))
    '1 answered, 2 waiting'
    """
    counts = {status: sum(call.status == status for call in batch.calls) for status in ("answered", "failed", "waiting")}
    retried = sum(call.retries > 0 for call in batch.calls)
    counts["waiting"] += max(batch.size - len(batch.calls), 0)
    parts = [f"{counts['answered']:,} answered" + (f", {retried:,} after a retry" if retried else "")]
    parts += [f"{counts[status]:,} {status}" for status in ("failed", "waiting") if counts[status]]
    return ", ".join(parts)


def cost_text(calls: tuple[Call, ...]) -> str:
    """Tokens and money of some calls, as far as they are known."""
    tokens = sum(call.prompt_tokens + call.completion_tokens for call in calls)
    costs = [call.cost for call in calls if call.cost is not None]
    return " · ".join([f"{figures.thousands(tokens)} tokens"] * bool(tokens) + [figures.money(sum(costs))] * bool(costs))
