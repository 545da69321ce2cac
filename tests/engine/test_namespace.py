"""What blocks see and leave: the user's namespace, helper names, contexts, tools."""

from __future__ import annotations

import pytest

from rlm_lab import ScriptedModel
from rlm_lab.errors import NotInRunError


def test_blocks_see_the_users_variables_and_leave_theirs(asked):
    space = {"prices": [1, 2, 3]}
    asked("total = sum(prices)", "FINAL(total)", namespace=space)
    assert space["total"] == 6


def test_a_fresh_run_sees_its_context_only(asked):
    run = asked("FINAL('secret' in globals())", namespace=None, fresh=True, context={"n": 1})
    assert run.answer is False


def test_variables_of_a_failed_block_stay(asked):
    space = {}
    asked("kept = 1\nlost = 1 / 0", "FINAL(kept)", namespace=space)
    assert space["kept"] == 1
    assert "lost" not in space


def test_a_users_variables_named_like_helpers_come_back(asked):
    space = {"llm_query": "mine", "answer": 5, "FINAL": None}
    run = asked("x = llm_query('hi')\nanswer['content'] = x\nanswer['ready'] = True", namespace=space)
    assert run.answer == "HI"
    assert (space["llm_query"], space["answer"], space["FINAL"]) == ("mine", 5, None)


def test_helpers_leave_no_name_behind(asked):
    space = {}
    asked("FINAL(llm_query('a'))", namespace=space)
    assert set(space) <= {"__builtins__"}


def test_helpers_survive_being_deleted_or_bound_anew(asked):
    run = asked("llm_query = 5\nSHOW_VARS = None", "FINAL(llm_query('still here'))")
    assert run.answer == "STILL HERE"
    assert any(flag.flag == "overwritten" for flag in run.trajectory.flags)


def test_deleting_a_helper_is_an_error_that_changes_nothing(asked):
    run = asked("del llm_query", "FINAL(llm_query('x'))")
    assert run.answer == "X"


def test_a_context_that_is_bound_anew_is_put_back_and_the_model_is_told(asked, scripted):
    space = {"data": [1, 2, 3]}
    model = scripted("data = data[:2]\ndata", "1", "FINAL(data)")
    run = asked(model=model, context={"data": space["data"]}, namespace=space)
    assert run.answer == space["data"] == [1, 2, 3]
    told = [request.messages[-1].content for request in model.requests[1:]]
    assert ["bound data anew" in text for text in told] == [True, False]


def test_a_single_context_is_also_called_context(asked):
    assert asked("FINAL(context is letters)", context={"letters": "abc"}).answer is True


def test_a_context_of_another_name_does_not_stay_in_the_users_namespace(asked):
    space = {"n": "the user's"}
    run = asked("FINAL(n)", context={"n": "the run's"}, namespace=space)
    assert run.answer == "the run's"
    assert space["n"] == "the user's"


def test_the_first_message_tells_type_and_size_and_never_the_data(asked, scripted):
    model = scripted("FINAL(1)")
    asked(model=model, context={"text": "needle " * 100_000})
    first = "\n".join(message.content for message in model.requests[0].messages)
    assert "700,000" in first
    assert len(first) < 8_000


def test_tools_are_described_and_can_be_called(asked, scripted):
    def population(city: str) -> int:
        """People who live in a city."""
        return {"Oslo": 717_710}[city]

    model = scripted("FINAL(population('Oslo'))")
    run = asked(model=model, tools=[population])
    assert run.answer == 717_710
    assert "People who live in a city." in model.requests[0].messages[0].content


def test_functions_that_a_block_leaves_behind_say_that_the_run_is_over(asked):
    space = {}
    asked("def later():\n    return llm_query('too late')", "FINAL(1)", namespace=space)
    with pytest.raises(NotInRunError, match="no block open"):
        space["later"]()


def test_the_value_of_the_last_expression_is_shown_to_the_model(asked, scripted):
    model = scripted("6 * 7", "FINAL(1)")
    asked(model=model)
    assert "42" in model.requests[1].messages[-1].content


def test_a_semicolon_hides_the_value(asked):
    assert asked("6 * 7;", "FINAL(1)").steps[0].blocks[0].outputs == ()


def test_show_vars_lists_what_there_is(asked):
    run = asked("FINAL(SHOW_VARS())", context={"n": 21})
    assert run.answer == "n: int = 21"


def test_tracebacks_show_the_blocks_own_lines_and_none_of_ours(asked):
    run = asked("def f(x):\n    return x / 0\nf(1)", "FINAL(1)")
    told = run.steps[0].blocks[0].error["traceback"]
    assert "return x / 0" in told
    assert "rlm_lab" not in told


def test_a_shell_line_is_refused_with_one_line(asked):
    run = asked("!ls", "FINAL(1)")
    assert run.steps[0].blocks[0].error is not None


def test_the_same_failing_block_is_noticed_and_resampled(asked):
    model = ScriptedModel(["```python\n1 / 0\n```", "```python\n1 / 0\n```", "```python\nFINAL(1)\n```"])
    asked(model=model)
    assert "this same block before" in model.requests[2].messages[-1].content
    assert model.requests[2].temperature == 0.9


def test_very_many_contexts_share_the_room_of_the_first_message(asked):
    model = ScriptedModel(["```repl\nFINAL(1)\n```"])
    asked(model=model, context={f"text_{number}": f"page {number} " * 1_000 for number in range(30)})
    told = model.requests[0].messages[-1].content
    assert len(told) < 16_000
    assert all(f"`text_{number}`: str of" in told for number in range(30))
