"""Interrupts at any moment: the block is left, not unwound, and goes on from the same point. Rules 4-8 and 12."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import contextlib
import random
import signal
import threading
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from rlm_lab import Budget, ScriptedModel, load, paused_runs
from rlm_lab.errors import StateError

PAUSE = "import signal; signal.raise_signal(signal.SIGINT)"


def drive_through_pauses(run: Any, seconds: float, pauses: list[int]) -> None:
    """Runs to the end while a thread pauses the run again and again; notes each pause."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(seconds * random.random()):
            with contextlib.suppress(StateError):
                run.pause()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        run.start()
        while run.status == "paused":
            pauses.append(len(pauses))
            run.resume()
    finally:
        over.set()
        thread.join()


def drive_through_a_storm(run: Any, seconds: float, pauses: list[int]) -> None:
    """Runs to the end under interrupts, one in each stretch between two pauses, at a moment that nobody chose; notes each pause."""
    armed, over = threading.Event(), threading.Event()

    def strike() -> None:
        while not over.is_set():
            if armed.wait(0.05) and not over.wait(seconds * random.random()) and armed.is_set():
                armed.clear()
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=strike)
    before = signal.signal(signal.SIGINT, lambda *_: armed.set())  # it came while no run was driven: another one, please
    thread.start()
    try:
        while run.status in {"waiting", "paused"}:
            armed.set()
            try:
                run.start() if run.status == "waiting" else run.resume()
            except KeyboardInterrupt:
                pauses.append(len(pauses))
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGINT, before)


def test_an_interrupted_block_is_left_in_the_midst_of_a_line_and_goes_on(bench: Any) -> None:
    run = bench.paused(f"try:\n    x = [1]\n    {PAUSE}\n    x.append(2)\nfinally:\n    x.append(3)\nFINAL(x)")
    assert run.trajectory.pauses[-1].line == 3
    bench.go_on(run)
    assert run.answer == [1, 2, 3]


def test_the_block_never_sees_a_keyboard_interrupt(bench: Any) -> None:
    run = bench.paused(f"try:\n    {PAUSE}\nexcept BaseException as e:\n    FINAL(repr(e))\nelse:\n    FINAL('nothing')")
    bench.go_on(run)
    assert run.answer == "nothing"


