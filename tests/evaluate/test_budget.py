"""One budget for all runs of a sweep: set aside before a run, given back after, never exceeded."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from rlm_lab import Budget, ScriptedModel
from rlm_lab.errors import UsageError
from rlm_lab.evaluate.guard import Allowance, Guarded, Limited
from rlm_lab.models.base import Message, Reply, Request, Usage

ASK = "FINAL(' '.join(llm_query(str(n)) for n in range(4)))"


def priced(*texts: str, cost: float = 0.01, tokens: int = 100) -> ScriptedModel:
    return ScriptedModel([Reply(text=text, model="m", usage=Usage(prompt_tokens=tokens, cost=cost)) for text in texts])


def test_calls_of_all_runs_together_stay_within_the_limit(swept, writes, says):
    told = swept(model={"m": writes(ASK, ASK)}, sub_model=says("yes"), repeats=3, budget=Budget(calls=10))
    assert told.spent.calls <= 10
    assert all(run.budget["calls"] == 3 for run in told.runs)


def test_a_run_is_not_started_unless_its_whole_share_is_left(swept, writes, says):
    each = Budget(calls=4)
    told = swept(model={"m": writes(ASK)}, sub_model=says("yes"), repeats=3, budget=Budget(calls=10), each=each)
    assert [row.status for row in told.rows] == ["done", "done", "not run"]
    assert told.spent.calls == 8
    assert "calls does not hold another run" in told.stopped


def test_what_a_run_did_not_use_is_given_back(swept, writes):
    told = swept(model={"m": writes("FINAL(1)")}, repeats=5, budget=Budget(calls=4), each=Budget(calls=4))
    assert [row.status for row in told.rows] == ["done"] * 5


def test_a_larger_budget_later_makes_the_runs_that_were_left(swept, writes, says):
    how = {"model": {"m": writes(ASK)}, "sub_model": says("yes"), "repeats": 2, "each": Budget(calls=4)}
    assert len(swept(budget=Budget(calls=4), **how).runs) == 1
    told = swept(budget=Budget(calls=8), **how)
    assert len(told.runs) == 2
    assert told.spent.calls == 8  # those of the first time are counted, too


def test_money_is_not_exceeded_by_last_answers_either(swept):
    block = "```repl\nprint(1)\n```"
    told = swept(model={"m": partial(priced, *[block] * 30)}, repeats=3, budget=Budget(cost=0.3, tokens=None))
    assert told.spent.cost <= 0.3
    assert {row.status for row in told.rows} == {"out_of_budget"}
    assert all(row.cost >= 0.08 for row in told.rows)


def test_tokens_are_not_exceeded_by_last_answers_either(swept):
    block = "```repl\nprint(1)\n```"
    told = swept(model={"m": partial(priced, *[block] * 90, cost=0.0, tokens=800)}, repeats=2, budget=Budget(tokens=20_000))
    assert told.spent.tokens <= 20_000
    assert {row.status for row in told.rows} == {"out_of_budget"}


def test_a_budget_that_leaves_a_run_nothing_is_refused(swept, writes):
    with pytest.raises(UsageError, match="A limit of 2 calls is too little for 3 runs"):
        swept(model={"m": writes("FINAL(1)")}, repeats=3, budget=Budget(calls=2))


def test_without_calls_a_call_is_an_error_in_the_block_and_the_run_goes_on(swept, writes, says):
    block = "try:\n    llm_query('hello')\nexcept Exception as error:\n    print(error)"
    told = swept(model={"m": writes(block, "FINAL('by code')")}, sub_model=says("yes"), method="code")
    assert (told.rows[0].answer, told.rows[0].status, told.rows[0].calls) == ("by code", "done", 0)
    assert "No language model can be asked" in told.runs[0].steps[0].blocks[0].outputs[0].text


class Wordy(ScriptedModel):
    """Writes a batch of calls, and answers each call at great length."""

    async def complete(self, request, on_delta=None):
        if request.messages[-1].content != "go on":
            return await super().complete(request, on_delta)
        await asyncio.sleep(0.01)  # so that several are under way at once where that is allowed
        return Reply(text="x", model="m", usage=Usage(prompt_tokens=10, completion_tokens=2_000, cost=0.5))


@pytest.mark.parametrize("budget", [Budget(tokens=9_000), Budget(cost=2.2, tokens=None)], ids=["tokens", "cost"])
def test_the_first_batch_does_not_exceed_the_budget_however_long_its_replies(swept, budget):
    block = "```repl\ngiven = llm_query_batched(['go on'] * 20)\nFINAL(len(given))\n```"
    told = swept(model={"m": lambda: Wordy([block] * 3)}, budget=budget)
    assert 3 <= told.spent.calls <= 20
    assert told.spent.tokens <= 9_000
    assert told.spent.cost <= 2.2


def test_the_length_of_a_reply_is_limited_to_what_is_left():
    model = ScriptedModel([Reply(text="x", model="m", usage=Usage(prompt_tokens=100, completion_tokens=20))] * 3)
    allowance = Allowance(Budget(tokens=400, cost=None))
    guarded = Guarded(Limited(model, allowance), allowance)
    for longest in (5_000, 5_000, None):
        asyncio.run(guarded.complete(Request(messages=(Message(role="user", content="?"),), max_tokens=longest)))
    assert [request.max_tokens for request in model.requests] == [399, 279, None]
