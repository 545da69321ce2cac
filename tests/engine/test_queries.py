"""Sub-model calls from anywhere in a block, and child runs."""

from __future__ import annotations

import pytest

from rlm_lab import Budget, ScriptedModel
from rlm_lab.errors import ModelError


@pytest.mark.parametrize(
    "expression",
    [
        "[llm_query(t) for t in 'ab']",
        "list(map(llm_query, 'ab'))",
        "llm_query_batched(['a', 'b'])",
        "[x.upper() for x in sorted('ab', key=llm_query)]",
        "__import__('pandas').Series(['a', 'b']).apply(llm_query).tolist()",
        "list(__import__('re').sub('[ab]', lambda m: llm_query(m[0]), 'ab'))",
    ],
)
def test_a_call_may_come_from_anywhere_in_a_block(asked, expression):
    assert asked(f"FINAL({expression})").answer == ["A", "B"]


def test_threads_of_a_block_may_call(asked):
    run = asked(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor() as pool:\n    FINAL(list(pool.map(llm_query, 'abcd')))"
    )
    assert run.answer == ["A", "B", "C", "D"]
    assert run.usage.calls == 4


def test_calls_may_be_awaited_side_by_side(asked):
    run = asked("import asyncio\nFINAL(await asyncio.gather(*(llm_query_async(t) for t in 'ab')))")
    assert run.answer == ["A", "B"]


def test_a_failed_call_raises_in_the_block(asked):
    def refuse(_messages):
        raise ModelError("out of order")

    run = asked("try:\n    llm_query('x')\nexcept Exception as error:\n    FINAL(str(error))", sub_model=ScriptedModel(refuse))
    assert run.answer == "out of order"


def test_a_failed_member_of_a_batch_is_an_exception_and_the_others_keep_their_answers(asked):
    def answer(messages):
        if messages[-1].content == "b":
            raise ModelError("not b")
        return messages[-1].content

    run = asked("FINAL([str(a) for a in llm_query_batched(['a', 'b', 'c'])])", sub_model=ScriptedModel(answer))
    assert run.answer == ["a", "not b", "c"]
    batch = run.steps[0].blocks[0].batches[0]
    assert [call.status for call in batch.calls] == ["answered", "failed", "answered"]


def test_a_batch_raises_where_that_is_asked_for(asked):
    def refuse(_messages):
        raise ModelError("never")

    run = asked("llm_query_batched(['a'], raise_errors=True)", "FINAL(1)", sub_model=ScriptedModel(refuse))
    assert run.steps[0].blocks[0].error["message"] == "never"


@pytest.mark.parametrize("call", ["llm_query(5)", "llm_query_batched('abc')", "llm_query_batched([1])"])
def test_a_prompt_that_is_no_text_is_refused(asked, call):
    run = asked(call, "FINAL(1)")
    assert run.steps[0].blocks[0].error["type"] == "TypeError"
    assert run.usage.calls == 0


def test_an_empty_batch_asks_nobody(asked):
    assert asked("FINAL(llm_query_batched([]))").answer == []


def test_a_prompt_larger_than_the_window_is_refused_before_it_is_sent(asked):
    sub = ScriptedModel(lambda _messages: "x", context_window=1_000)
    run = asked("llm_query('word ' * 10_000)", "FINAL(1)", sub_model=sub)
    assert "does not fit the window" in run.steps[0].blocks[0].error["message"]
    assert sub.requests == []


def test_calls_are_logged_with_the_line_that_made_them(asked):
    run = asked("a = 1\nb = llm_query('on line two')\nFINAL(b)")
    call = run.steps[0].blocks[0].calls[0]
    assert (call.line, call.prompt, call.answer) == (2, "on line two", "ON LINE TWO")


def child_aware(root: str, child: str):
    """A root model that replies to child runs (whose question says `part`) with another block."""
    return ScriptedModel(lambda messages: f"```repl\n{child if 'part' in messages[1].content else root}\n```")


def test_a_child_run_answers_with_its_own_context_and_namespace(asked):
    model = child_aware("FINAL(rlm_query('this part', context=[1, 2, 3]))", "own = sum(context)\nFINAL(own)")
    space = {}
    run = asked(model=model, namespace=space)
    assert run.answer == "6"
    assert "own" not in space
    child = run.steps[0].blocks[0].children[0]
    assert (child.question, child.answer, child.depth) == ("this part", 6, 1)


def test_child_runs_side_by_side_keep_their_order(asked):
    model = child_aware("FINAL(rlm_query_batched(['part'] * 3, contexts=[1, 2, 3]))", "FINAL(llm_query(str(context)))")
    assert asked(model=model).answer == ["1", "2", "3"]


def test_child_runs_that_wait_overlap(asked):
    model = child_aware("rlm_query_batched(['part'] * 4)\nFINAL(1)", "FINAL(llm_query('x'))")
    sub = ScriptedModel(lambda _messages: "y", latency=0.2)
    children = asked(model=model, sub_model=sub).steps[0].blocks[0].children
    calls = [child.steps[0].blocks[0].calls[0] for child in children]
    assert max(call.started for call in calls) < min(call.started + call.seconds for call in calls)


def test_a_child_run_beyond_the_depth_is_a_plain_call(asked):
    run = asked("FINAL(rlm_query('part', context='abc'))", budget=Budget(depth=0))
    assert run.answer == "PART\n\nABC"


def test_a_failed_child_raises_in_its_parent(asked):
    model = ScriptedModel(lambda messages: "hm" if "part" in messages[1].content else "```repl\nrlm_query('part')\n```")
    run = asked(model=model, budget=Budget(steps=5))
    assert "5 times in a row" in run.steps[0].blocks[0].error["message"]


def test_children_spend_from_the_same_ledger(asked):
    model = child_aware("FINAL(rlm_query_batched(['part'] * 3))", "FINAL(llm_query('x'))")
    run = asked(model=model, budget=Budget(calls=2))
    assert run.usage.calls == 2


def test_a_run_asked_for_inside_a_block_is_a_child_run(asked):
    model = child_aware(
        "import rlm_lab\nrun = rlm_lab.ask('this part', context={'xs': [1, 2]}, schema=int)\nFINAL([run.answer, run.status])",
        "FINAL(sum(xs))",
    )
    run = asked(model=model)
    assert run.answer == [3, "done"]
    assert run.steps[0].blocks[0].children[0].question == "this part"


def test_a_child_run_beyond_the_depth_is_refused_where_it_was_asked_for(asked):
    run = asked("import rlm_lab\nrlm_lab.ask('part')", "FINAL(1)", budget=Budget(depth=0))
    assert "limit of depth" in run.steps[0].blocks[0].error["message"]


def test_a_text_in_the_place_of_a_model_is_told(asked):
    run = asked("llm_query('What is it?', 'It is a long text.')", "FINAL(1, 2)", "FINAL(3)")
    errors = [step.blocks[0].error["message"] for step in run.steps[:2]]
    assert "The second argument is a model's name. Put the text to be read into the prompt" in errors[0]
    assert errors[1].startswith("FINAL() takes")