def test_variables_can_be_seen_and_changed_while_paused(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    run = bench.paused(f"x = 1\n{PAUSE}\nFINAL(x)", namespace=space)
    assert space["x"] == 1
    space["x"] = 10
    bench.go_on(run)
    assert run.answer == 10


def test_a_resumed_run_can_be_interrupted_again_at_once_without_being_stopped(bench: Any) -> None:
    run = bench.paused("for i in range(5):\n    signal.raise_signal(signal.SIGINT)\nFINAL(i)", namespace={"signal": signal})
    assert bench.go_on(run) == 4
    assert run.answer == 4


@pytest.mark.parametrize(
    ("setup", "code", "expected"),
    [
        ("", "total = 0\nfor i in range(400_000):\n    total += i\nvalue = total", sum(range(400_000))),
        ("", "value = sum(sorted(range(200_000), key=lambda v: -v)[:10])", sum(range(199_990, 200_000))),
        ("import re", "value = len(re.sub('a', lambda m: m.group() * 2, 'ab' * 100_000))", 300_000),
        ("import pandas as pd", "value = int(pd.Series(range(150_000)).apply(lambda v: v + 1).sum())", 150_000 * 150_001 // 2),
    ],
)
def test_interrupts_at_random_moments_lose_nothing(bench: Any, quick_turns: None, setup: str, code: str, expected: int) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(setup, space)  # noqa: S102
    pauses: list[int] = []
    space["pauses"] = pauses
    once = indent(code, "    ")  # also where all ten come before the first line
    run = bench.prepare(f"while True:\n{once}\n    if len(pauses) >= 10: break\nFINAL(value)", namespace=space)
    drive_through_a_storm(run, 0.0005, pauses)
    assert (run.status, run.answer) == ("done", expected)


def test_two_hundred_pauses_from_a_thread_lose_nothing(bench: Any, quick_turns: None) -> None:
    pauses: list[int] = []
    code = "got = []\nwhile len(pauses) < 200:\n    got.append(llm_query('a'))\n    n = sum(i for i in range(9_000))\nFINAL((set(got), n))"
    run = bench.prepare(code, namespace={"__name__": "__main__", "pauses": pauses}, budget=Budget(calls=None, seconds=None))
    drive_through_pauses(run, 0.003, pauses)
    assert (run.answer, len(pauses) >= 200) == (({"re:a"}, sum(range(9_000))), True)


def test_a_thousand_interrupts_of_a_run_with_calls_and_batches_lose_no_answer(bench: Any, quick_turns: None) -> None:
    code = (
        "got = []\nfor i in range(250):\n    got.append(llm_query(f'c{i}'))\n"
        "    got += llm_query_batched([f'b{i}-{k}' for k in range(5)])\n    while len(pauses) < 4 * i:\n        sum(j for j in range(3_000))\nFINAL(got)"
    )
    pauses: list[int] = []
    run = bench.prepare(code, namespace={"__name__": "__main__", "pauses": pauses}, budget=Budget(calls=2_000))
    drive_through_a_storm(run, 0.0002, pauses)
    assert run.answer == [text for i in range(250) for text in [f"re:c{i}", *(f"re:b{i}-{k}" for k in range(5))]]
    assert len(pauses) >= 4 * 249
    calls = [call for step in run.steps for block in step.blocks for call in block.calls]
    assert (len(calls), {call.status for call in calls}) == (1500, {"answered"})


def test_an_interrupt_while_the_root_model_answers_keeps_the_reply(bench: Any) -> None:
    asked = []

    def reply(_messages: Any) -> str:
        asked.append(1)
        bench.interrupt()
        return "```repl\nFINAL(7)\n```"

    run = bench.paused(model=ScriptedModel(reply))
    bench.go_on(run)
    assert (run.answer, len(asked)) == (7, 1)


def test_an_interrupt_in_a_batch_keeps_the_answers_in_flight_and_logs_each_call_once(bench: Any) -> None:
    def answer(messages: Any) -> str:
        if messages[-1].content == "p3":
            bench.interrupt()
        return str(messages[-1].content)

    run = bench.paused("FINAL(llm_query_batched([f'p{i}' for i in range(20)]))", sub=answer)
    bench.go_on(run)
    assert run.answer == [f"p{i}" for i in range(20)]
    log = load(run.path)
    assert [call.status for call in log.steps[0].blocks[0].calls] == ["answered"] * 20
    assert run.usage.calls == 20


def test_an_interrupt_in_a_child_pauses_the_whole_tree_and_the_child_goes_on(bench: Any) -> None:
    model = bench.family("FINAL(rlm_query_batched(['child'] * 3, contexts=[1, 2, 3]))", f"{PAUSE}\nFINAL(context * 10)")
    run = bench.paused(model=model)
    assert bench.go_on(run) == 2
    assert run.answer == ["10", "20", "30"]


def test_an_interrupt_inside_an_import_waits_until_the_import_is_over(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "rlm_slow_module.py").write_text(f"{PAUSE}\nloaded = sum(range(10_000))\n")
    code = "import sys; sys.path.insert(0, here)\nimport rlm_slow_module\nwhile not stop: pass\nFINAL(rlm_slow_module.loaded)"
    space: dict[str, Any] = {"stop": False, "__name__": "__main__"}
    run = bench.paused(code, context={"here": str(tmp_path)}, namespace=space)
    assert run.trajectory.pauses[-1].line in {2, 3}
    assert "rlm_slow_module" in space
    space["stop"] = True
    bench.go_on(run)
    assert run.answer == sum(range(10_000))


def test_an_interrupt_after_a_posted_time_limit_is_not_swallowed(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "rlm_slower_module.py").write_text(
        "import time\nend = time.monotonic() + 0.3\nwhile time.monotonic() < end: sum(range(200_000))\n"
    )
    code = f"import sys; sys.path.insert(0, here)\ntry:\n    import rlm_slower_module\n    while True: pass\nexcept Exception: pass\n{PAUSE}\nFINAL(1)"
    run = bench.paused(code, context={"here": str(tmp_path)}, settings={"block_seconds": 0.1})
    bench.go_on(run)
    assert run.answer == 1


def test_a_block_that_waits_for_its_threads_can_be_interrupted(bench: Any) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool: got = list(pool.map(llm_query, [f'p{i}' for i in range(12)]))\nFINAL(got)"
    )

    def answer(messages: Any) -> str:
        if messages[-1].content == "p2":
            bench.interrupt()
        return str(messages[-1].content)

    run = bench.paused(code, sub=answer)
    bench.go_on(run)
    assert run.answer == [f"p{i}" for i in range(12)]


def test_a_block_paused_in_a_with_that_holds_a_lock_keeps_the_lock(bench: Any) -> None:
    lock = threading.Lock()
    run = bench.paused(f"with lock:\n    {PAUSE}\nFINAL(lock.locked())", namespace={"lock": lock, "__name__": "__main__"})
    assert lock.locked()
    bench.go_on(run)
    assert run.answer is False


@pytest.mark.parametrize(
    "code",
    [
        f"{PAUSE}",
        f"try:\n    {PAUSE}\nfinally:\n    llm_query('late')",
        f"while True:\n    try: {PAUSE}\n    except BaseException: pass",
        f"def g():\n    try:\n        {PAUSE}; yield 1\n    except BaseException: yield 2\nlist(g())",
        f"import asyncio\nawait asyncio.sleep(0)\n{PAUSE}",
        "import asyncio\nsignal_later = asyncio.get_running_loop().call_soon(lambda: __import__('signal').raise_signal(2))\nawait asyncio.sleep(1000)",
        "sorted([3, 1], key=lambda v: __import__('signal').raise_signal(2) or v)",
        "llm_query('interrupt me')",
        "llm_query_batched(['interrupt me'] * 5)",
        "await llm_query_async('interrupt me')",
        "rlm_query('interrupt me', context=1)",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as p: list(p.map(llm_query, ['interrupt me'] * 50))",
    ],
)  # fmt: skip
def test_a_run_can_be_stopped_wherever_it_is_paused(bench: Any, code: str) -> None:
    sent: list[int] = []

    def answer(messages: Any) -> str:
        if "interrupt me" in str(messages) and not sent:
            sent.append(1)
            bench.interrupt()
        return "```repl\n1\n```"

    threads = threading.active_count()
    child = ScriptedModel(lambda messages: answer(messages) if "interrupt me" in messages[1].content else f"```repl\n{code}\n```")
    run = bench.paused(model=child, sub=ScriptedModel(answer, latency=0.05))
    run.stop()
    assert run.status == "stopped"
    assert not paused_runs()
    log = load(run.path)
    assert log.status == "stopped"
    calls = [call for step in log.steps for block in step.blocks for call in block.calls]
    assert "waiting" not in {call.status for call in calls}
    assert threading.active_count() <= threads + 3
    assert bench.run("FINAL(llm_query('x'))").answer == "re:x"


def test_a_run_stopped_while_the_root_model_answers_logs_that_no_reply_came(bench: Any) -> None:
    def reply(_messages: Any) -> str:
        bench.interrupt()
        return "never"

    run = bench.paused(model=ScriptedModel(reply, latency=60))
    run.stop()
    assert load(run.path).steps[0].reply_error


def test_llm_query_raises_while_its_block_is_being_stopped(bench: Any) -> None:
    space: dict[str, Any] = {"seen": [], "__name__": "__main__"}
    code = f"try:\n    {PAUSE}\nfinally:\n    try: llm_query('late')\n    except BaseException as e: seen.append(type(e).__name__)"
    run = bench.paused(code, namespace=space)
    run.stop()
    assert space["seen"] == ["BlockStopped"]
    assert run.usage.calls == 0


def test_another_run_can_be_asked_while_one_is_paused(bench: Any) -> None:
    first = bench.paused(f"x = 'first'\n{PAUSE}\nFINAL(x)")
    second = bench.paused(f"x = 'second'\nllm_query('a')\n{PAUSE}\nFINAL(x)")
    third = bench.run("FINAL(llm_query('third'))")
    assert [run.id for run in paused_runs()] == [first.id, second.id]
    bench.go_on(first)
    bench.go_on(second)
    assert (first.answer, second.answer, third.answer) == ("first", "second", "re:third")


def test_two_paused_runs_in_one_namespace_keep_their_contexts_apart(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "context": "the user's", "answer": 1}
    first = bench.paused(f"{PAUSE}\nFINAL(context)", namespace=space, context="one")
    second = bench.paused(f"{PAUSE}\nFINAL(context)", namespace=space, context="two")
    bench.go_on(first)
    bench.go_on(second)
    assert (first.answer, second.answer, space["context"], space["answer"]) == ("one", "two", "the user's", 1)


def test_a_run_cannot_be_resumed_from_another_thread(bench: Any) -> None:
    run = bench.paused(f"{PAUSE}\nFINAL(1)")
    raised: list[BaseException] = []

    def resume() -> None:
        try:
            run.resume()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=resume)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [StateError]
    assert run.status == "paused"
    bench.go_on(run)
    assert run.answer == 1


