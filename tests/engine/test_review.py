"""Defects that a cold review found, each with the run that showed it."""

from __future__ import annotations

import asyncio
import json
import linecache
import sys
from pathlib import Path

import pytest

from rlm_lab import Budget, ScriptedModel, Settings
from rlm_lab.engine.program import KEPT_SOURCES, compile_program
from rlm_lab.models.base import Reply, Request, Usage
from rlm_lab.trajectory.events import BlockStarted
from rlm_lab.trajectory.store import read


class OwnModel:
    """A model object as a user writes one: it gives what a function of the prompt gives."""

    name, context_window, max_concurrency = "own", 10_000, 8

    def __init__(self, answer):
        self.answer = answer

    def estimate(self, _request: Request) -> Usage:
        return Usage()

    async def complete(self, request, _on_delta=None):
        return await self.answer(request.messages[-1].content)


async def text_only(prompt):
    return prompt


async def first_cancels_itself(prompt):
    if prompt == "a":
        raise asyncio.CancelledError
    await asyncio.sleep(0.02)
    return Reply(text=prompt.upper(), model="own")


async def late(prompt):
    await asyncio.sleep(60)
    return Reply(text=prompt, model="own")


def test_a_context_that_is_called_context_is_not_said_to_be_bound_anew(asked):
    run = asked("context[:2]", "FINAL(len(context))", context="tomato")
    assert (run.answer, run.trajectory.flags) == (6, ())
    assert "anew" not in run.steps[1].messages[-1]["content"]


def test_a_root_model_that_gives_no_reply_object_fails_the_run(asked):
    run = asked(model=OwnModel(text_only))
    assert run.status == "failed"
    assert "gave str instead of a Reply" in str(run.error)


def test_a_sub_model_that_gives_no_reply_object_fails_the_call(asked):
    run = asked("FINAL(str(llm_query_batched(['x'])[0]))", sub_model=OwnModel(text_only))
    assert "gave str instead of a Reply" in run.answer


def test_a_member_of_a_batch_that_is_cancelled_costs_the_others_nothing(asked):
    run = asked("FINAL([str(x) for x in llm_query_batched(['a', 'b', 'c'])])", sub_model=OwnModel(first_cancels_itself))
    assert run.answer == ["The call was cancelled.", "B", "C"]


def test_a_call_that_the_block_waits_for_no_longer_is_cancelled(asked):
    code = "import asyncio\ntry:\n    await asyncio.wait_for(llm_query_async('x'), 0.01)\nexcept TimeoutError:\n    pass"
    run = asked(code, "1", "FINAL(1)", sub_model=OwnModel(late))
    assert run.steps[0].blocks[0].calls[0].status == "failed"


def test_a_ready_that_has_no_truth_value_is_no_answer(asked):
    odd = "class Odd:\n    def __bool__(self):\n        raise ValueError('ambiguous')\nanswer['ready'] = Odd()"
    assert asked(odd, "FINAL(1)").answer == 1


def test_an_answer_that_was_turned_down_is_not_given_again_by_the_next_block(asked):
    run = asked("answer = {'content': 'x', 'ready': True}", "print('seen')", "FINAL(3)", schema=int)
    assert run.answer == 3
    assert "seen" in run.steps[2].messages[-1]["content"]


def test_a_child_run_is_asked_a_text(asked):
    run = asked("rlm_query(123)", "rlm_query_batched('abc')", "FINAL(1)")
    assert [step.blocks[0].error["type"] for step in run.steps[:2]] == ["TypeError", "TypeError"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
def test_what_a_forked_child_shows_does_not_enter_the_log_as_the_runs(asked):
    run = asked("import os\npid = os.fork()\nos.waitpid(pid, 0) if pid else None\npid", "FINAL(1)")
    numbers = [json.loads(line)["seq"] for line in run.path.read_text().splitlines()]
    assert numbers == list(range(len(numbers)))


def test_a_flood_of_displays_is_cut_and_the_last_value_still_shown(asked):
    run = asked("import sys\nfor i in range(10_000):\n    sys.displayhook('x' * 100)\n'the end'", "FINAL(1)")
    shown = run.steps[1].messages[-1]["content"]
    assert len(shown) < 10_000
    assert "more displays left out here" in shown
    assert "'the end'" in shown


def test_no_child_run_is_started_once_the_budget_is_spent(asked):
    loop = "```repl\nfor number in range(50):\n    rlm_query(f'do {number}')\n```"
    model = ScriptedModel(lambda messages: "FINAL(enough)" if "do " in messages[-1].content else loop)
    run = asked(model=model, question="word " * 2_000, budget=Budget(tokens=8_000))
    assert (run.status, run.limit) == ("out_of_budget", "tokens")
    assert len(model.requests) < 20  # of 51


def test_the_last_answer_after_the_runs_time_has_little_time_itself(asked):
    model = ScriptedModel(["FINAL(1)"] * 2, latency=0.2)
    asked(model=model, budget=Budget(seconds=0.1))
    assert [(request.seconds, request.retries) for request in model.requests] == [(600.0, 3), (60.0, 0)]


def test_a_block_that_was_cut_tells_how_long_it_computed(asked, tmp_path):
    run = asked("while True:\n    pass", "FINAL(1)", settings=Settings(block_seconds=0.2, runs=tmp_path))
    assert run.steps[0].blocks[0].seconds >= 0.2


def test_an_answer_that_is_the_data_itself_is_not_logged_whole(asked):
    run = asked("FINAL(context)", context="x" * 5_000_000)
    assert len(run.answer) == 5_000_000
    assert run.path.stat().st_size < 1_200_000


@pytest.mark.parametrize("name", ["scripted", "local"])
def test_a_sum_of_very_many_terms_is_code_like_any(asked, name):
    sums = ["+".join(["1"] * count) for count in (900, 901)]
    model = ScriptedModel([f"```repl\n{code}\n```" for code in (*sums, "FINAL(2)")], name=name)
    assert asked(model=model).answer == 2


def test_the_state_of_random_generators_is_told_alike_in_any_process(asked):
    run = asked("import random\nrandom.seed(7)", "random.random()", "FINAL(1)")
    first, second, third = (event.state for event in read(run.path) if isinstance(event, BlockStarted))
    assert second["random"] == "cc0e981420972b72" != third["random"]
    assert first["folder"] == str(Path.cwd())


def test_the_lines_of_blocks_are_not_kept_for_ever():
    before = len(linecache.cache)
    for number in range(3 * KEPT_SOURCES):
        compile_program("1", filename=f"<rlm review {number}>", transform=str, allow_shell=False)
    assert len(linecache.cache) - before <= KEPT_SOURCES


@pytest.mark.parametrize("name", ["logging", "rlm_lab.engine.hub", "importlib._bootstrap"])
def test_a_block_that_takes_the_name_of_a_guarded_module_is_cut_all_the_same(asked, tmp_path, name):
    code = f"__name__ = {name!r}\nwhile True:\n    pass"
    run = asked(code, "FINAL(1)", settings=Settings(block_seconds=0.2, runs=tmp_path))
    assert run.answer == 1


def test_a_breakpoint_may_name_the_block_and_a_call_tells_its_model(asked):
    run = asked("FINAL(llm_query('x'))", breakpoints=("block == 1",))
    assert (run.status, run.gate.kind) == ("paused", "block")
    run.step("calls")
    assert run.gate.facts["model"] is run.asked.sub_model
    run.stop()
