"""Blocks with `await` at their top level, and asyncio around them. Rules 2 and 10."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import asyncio
from typing import Any

from rlm_lab import ScriptedModel

PAUSE = "import signal; signal.raise_signal(signal.SIGINT)"


def test_gathered_calls_overlap_with_sleeps_and_threads(bench: Any) -> None:
    code = (
        "import asyncio\ndone = []\nasync def tick():\n    await asyncio.sleep(0); done.append('tick')\n"
        "got = await asyncio.gather(llm_query_async('a'), asyncio.to_thread(lambda: 5), tick(), asyncio.sleep(0.01, 'slept'))\nFINAL(got + done)"
    )
    assert bench.run(code).answer == ["re:a", 5, None, "slept", "tick"]


def test_the_users_own_loop_works_while_an_await_block_is_suspended(bench: Any) -> None:
    run = bench.paused(f"import asyncio\nawait asyncio.sleep(0)\n{PAUSE}\nawait asyncio.sleep(0)\nFINAL(1)")
    assert asyncio.run(asyncio.sleep(0, "mine")) == "mine"
    bench.go_on(run)
    assert run.answer == 1


def test_a_run_inside_a_running_loop_can_be_paused_in_an_await_and_resumed_from_another_loop(bench: Any) -> None:
    made = []

    async def cell() -> None:
        made.append(
            bench.paused(f"import asyncio\nx = await llm_query_async('a')\n{PAUSE}\nFINAL([x, await asyncio.sleep(0.01, 'b')])")
        )
        assert asyncio.current_task() is not None
        await asyncio.sleep(0)

    async def next_cell() -> None:
        bench.go_on(made[0])
        await asyncio.sleep(0)

    asyncio.run(cell())
    asyncio.run(next_cell())
    assert made[0].answer == ["re:a", "b"]


def test_a_future_of_another_loop_is_refused_clearly(bench: Any) -> None:
    loop = asyncio.new_event_loop()
    run = bench.run("await theirs", "FINAL(1)", namespace={"theirs": loop.create_future(), "__name__": "__main__"})
    loop.close()
    assert "different loop" in bench.errors_of(run)[0]


def test_a_blocking_call_inside_an_await_block_works(bench: Any) -> None:
    assert (
        bench.run("import asyncio\nawait asyncio.sleep(0)\nFINAL(llm_query('a') + await llm_query_async('b'))").answer == "re:are:b"
    )


def test_asyncio_run_works_in_a_plain_block(bench: Any) -> None:
    code = "import asyncio\nasync def f(): return await asyncio.gather(llm_query_async('a'), llm_query_async('b'))\nFINAL(asyncio.run(f()))"
    assert bench.run(code).answer == ["re:a", "re:b"]


def test_tasks_that_a_block_leaves_running_are_cancelled_and_waited_for(bench: Any) -> None:
    code = (
        "import asyncio\nasync def forever():\n    try: await asyncio.sleep(1000)\n    finally: ended.append(1)\n"
        "ended = []\ntask = asyncio.ensure_future(forever())\nawait asyncio.sleep(0)"
    )
    assert bench.run(code, "FINAL(ended)").answer == [1]


def test_many_await_blocks_stopped_while_they_wait_do_not_hinder_the_next(bench: Any) -> None:
    def answer(messages: Any) -> str:
        if messages[-1].content == "stop":
            bench.interrupt()
        return "re"

    for _ in range(5):
        run = bench.paused("await llm_query_async('stop')", sub=ScriptedModel(answer, latency=0.2))
        run.stop()
        after = bench.run(
            "import asyncio\nFINAL(await asyncio.wait_for(llm_query_async('x'), 5))", sub=ScriptedModel(["y"], latency=0.05)
        )
        assert (after.answer, after.status) == ("y", "done")


def test_an_async_generator_and_async_with_work_across_a_pause(bench: Any) -> None:
    code = (
        "import asyncio, contextlib\nlog = []\n@contextlib.asynccontextmanager\nasync def place():\n    log.append('in')\n    yield\n    log.append('out')\n"
        f"async def numbers():\n    for i in range(3):\n        await asyncio.sleep(0)\n        yield i\n"
        f"async with place():\n    async for i in numbers():\n        if i == 1: {PAUSE}\n        log.append(i)\nFINAL(log)"
    )
    run = bench.paused(code)
    bench.go_on(run)
    assert run.answer == ["in", 0, 1, 2, "out"]


def test_siblings_that_await_overlap(bench: Any) -> None:
    child = "import asyncio\nFINAL(str(await asyncio.gather(asyncio.sleep(0.01, context), llm_query_async('x'))))"
    model = bench.family("FINAL(rlm_query_batched(['child'] * 4, contexts=[1, 2, 3, 4]))", child)
    assert bench.run(model=model).answer == [f"[{i}, 're:x']" for i in (1, 2, 3, 4)]
