"""Limits of the whole tree: reserved before a request is sent, checked while it runs."""

from __future__ import annotations

import pytest

from rlm_lab import Budget, ScriptedModel, Settings
from rlm_lab.errors import UsageError


def test_a_run_that_meets_its_steps_is_asked_once_for_its_best_answer(asked):
    model = ScriptedModel(["```repl\n1\n```", "```repl\n2\n```", "FINAL(my best guess)"])
    run = asked(model=model, budget=Budget(steps=2))
    assert (run.status, run.limit, run.answer) == ("out_of_budget", "steps", "my best guess")
    assert "limit of steps" in model.requests[2].messages[-1].content


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It is 41.", "It is 41."),
        ("<think>hm, 40?</think>\n\nIt is 41.", "It is 41."),
        ("```repl\nFINAL(41)\n```", 41),
        ("```repl\nanswer['content'] = 41\nanswer['ready'] = True\n```", 41),
        ("```repl\nSUBMIT(n=41)\n```", {"n": 41}),
        ("```python\n41\n```", 41),
        ("```repl\nn\n```", 7),
    ],
)
def test_a_last_answer_is_read_in_every_contract(asked, reply, answer):
    run = asked(model=ScriptedModel(["```repl\nn = 7\n```", reply]), budget=Budget(steps=1))
    assert (run.status, run.answer) == ("out_of_budget", answer)


@pytest.mark.parametrize("reply", ["```repl\nprint(n)\n```", "", "<think>I could"])
def test_code_and_thoughts_are_no_last_answer_and_the_run_says_so(asked, reply):
    run = asked(model=ScriptedModel(["```repl\nn = 7\n```", reply]), budget=Budget(steps=1))
    assert (run.status, run.answer) == ("out_of_budget", None)
    assert run.steps[-1].flags[0].message == "The last reply holds no answer."


def test_a_last_answer_of_another_form_is_told(asked):
    run = asked(model=ScriptedModel(["```repl\nn = 7\n```", "It is 41."]), budget=Budget(steps=1), schema=int)
    assert run.answer is None
    assert "The answer is not int" in run.steps[-1].flags[0].message


def test_a_batch_that_does_not_fit_is_refused_whole_and_the_model_may_ask_for_fewer(asked):
    run = asked("llm_query_batched(['x'] * 11)", "FINAL(len(llm_query_batched(['x'] * 10)))", budget=Budget(calls=10))
    assert (run.status, run.answer, run.usage.calls) == ("done", 10, 10)
    assert run.steps[0].blocks[0].error["type"] == "BudgetExceededError"


def test_calls_beyond_the_limit_end_the_run(asked):
    model = ScriptedModel(["```repl\nfor i in range(5):\n    llm_query('x')\n```", "FINAL(enough)"])
    run = asked(model=model, budget=Budget(calls=3))
    assert (run.status, run.limit, run.usage.calls, run.answer) == ("out_of_budget", "calls", 3, "enough")


def test_threads_cannot_overshoot_the_calls(asked):
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def one(i):\n    try:\n        return llm_query('x')\n    except Exception:\n        return None\n"
        "with ThreadPoolExecutor(16) as pool:\n    FINAL(sum(a is not None for a in pool.map(one, range(50))))"
    )
    run = asked(code, budget=Budget(calls=7))
    assert (run.answer, run.usage.calls) == (7, 7)


def test_tokens_are_checked_while_a_batch_runs(asked):
    sub = ScriptedModel(lambda _messages: "word " * 400, max_concurrency=1)
    run = asked("llm_query_batched(['x'] * 50)", "FINAL(1)", sub_model=sub, budget=Budget(tokens=5_000))
    assert (run.status, run.limit) == ("out_of_budget", "tokens")
    assert run.usage.calls < 20


def test_a_run_ends_at_its_seconds_while_a_block_computes(asked):
    model = ScriptedModel(["```repl\nwhile True:\n    pass\n```", "FINAL(late)"])
    run = asked(model=model, budget=Budget(seconds=0.3))
    assert (run.status, run.limit, run.answer) == ("out_of_budget", "seconds", "late")


def test_a_run_ends_at_its_seconds_while_a_call_is_waited_for(asked):
    model = ScriptedModel(["```repl\nllm_query('x')\n```", "FINAL(late)"])
    run = asked(model=model, sub_model=ScriptedModel(["y"], latency=30), budget=Budget(seconds=0.3))
    assert (run.status, run.limit, run.answer) == ("out_of_budget", "seconds", "late")


def test_a_run_ends_at_its_seconds_while_the_root_model_thinks(asked):
    replies = iter([30.0, 0.0])

    class Slow(ScriptedModel):
        async def complete(self, request, on_delta=None):
            self.latency = next(replies)
            return await super().complete(request, on_delta)

    run = asked(model=Slow(["```repl\n1\n```", "FINAL(late)"] * 2), budget=Budget(seconds=0.3))
    assert (run.status, run.limit) == ("out_of_budget", "seconds")


def test_a_block_that_computes_too_long_is_cut_and_the_model_is_told(asked, tmp_path):
    run = asked("while True:\n    pass", "FINAL(1)", settings=Settings(block_seconds=0.2, runs=tmp_path))
    assert run.answer == 1
    assert "more than its limit of 0.2 s" in run.steps[0].blocks[0].error["message"]


def test_time_spent_waiting_for_models_is_not_the_blocks(asked, tmp_path):
    settings = Settings(block_seconds=0.2, runs=tmp_path)
    run = asked("FINAL(llm_query('x'))", sub_model=ScriptedModel(["y"], latency=0.5), settings=settings)
    assert run.answer == "y"


def test_a_limit_that_comes_near_is_warned_of_once(asked):
    run = asked("FINAL(llm_query_batched(['x'] * 9))", budget=Budget(calls=10))
    assert [warning.limit for warning in run.trajectory.warnings] == ["calls"]


@pytest.mark.parametrize("limit", [{"steps": 0}, {"calls": -1}, {"cost": 0}, {"seconds": "ten"}, {"depth": -1}, {"tokens": 1.5}])
def test_a_limit_that_is_no_positive_number_is_refused(limit):
    with pytest.raises(UsageError, match="budget's"):
        Budget(**limit)
