"""What a comparison shows of a step: its code, what it showed, what it asked; made fit to be shown, and cut where it is long.

May be used from any thread.
"""

from __future__ import annotations

from rlm_lab.analysis.traits import code_of
from rlm_lab.trajectory.tree import Call, Step
from rlm_lab.views.clean import cut, left_out, plain


def shown_code(step: Step, longest: int) -> str:
    """All code of a step."""
    return fit(code_of(step), longest)


def shown_output(step: Step, longest: int) -> str:
    """What its blocks showed, and the errors that ended them."""
    texts = [part.text.rstrip() for block in step.blocks for part in block.outputs]
    errors = [f"{block.error.get('type')}: {block.error.get('message')}" for block in step.blocks if block.error]
    lost = [f"No reply: {step.reply_error}"] if step.reply_error is not None else []
    return fit("\n".join(text for text in [*texts, *errors, *lost] if text), longest)


def shown_end(call: Call, longest: int) -> str:
    """How a call ended: its answer, or why there is none."""
    return fit(call.answer or "" if call.status == "answered" else f"{call.status} {call.error or ''}".strip(), longest)


def fit(text: str, longest: int) -> str:
    """The text as it is shown; of a long one the head and the tail, and how much is between them."""
    head, missing, tail = cut(plain(text), longest)
    return f"{head}\n… {left_out(missing)} …\n{tail}" if missing else head
