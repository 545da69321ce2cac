"""How many requests and child runs are under way at once, and what is counted of those that are cancelled."""

from __future__ import annotations

import asyncio
import gc
from textwrap import dedent

from rlm_lab import Settings
from rlm_lab.models.base import Reply, Usage


class Counting:
    """A model that notes how many requests it is answering at once; it sets no limit itself."""

    name, context_window = "counting", 32_000

    def __init__(self, answer, *, max_concurrency=128, turns=1000):
        self.max_concurrency = max_concurrency
        self.answer = answer
        self.turns = turns
        self.now = self.most = 0

    async def complete(self, request, on_delta=None):
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.now -= 1
        return Reply(text=self.answer(request.messages), model=self.name)

    def estimate(self, request):
        return Usage()


def family(root, child):
    return lambda messages: f"```repl\n{root if 'What is it?' in messages[1].content else child}\n```"


def test_replies_of_child_runs_count_as_requests_in_flight(asked):
    model = Counting(family("FINAL(rlm_query_batched(['part'] * 20))", "FINAL('x')"), max_concurrency=3)
    run = asked(model=model)
    assert run.answer == ["x"] * 20
    assert 1 < model.most <= 3


def test_replies_and_calls_of_one_model_count_together(asked):
    def answer(messages):
        if messages[0].role == "user":
            return "yes"
        return family("FINAL(rlm_query_batched(['part'] * 8))", "FINAL(llm_query('x') + llm_query('y'))")(messages)

    model = Counting(answer, max_concurrency=2)
    run = asked(model=model, sub_model=model)
    assert run.answer == ["yesyes"] * 8
    assert model.most == 2


def test_a_large_batch_of_child_runs_takes_turns(asked, tmp_path):
    at_once = Counting(family("FINAL(len(rlm_query_batched(['part'] * 50)))", "FINAL('x')"))
    run = asked(model=at_once, settings=Settings(runs=tmp_path, max_children=5))
    assert run.answer == 50
    assert 1 < at_once.most <= 5


def test_each_model_has_its_own_limit_though_another_was_collected(asked):
    block = """
        for _ in range(20):
            model = make()
            assert llm_query_batched(['a', 'b', 'c'], model) == ['y'] * 3
            limits.append(model.most)
            del model; gc.collect()
        FINAL(limits)
    """
    sizes = iter([1, 3] * 10)
    space = {"gc": gc, "limits": [], "make": lambda: Counting(lambda _: "y", max_concurrency=next(sizes))}
    run = asked(dedent(block), namespace=space)
    assert run.answer == [1, 3] * 10


def test_calls_that_were_sent_count_though_they_are_cancelled(asked):
    class Never(Counting):
        async def complete(self, request, on_delta=None):
            self.now += 1
            await asyncio.sleep(3600)

    model = Never(lambda _: "y")
    block = """
        import asyncio
        calls = [asyncio.ensure_future(llm_query_async('x')) for _ in range(3)]
        while model.now < 3: await asyncio.sleep(0.01)
        [call.cancel() for call in calls]
        await asyncio.gather(*calls, return_exceptions=True)
    """
    run = asked(dedent(block), "FINAL(1)", namespace={"model": model}, sub_model=model)
    assert (run.answer, run.usage.calls) == (1, 3)


def test_a_stopped_run_tells_the_end_of_each_child(asked):
    model = Counting(family("FINAL(rlm_query_batched(['part'] * 3))", "x = 1\nllm_query('wait')"))
    run = asked(model=model, breakpoints=["'wait' in prompt"])
    run.stop()
    (block,) = run.steps[0].blocks
    assert [child.status for child in block.children] == ["stopped"] * 3
    told = [event for event in run.events if event.type == "child_finished"]
    assert [event.status for event in told] == ["stopped"] * 3
