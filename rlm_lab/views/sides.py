"""What a comparison shows of a step: its code, what it showed, what it asked; made fit to be shown, and cut where it is long.

May be used from any thread.
"""

from __future__ import annotations

from collections.abc import Mapping

from rlm_lab.analysis.acts import act_of, clipped, summary_of
from rlm_lab.analysis.lints import lints_of
from rlm_lab.analysis.traits import code_of
from rlm_lab.trajectory.tree import Call, Step, Trajectory
from rlm_lab.views import figures
from rlm_lab.views.clean import cut, left_out, plain

_MOST_VARIABLES = 12  # of a block
_MOST_WARNINGS = 3  # of a step
_BEFORE = 120  # characters that are shown before a difference


def shown_code(step: Step, longest: int) -> str:
    """All code of a step."""
    return fit(code_of(step), longest)


def warnings_of(run: Trajectory) -> dict[int, list[str]]:
    """What a reader of a run's steps should look at, by the number of the step."""
    found: dict[int, list[str]] = {}
    for lint in lints_of(run):
        if lint.severity == "warning" and lint.run == run.run and lint.step is not None:
            found.setdefault(lint.step, []).append(clipped(lint.reason, 240))
    return {number: reasons[:_MOST_WARNINGS] for number, reasons in found.items()}


def shown_summary(run: Trajectory, step: Step) -> tuple[str, bool]:
    """What came of a step, in one line; and whether that is the run's answer."""
    answer = run.answer_text.strip()
    if answer and run.steps and step is run.steps[-1] and act_of(step).word == "answer":
        return clipped(answer.partition("\n")[0], 160), True
    return summary_of(step), False


def shown_variables(step: Step, longest: int) -> str:
    """The variables that its blocks added or changed, one a line."""
    lines = []
    for block in step.blocks:
        groups = [block.variables.get(key) for key in ("added", "changed")]
        for name, told in [item for group in groups if isinstance(group, Mapping) for item in group.items()][:_MOST_VARIABLES]:
            facts = told if isinstance(told, Mapping) else {}
            lines.append(clipped(f"{name}: {facts.get('type') or ''} {facts.get('repr') or ''}", 160))
    return fit("\n".join(lines), longest)


def shown_output(step: Step, longest: int) -> str:
    """What its blocks showed, and the errors that ended them."""
    texts = [part.text.rstrip() for block in step.blocks for part in block.outputs]
    errors = [f"{block.error.get('type')}: {block.error.get('message')}" for block in step.blocks if block.error]
    lost = [f"No reply: {step.reply_error}"] if step.reply_error is not None else []
    return fit("\n".join(text for text in [*texts, *errors, *lost] if text), longest)


def shown_spent(step: Step) -> str:
    """The tokens and the money of a step and its calls, as far as they are known."""
    parts: list[Step | Call] = [step, *(call for block in step.blocks for call in block.calls)]
    tokens = sum(part.prompt_tokens + part.completion_tokens for part in parts)
    costs = [part.cost for part in parts if part.cost is not None]
    return " · ".join([f"{figures.thousands(tokens)} tokens"] * bool(tokens) + [figures.money(sum(costs))] * bool(costs))


def shown_taken(step: Step) -> str:
    """The time of a step, and what it spent.

    >>> shown_taken(Step(number=1, seconds=2.25, prompt_tokens=1_200, cost=0.04))
    '2.2 s · 1.2 k tokens · 0.040 USD'
    """
    return " · ".join(part for part in (figures.seconds(step.seconds) if step.seconds else "", shown_spent(step)) if part)


def shown_end(call: Call, longest: int) -> str:
    """How a call ended: its answer, or why there is none."""
    return fit(call.answer or "" if call.status == "answered" else f"{call.status} {call.error or ''}".strip(), longest)


def from_difference(a: str, b: str) -> tuple[str, str]:
    """Two long texts from a little before their first difference on; how much is the same before is said."""
    same = next((place for place, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))
    start = same - _BEFORE if same > 2 * _BEFORE and same < max(len(a), len(b)) else 0
    if not start:
        return a, b
    note = f"… {start:,} characters that are the same …\n"
    return note + a[start:], note + b[start:]


def fit(text: str, longest: int) -> str:
    """The text as it is shown; of a long one the head and the tail, and how much is between them, unless saying so is longer.

    >>> fit("abcdefghij", 6)
    'abcdefghij'
    """
    head, missing, tail = cut(plain(text), longest)
    notice = f"\n… {left_out(missing)} …\n"
    return f"{head}{notice}{tail}" if missing > len(notice) else plain(text)
