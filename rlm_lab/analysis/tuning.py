"""The root model's turns as examples to tune a model with, in the form of OpenAI's chat fine-tuning: {"messages": [...]}.

One example a turn: all that was said before it, then the reply. Reads trajectories only; may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlm_lab.trajectory.tree import Step, Trajectory

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def examples_of(trajectory: Trajectory, *, failed: bool = True) -> Iterator[dict[str, Any]]:
    """An example for each step that has a reply, child runs' too.

    Parameters
    ----------
    failed: whether steps are taken whose code ended with an error; what was said in them stays in the steps after them.

    The form is https://platform.openai.com/docs/guides/supervised-fine-tuning. Messages that no longer fitted the model's window
    are not in its examples either: the opening is, and as many of the last as were sent.

    >>> step = Step(number=1, messages=({"role": "user", "content": "Why?"},), reply="So.")
    >>> list(examples_of(Trajectory(run="a", status="done", steps=(step,))))
    [{'messages': [{'role': 'user', 'content': 'Why?'}, {'role': 'assistant', 'content': 'So.'}]}]
    """
    for step, said in turns_of(trajectory):
        for block in step.blocks:
            for child in block.children:
                yield from examples_of(child, failed=failed)
        if step.reply is not None and (failed or not _has_failed(step)):
            yield {"messages": [*said, {"role": "assistant", "content": _text(step.reply)}]}


def turns_of(trajectory: Trajectory) -> Iterator[tuple[Step, list[dict[str, str]]]]:
    """Each step with the messages that were sent for its reply, as role and content."""
    said: list[dict[str, str]] = []
    opening = len(trajectory.steps[0].messages) if trajectory.steps else 0
    for step in trajectory.steps:
        said += [_message(one) for one in step.messages]
        yield step, [*said[:opening], *said[opening + step.dropped :]]


def _message(told: Mapping[str, Any]) -> dict[str, str]:
    """A message as every consumer knows it; one of a role that not all know is what the model was given, as a user gives it."""
    role, content = told.get("role"), told.get("content")
    return {"role": _ROLES.get(str(role), "user"), "content": _text("" if content is None else str(content))}


def _has_failed(step: Step) -> bool:
    return any(block.error for block in step.blocks)


def _text(text: str) -> str:
    """The text without halves of characters, which no file in UTF-8 holds."""
    return text.encode("utf-8", "replace").decode("utf-8")
