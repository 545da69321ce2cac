"""Stopping at gates, deciding there, and going on from the very same point."""

from __future__ import annotations

import pytest

from rlm_lab import ScriptedModel
from rlm_lab.engine.conditions import parse_condition
from rlm_lab.errors import StateError, UsageError


def edits(run):
    return [(event.what, event.before, event.after) for event in run._engine.log.events if event.type == "edited"]


def test_a_stepped_run_stops_before_each_block_and_gives_the_kernel_back(asked):
    space = {}
    run = asked("a = 1", "b = 2", "FINAL(a + b)", step=True, namespace=space)
    assert (run.status, run.pause_reason, "a" in space) == ("paused", "before the block", False)
    run.step()
    assert (run.gate.facts["step"], space["a"], "b" in space) == (2, 1, False)
    run.resume()
    assert (run.status, run.answer) == ("done", 3)


def test_stepping_into_calls_stops_before_each_call_and_shows_its_prompt(asked):
    run = asked("FINAL(llm_query('one') + llm_query('two'))", step=True)
    run.step(into="calls")
    assert (run.gate.kind, run.gate.facts["prompt"]) == ("call", "one")
    run.step(into="calls")
    assert run.gate.facts["prompt"] == "two"
    run.resume()
    assert run.answer == "ONETWO"


def test_variables_changed_while_a_block_is_paused_are_what_it_goes_on_with(asked):
    space = {}
    run = asked("n = 1\nllm_query('wait')\nFINAL(n)", breakpoints=["'wait' in prompt"], namespace=space)
    assert space["n"] == 1
    space["n"] = 99
    run.resume()
    assert run.answer == 99


def test_an_edited_block_runs_in_place_of_the_models_and_is_what_the_model_reads(asked):
    model = ScriptedModel(["```repl\nx = 1\n```", "```repl\nFINAL(x)\n```"])
    run = asked(model=model, step=True)
    run.decide(code="x = 2", by="ada")
    run.resume()
    assert run.answer == 2
    assert edits(run) == [("code", "x = 1", "x = 2")]
    assert "x = 2" in model.requests[1].messages[-2].content


def test_a_skipped_block_does_not_run_and_the_model_is_told(asked):
    model = ScriptedModel(["```repl\nx = 1\n```", "```repl\nFINAL('x' in globals())\n```"])
    run = asked(model=model, step=True)
    run.decide(skip=True)
    run.resume()
    assert run.answer is False
    assert "left your block out" in model.requests[1].messages[-1].content


def test_a_call_can_be_answered_in_the_models_place(asked, echo):
    run = asked("FINAL(llm_query('who?'))", breakpoints=["prompt == 'who?'"])
    run.decide(answers=("me",), by="ada")
    run.resume()
    assert run.answer == "me"
    assert echo.requests == []
    assert run.steps[0].blocks[0].calls[0].model == "ada"


def test_a_prompt_can_be_edited_before_it_is_sent(asked):
    run = asked("FINAL(llm_query('helo'))", breakpoints=["'helo' in prompt"])
    run.decide(prompts=("hello",))
    run.resume()
    assert run.answer == "HELLO"


def test_a_batch_shows_its_size_before_it_is_sent(asked):
    run = asked("FINAL(len(llm_query_batched(['x'] * 812)))", breakpoints=["batch > 100"])
    assert run.gate.facts["batch"] == 812
    with pytest.raises(StateError, match="2 answers are given for 812 calls"):
        run.decide(answers=("a", "b"))
    run.resume()
    assert run.answer == 812


def test_a_final_answer_can_be_refused_with_a_word_for_the_model(asked):
    run = asked("FINAL(1)", "FINAL(2)", breakpoints=["answer == '1'"])
    assert run.gate.kind == "final"
    run.decide(refusal="count again.")
    run.resume()
    assert run.answer == 2


@pytest.mark.parametrize(
    ("condition", "step"), [("step == 2", 2), ("error", 1), ("calls > 1", 3), ("'Zero' in error", 1), ("'FINAL' in code", 4)]
)
def test_a_breakpoint_stops_where_its_condition_is_met(asked, condition, step):
    run = asked("1 / 0", "llm_query_batched(['a', 'b'])", "x = 1", "FINAL(1)", breakpoints=[condition])
    assert (run.status, run.gate.facts["step"]) == ("paused", step if condition != "calls > 1" else 2)
    run.resume()
    assert run.status == "done"


@pytest.mark.parametrize(("goal", "step"), [("step 3", 3), ("answer", 4), ("error", 2)])
def test_a_run_goes_on_until_its_goal(asked, goal, step):
    run = asked("1", "1 / 0", "2", "FINAL(1)", step=True)
    run.resume(until=goal)
    assert (run.status, run.gate.facts["step"]) == ("paused", step)
    run.resume()
    assert run.answer == 1


def test_a_goal_of_a_step_is_the_root_runs_step(asked):
    model = ScriptedModel(
        lambda messages: (
            "```repl\n1\n```"
            if "part" in messages[1].content and len(messages) < 8
            else "```repl\nFINAL(2)\n```"
            if "part" in messages[1].content
            else "```repl\nrlm_query('part')\n```"
            if len(messages) < 6
            else "```repl\nFINAL(1)\n```"
        )
    )
    run = asked(model=model, step=True)
    run.resume(until="step 3")
    assert (run.status, run.gate.facts["step"], run.gate.facts["depth"]) == ("paused", 3, 0)
    run.resume()
    assert run.answer == 1


@pytest.mark.parametrize(
    "text", ["calls >", "import os", "__import__('os')", "calls.x", "open('x')", "prompt[0]", "2 ** 99", "calss > 1", "x" * 999]
)
def test_a_condition_that_is_not_plain_is_refused_with_one_line(text):
    with pytest.raises(UsageError, match="breakpoint") as told:
        parse_condition(text)
    assert "\n" not in str(told.value)


def test_a_command_that_does_not_fit_is_refused_and_changes_nothing(asked):
    run = asked("x = 1", "FINAL(x)", step=True)
    with pytest.raises(StateError, match="answers does not fit"):
        run.decide(answers=("a",))
    with pytest.raises(UsageError, match="until"):
        run.resume(until="tomorrow")
    assert run.status == "paused"
    run.resume()
    with pytest.raises(StateError, match="is done, not paused"):
        run.step()


def test_a_paused_run_can_be_stopped_at_any_gate(asked):
    for condition in ("step == 1", "len(prompt) > 0", "len(output) > 0", "len(answer) > 0"):
        run = asked("llm_query('x')\nprint(1)\nFINAL(1)", breakpoints=[condition])
        run.stop()
        assert run.status == "stopped"
