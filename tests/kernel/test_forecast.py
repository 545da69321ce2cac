"""What calls would take, told before they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rlm_lab import Run, ScriptedModel, ask
from rlm_lab.engine.forecast import forecast, forecast_calls
from rlm_lab.engine.run import paused_runs
from rlm_lab.models.base import Reply, Request, Usage
from rlm_lab.trajectory.tree import Call


class Priced(ScriptedModel):
    """A script that knows a price of 0.001 USD a token of the prompt."""

    def estimate(self, request: Request) -> Usage:
        told = super().estimate(request)
        return replace(told, cost=told.prompt_tokens / 1_000)


class Unpriced(ScriptedModel):
    """A script of which no price is known."""

    def estimate(self, request: Request) -> Usage:
        return replace(super().estimate(request), cost=None)


@pytest.fixture(autouse=True)
def _nothing_stays_paused() -> Iterator[None]:
    yield
    for run in paused_runs():
        run.stop()


def call(**facts: Any) -> Call:
    told = {"number": 1, "prompt": "x" * 396, "model": "m", "status": "answered", "prompt_tokens": 100, "completion_tokens": 20}
    return Call(**{**told, **facts})


def paused_before(code: str, sub: ScriptedModel) -> Run:
    run = ask("How many?", model=ScriptedModel([f"```repl\n{code}\n```"]), sub_model=sub, breakpoints=["batch > 1"])
    assert isinstance(run, Run)
    return run


def test_without_answered_calls_it_rests_on_the_prompts_and_is_a_lower_bound() -> None:
    told = forecast_calls(["x" * 396] * 10, Priced([]))
    assert (told.calls, told.tokens, round(told.cost or 0, 6), told.rests_on) == (10, 1_000, 1.0, 0)
    assert (told.cost_high, told.seconds) == (None, None)


def test_with_answered_calls_it_counts_answers_and_gives_a_range() -> None:
    told = forecast_calls(["x" * 396] * 10, Priced([]), [call(cost=0.1), call(cost=0.3)])
    assert (told.tokens, told.rests_on) == (1_200, 2)
    assert (told.cost_low, told.cost, told.cost_high) == pytest.approx((1.0, 2.0, 3.0))


def test_time_is_that_of_a_call_as_often_as_the_model_must_be_asked_side_by_side() -> None:
    told = forecast_calls(["x"] * 33, ScriptedModel([], max_concurrency=16), [call(seconds=0.5), call(seconds=1.5)])
    assert (told.seconds, told.at_once) == (3.0, 16)


def test_a_price_that_nobody_knows_is_not_made_up() -> None:
    assert forecast_calls(["x"], Unpriced([])).cost is None
    assert forecast_calls(["x"], Unpriced([]), [call()]).cost is None


def test_a_run_before_a_batch_is_told_from_its_own_calls() -> None:
    reply = Reply(text="yes", model="dear", usage=Usage(prompt_tokens=3, completion_tokens=1, cost=0.5))
    run = paused_before("llm_query('x' * 8)\nllm_query_batched(['x' * 8] * 4)", Priced(lambda _: reply))
    told = forecast(run)
    assert told is not None
    assert (told.calls, told.tokens, told.cost, told.rests_on) == (4, 16, 2.0, 1)


def test_answers_of_a_person_do_not_count() -> None:
    run = paused_before("llm_query_batched(['a', 'b'])\nllm_query_batched(['c', 'd'])", Priced([]))
    run.decide(answers=("1", "2"))
    run.go_on()
    told = forecast(run)
    assert told is not None
    assert told.rests_on == 0


def test_a_run_that_stands_elsewhere_has_none() -> None:
    run = ask("How many?", model=ScriptedModel(["```repl\nFINAL(1)\n```"]), step=True)
    assert isinstance(run, Run)
    assert forecast(run) is None
