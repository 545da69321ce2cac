"""What a run tells before it begins, near its limits, and when something of its own goes wrong."""

from __future__ import annotations

import time

import pytest

from rlm_lab import Budget, ScriptedModel, Settings
from rlm_lab.kernel.ask import Inquiry, prepare


def waiting(*replies, **given):
    return prepare(Inquiry(question="What is it?", model=ScriptedModel(replies), namespace={}, **given))


def test_a_run_that_waits_has_a_trajectory_without_steps():
    run = waiting("FINAL(1)")
    assert (run.trajectory.run, run.trajectory.status, run.trajectory.question) == (run.id, "waiting", "What is it?")
    assert run.steps == ()


def test_of_very_many_blocks_in_a_reply_the_first_ten_run_and_the_model_is_told():
    many = "".join(f"```repl\nn = {number}\n```\n" for number in range(1, 14))
    model = ScriptedModel([many, "```repl\nFINAL(n)\n```"])
    run = prepare(Inquiry(question="What is it?", model=model, namespace={}))
    run.start()
    assert run.answer == 10
    assert "the last 3 did not run" in model.requests[1].messages[-1].content


def test_steps_and_seconds_that_run_out_are_warned_of_once(asked):
    run = asked(*["x = 1"] * 4, "FINAL(1)", budget=Budget(steps=5))
    assert [(warning.limit, warning.used) for warning in run.trajectory.warnings] == [("steps", 4)]
    busy = "import time\nwhile time.monotonic() < start + 1.7: pass"
    run = asked(busy, "FINAL(1)", namespace={"start": time.monotonic()}, budget=Budget(seconds=2.0))
    assert "seconds" in [warning.limit for warning in run.trajectory.warnings]


def test_an_error_of_the_engine_itself_ends_the_run_as_failed_and_is_told():
    class Broken:
        def __init__(self):
            self.namespace = {}

        def swaps(self, show):
            return ()

        def transform(self, source):
            raise KeyError("the host is broken")

        def bundle(self, value):
            return {"text/plain": ""}

    inquiry = Inquiry(question="What is it?", model=ScriptedModel(["```repl\n!odd\n```"]), namespace={})
    run = prepare(inquiry, host=Broken())
    with pytest.raises(KeyError):
        run.start()
    assert run.status == run.trajectory.status == "failed"
    assert "the host is broken" in str(run.error)
    assert "the host is broken" in run.trajectory.error


@pytest.mark.parametrize("given", ["budget=rlm_lab.Budget(calls=1)", "step=True", "breakpoints=('error',)"])
def test_a_question_inside_a_block_has_no_budget_of_its_own(asked, given):
    run = asked(f"import rlm_lab\nrlm_lab.ask('part', context=1, {given})", "FINAL(1)")
    assert run.steps[0].blocks[0].error["type"] == "UsageError"
    assert f"no {given.split('=')[0]} of its own" in run.steps[0].blocks[0].error["message"]


@pytest.mark.parametrize("method", ["__str__", "__repr__"])
def test_an_error_whose_text_takes_for_ever_is_cut(asked, tmp_path, method):
    code = f"class Odd(Exception):\n    def {method}(self):\n        while True: pass\nraise Odd()"
    run = asked(code, "FINAL(1)", settings=Settings(runs=tmp_path, block_seconds=0.3))
    assert run.answer == 1
    assert run.steps[0].blocks[0].error["type"] == "Odd"


@pytest.mark.parametrize("code", ["rlm_query('part', context=Odd())", "rlm_lab.ask('part', context=Odd()).answer"])
def test_a_context_of_a_child_run_whose_text_takes_for_ever_is_cut_and_told_without_it(asked, tmp_path, code):
    odd = "class Odd:\n    def __repr__(self):\n        while True: pass\n"
    blocks = {True: f"import rlm_lab\n{odd}FINAL({code})", False: "FINAL('fine')"}
    model = ScriptedModel(lambda messages: f"```repl\n{blocks['What is it?' in messages[1].content]}\n```")
    run = asked(model=model, settings=Settings(runs=tmp_path, block_seconds=0.3))
    assert run.answer == "fine"
    assert "<Odd object>" in run.steps[0].blocks[0].children[0].contexts[0]["preview"]
