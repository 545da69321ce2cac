"""A run as the JSON of `application/vnd.rlm-lab.run+json`: which run it is, where its log stands, and what came of it."""

from __future__ import annotations

from typing import Any

from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.clean import cut, left_out, storable

MIME_TYPE = "application/vnd.rlm-lab.run+json"
VERSION = 1
_LONGEST = 20_000


def run_json(trajectory: Trajectory) -> dict[str, Any]:
    """The payload; a few kilobytes, never the log itself.

    >>> run_json(Trajectory(run="a", status="done", answer_text="EV"))["summary"]["answer_text"]
    'EV'
    """
    usage = trajectory.usage
    summary = {
        "status": trajectory.status,
        "question": _short(trajectory.question),
        "answer_text": _short(trajectory.answer_text),
        "answer_type": trajectory.answer_type,
        "limit": trajectory.limit,
        "error": trajectory.error and _short(trajectory.error),
        "model": trajectory.model,
        "sub_model": trajectory.sub_model,
        "started": trajectory.started,
        "steps": len(trajectory.steps),
        "usage": {
            "steps": usage.steps,
            "calls": usage.calls,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "tokens": usage.tokens,
            "cost": usage.cost,
            "seconds": usage.seconds,
        },
    }
    path = {"path": str(trajectory.path)} if trajectory.path else {}
    payload: dict[str, Any] = storable({"version": VERSION, "id": trajectory.run, **path, "summary": summary})
    return payload


def _short(text: str) -> str:
    head, missing, tail = cut(text, _LONGEST)
    return f"{head} … {left_out(missing)} … {tail}" if missing else text
