"""What the calls that a run is about to make would take, told before any of them is sent.

Pure arithmetic: it rests on the model's own estimate of the prompts and on the calls answered so far. Nothing is sent, reserved or
counted. Main thread only, as it reads a paused run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rlm_lab.engine.run import Run
from rlm_lab.models.base import Message, Model, Request, Usage
from rlm_lab.trajectory.tree import Call, Trajectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What some calls would take.

    Parameters
    ----------
    calls: how many would be made.
    tokens: of prompts and answers; a lower bound, without answers, while `rests_on` is 0.
    cost: US dollars, the likeliest; None where no price is known.
    cost_low, cost_high: its range; without a high end while `rests_on` is 0.
    seconds: of the clock; None while `rests_on` is 0.
    at_once: how many of them the model answers side by side.
    rests_on: calls answered so far that this is drawn from; 0: on the prompts alone.
    """

    calls: int
    tokens: int
    cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None
    seconds: float | None = None
    at_once: int = 1
    rests_on: int = 0


def forecast(run: Run) -> Forecast | None:
    """What the call or batch before which a run is paused would take; None for a run that is not paused before one."""
    gate = run.gate
    if gate is None or gate.kind != "call":
        return None
    model: Model = gate.facts.get("model") or run.asked.sub_model
    return forecast_calls(gate.facts["prompts"], model, tuple(_answered(run.trajectory)))


def forecast_calls(prompts: Sequence[str], model: Model, answered: Sequence[Call] = ()) -> Forecast:
    """What it would take to ask `model` each prompt, given calls that were `answered` before.

    >>> from rlm_lab import ScriptedModel
    >>> before = Call(number=1, prompt="x" * 400, model="m", prompt_tokens=120, completion_tokens=10, cost=0.01, seconds=2.0)
    >>> told = forecast_calls(["x" * 400] * 6, ScriptedModel([], max_concurrency=4), [before])
    >>> told.calls, told.tokens, round(told.cost, 3), told.seconds
    (6, 780, 0.06, 4.0)
    """
    estimates = [_estimate(model, prompt) for prompt in prompts]
    least = sum(usage.prompt_tokens for usage in estimates)
    at_once = min(model.max_concurrency, len(prompts))
    if not answered:
        price = None if any(usage.cost is None for usage in estimates) else sum(usage.cost or 0.0 for usage in estimates)
        return Forecast(calls=len(prompts), tokens=least, cost=price, cost_low=price, at_once=at_once)
    known = [(max(_estimate(model, call.prompt).prompt_tokens, 1), call) for call in answered]
    share = sum(call.prompt_tokens for _, call in known) / sum(estimated for estimated, _ in known)
    written = sum(call.completion_tokens for call in answered) / len(answered)
    cost, low, high = _cost(least, known)
    return Forecast(
        calls=len(prompts),
        tokens=round(least * share + len(prompts) * written),
        cost=cost,
        cost_low=low,
        cost_high=high,
        seconds=sum(call.seconds for call in answered) / len(answered) * math.ceil(len(prompts) / at_once),
        at_once=at_once,
        rests_on=len(answered),
    )


def _cost(least: int, known: Sequence[tuple[int, Call]]) -> tuple[float | None, float | None, float | None]:
    """The likeliest cost, and what it were if all calls were as cheap or as dear as the cheapest and the dearest so far."""
    rates = [(call.cost / estimated, estimated) for estimated, call in known if call.cost is not None]
    if not rates:
        return None, None, None
    each = [rate for rate, _ in rates]
    middle = sum(rate * weight for rate, weight in rates) / sum(weight for _, weight in rates)
    return middle * least, min(each) * least, max(each) * least


def _estimate(model: Model, prompt: str) -> Usage:
    return model.estimate(Request(messages=(Message(role="user", content=prompt),)))


def _answered(trajectory: Trajectory) -> Iterator[Call]:
    """The calls that a model has answered in a run and its children; one that a person answered took no tokens."""
    for step in trajectory.steps:
        for block in step.blocks:
            yield from (call for call in block.calls if call.status == "answered" and call.prompt_tokens)
            for child in block.children:
                yield from _answered(child)
