"""Stopping where the budget runs low, and sending only a part of a batch."""

from __future__ import annotations

import pytest

from rlm_lab import Budget, ScriptedModel
from rlm_lab.engine.orders import state_of
from rlm_lab.errors import StateError


def edits(run):
    return [(event.what, event.before, event.after) for event in run._engine.log.events if event.type == "edited"]


def test_a_run_stops_at_each_line_of_its_budget_and_goes_on_to_its_last_answer(asked):
    code = "for i in range(12):\n    try:\n        llm_query('x')\n    except Exception:\n        break\nFINAL(i)"
    run = asked(code, breakpoints=["budget"], budget=Budget(calls=10))
    assert (run.status, run.usage.calls, run.pause_reason) == ("paused", 8, "breakpoint budget")
    assert run.gate.facts["used"]["calls"] == (8, 10)
    run.resume()
    assert (run.status, run.usage.calls) == ("paused", 10)
    run.resume()
    assert run.gate.facts["refused"].startswith("The run's limit of 10 calls leaves 0")
    run.resume()
    assert (run.status, run.usage.calls, run.answer) == ("done", 10, 10)


def test_a_condition_on_the_budgets_share_is_met_once(asked):
    blocks = "llm_query_batched(['x'] * 3)", "llm_query('y')", "FINAL(1)"
    run = asked(*blocks, breakpoints=["budget >= 0.25"], budget=Budget(calls=10))
    assert (run.gate.kind, run.usage.calls) == ("budget", 3)
    run.resume()
    assert run.status == "done"


def test_a_batch_that_does_not_fit_stops_before_it_is_refused(asked):
    code = "try:\n    llm_query_batched(['x'] * 12)\nexcept Exception as error:\n    FINAL(type(error).__name__)"
    run = asked(code, breakpoints=["budget"], budget=Budget(calls=10))
    assert (run.usage.calls, "12 are wanted" in run.gate.facts["refused"]) == (0, True)
    assert state_of(run)["gate"]["pending"]["limits"][0] == {"limit": "calls", "used": 0, "maximum": 10}
    run.resume()
    assert run.answer == "BudgetExceededError"


def test_the_steps_are_a_budget_too(asked):
    run = asked(*["1"] * 5, "FINAL(1)", breakpoints=["budget"], budget=Budget(steps=5))
    steps = []
    while run.status == "paused":
        steps.append(run.gate.facts["step"])
        run.resume()
    assert (steps, run.status) == ([4, 5], "out_of_budget")


def test_without_such_a_breakpoint_the_budgets_lines_are_no_gates(asked):
    run = asked("llm_query_batched(['x'] * 9)\nFINAL(1)", breakpoints=["step == 9"], budget=Budget(calls=10))
    assert run.status == "done"


# the first calls of a batch


def test_only_the_first_calls_of_a_batch_are_sent_and_the_others_say_so(asked, echo, scripted):
    code = "got = llm_query_batched(list('abcd'))\nprint(got[:2], [type(g).__name__ for g in got[2:]], got[3])"
    model = scripted(code, "FINAL(1)")
    run = asked(model=model, breakpoints=["batch > 1"])
    run.decide(cap=2, by="ada")
    run.resume()
    assert len(echo.requests) == 2
    told = model.requests[1].messages[-1].content
    assert "['A', 'B'] ['NotSentError', 'NotSentError'] Call 4 of 4 was not sent: the user let only the first" in told
    assert "The user let only the first 2 of the 4 calls of a batch be made." in told
    assert edits(run) == [("cap", 4, 2)]
    assert [batch.size for batch in run.steps[0].blocks[0].batches] == [2]


def test_calls_that_were_not_sent_raise_where_the_block_wants_errors_raised(asked):
    code = "try:\n    llm_query_batched(list('ab'), raise_errors=True)\nexcept Exception as e:\n    FINAL(str(e))"
    run = asked(code, breakpoints=["batch > 1"])
    run.decide(cap=1)
    run.resume()
    assert run.answer.startswith("Call 2 of 2 was not sent")


@pytest.mark.parametrize("cap", [0, 2, 3, -1])
def test_a_cap_that_is_none_is_refused(asked, cap):
    run = asked("FINAL(llm_query_batched(list('ab')))", breakpoints=["batch > 1"])
    with pytest.raises(StateError, match="give a number from 1 to 1"):
        run.decide(cap=cap)
    run.resume()
    assert run.answer == ["A", "B"]


def test_one_call_cannot_be_capped(asked):
    run = asked("FINAL(llm_query('a'))", breakpoints=["prompt"])
    assert "before a batch" in state_of(run)["can"]["cap"]
    with pytest.raises(StateError, match="for a batch"):
        run.decide(cap=1)


def test_a_model_that_costs_money_is_stopped_at_its_line(asked, scripted):
    model = ScriptedModel(lambda messages: "```repl\nllm_query('x' * 400)\n```" if len(messages) < 8 else "```repl\nFINAL(1)\n```")
    run = asked(model=model, breakpoints=["budget > 0.5"], budget=Budget(tokens=3_000))
    assert run.pause_reason == "breakpoint budget > 0.5"
    assert run.usage.tokens > 1_500
    run.stop()