def test_a_paused_run_cannot_be_resumed_or_stopped_from_inside_another_runs_block(bench: Any) -> None:
    first = bench.paused(f"{PAUSE}\nFINAL(1)")
    second = bench.run(
        "try: other.resume()\nexcept Exception as e: a = type(e).__name__\n"
        "try: other.stop()\nexcept Exception as e: b = type(e).__name__\nelse: b = 'stopped'\nFINAL([a, b])",
        namespace={"other": first, "__name__": "__main__"},
    )
    assert second.answer == ["StateError", "StateError"]
    bench.go_on(first)
    assert first.answer == 1


def test_a_run_that_is_deleted_while_paused_is_kept(bench: Any) -> None:
    import gc

    space: dict[str, Any] = {"ended": [], "__name__": "__main__"}
    bench.paused(f"try:\n    {PAUSE}\nfinally: ended.append(1)", namespace=space)
    gc.collect()
    assert space["ended"] == []
    assert len(paused_runs()) == 1


def test_the_pause_says_where_the_run_stands(bench: Any) -> None:
    run = bench.paused(f"1\n2\n{PAUSE}\nFINAL(1)")
    pause = run.trajectory.pauses[0]
    assert (pause.reason, pause.step, pause.block, pause.line) == ("interrupt", 1, 1, 3)


def test_output_before_a_pause_is_in_the_log_when_the_cell_returns(bench: Any) -> None:
    run = bench.paused(f"print('early')\n{PAUSE}")
    assert "early" in bench.shown_by(run)
