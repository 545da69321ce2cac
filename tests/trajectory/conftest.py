"""A small run with a batch, a child run and an error, as its events."""

from __future__ import annotations

from typing import Any

import pytest

from rlm_lab.trajectory import events as ev


def started(run: str = "a", **changes: Any) -> ev.RunStarted:
    fields: dict[str, Any] = {
        "question": "Which carrier?",
        "model": "root-model",
        "sub_model": "sub-model",
        "contexts": [{"name": "flights", "kind": "frame"}],
        "budget": {"steps": 20, "cost": 1.0},
        "started": "2026-11-21T16:00:00Z",
    }
    return ev.RunStarted(run=run, **{**fields, **changes})


def reply(run: str, step: int, cost: float | None = 0.01) -> ev.ReplyReceived:
    return ev.ReplyReceived(
        run=run, step=step, text="I look.", model="root-model-1", prompt_tokens=100, completion_tokens=10, cost=cost, seconds=1.5
    )


def whole_run() -> list[ev.Event]:
    return [
        started(),
        ev.StepStarted(run="a", step=1, messages=[{"role": "user", "content": "Which carrier?"}]),
        reply("a", 1),
        ev.BlockStarted(run="a", step=1, block=1, code="llm_query_batched(['x', 'y'])"),
        ev.Output(run="a", step=1, block=1, kind="stdout", text="one\n"),
        ev.Output(run="a", step=1, block=1, kind="stdout", text="two\n"),
        ev.BatchStarted(run="a", step=1, block=1, batch=1, size=2, line=1),
        ev.CallStarted(run="a", step=1, block=1, call=1, prompt="x", model="sub-model", line=1, batch=1, index=0),
        ev.CallStarted(run="a", step=1, block=1, call=2, prompt="y", model="sub-model", line=1, batch=1, index=1),
        ev.CallFinished(run="a", call=2, answer="yes", model="sub", prompt_tokens=5, completion_tokens=1, cost=0.001, seconds=0.2),
        ev.CallFailed(run="a", call=1, error="429, too many requests", kind="RateLimitError", retries=3),
        ev.ChildStarted(run="a", step=1, block=1, child="a.1", line=1),
        started("a.1", parent="a", depth=1),
        ev.StepStarted(run="a.1", step=1, messages=[]),
        reply("a.1", 1, cost=0.02),
        ev.RunFinished(run="a.1", status="done", answer=3, answer_text="3", seconds=0.5),
        ev.ChildFinished(run="a", child="a.1", status="done"),
        ev.BlockFinished(run="a", step=1, block=1, seconds=2.0, error={"type": "KeyError", "message": "'x'", "line": 1}),
        ev.Flagged(run="a", step=1, flag="constant", message="The constant 42 stands in no data."),
        ev.Paused(run="a", reason="asked", step=2),
        ev.Resumed(run="a", step=2, seconds=9.0),
        ev.BudgetWarned(run="a", limit="cost", used=0.8, maximum=1.0),
        ev.StepStarted(run="a", step=2, messages=[]),
        reply("a", 2),
        ev.RunFinished(run="a", status="done", answer="EV", answer_text="EV", answer_type="str", seconds=4.5),
    ]


@pytest.fixture
def events() -> list[ev.Event]:
    return whole_run()
