"""Calls that a block's threads and coroutines make come to the gates as the block's own do. Rules 8 and 15."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import threading
from typing import Any

import pytest

from rlm_lab import ScriptedModel

POOL = "from concurrent.futures import ThreadPoolExecutor\n"
MAP = POOL + "with ThreadPoolExecutor(4) as pool: got = list(pool.map(llm_query, [f'number {i}' for i in range(8)]))\nFINAL(got)"


def test_a_threads_call_at_a_closed_gate_pauses_the_run_and_takes_the_answer_that_is_given(bench: Any) -> None:
    run = bench.run(MAP, breakpoints=("'number 3' in prompt",))
    assert (run.status, run.gate.kind, run.gate.facts["prompt"]) == ("paused", "call", "number 3")
    run.decide(answers=("mine",), by="ada")
    run.resume()
    assert run.answer == [*(f"re:number {i}" for i in range(3)), "mine", *(f"re:number {i}" for i in range(4, 8))]


def test_a_threads_prompt_can_be_edited_at_its_gate(bench: Any) -> None:
    run = bench.run(MAP, breakpoints=("'number 5' in prompt",))
    run.decide(prompts=("another",))
    run.resume()
    assert run.answer[5] == "re:another"


def test_stepping_into_calls_stops_at_every_call_of_every_thread(bench: Any) -> None:
    run = bench.run(MAP, step=True)
    seen = set()
    for _ in range(8):
        run.step(into="calls")
        seen.add(run.gate.facts["prompt"])
    run.resume()
    assert seen == {f"number {i}" for i in range(8)}
    assert run.answer == [f"re:number {i}" for i in range(8)]


@pytest.mark.parametrize("answers", [("mine",), None])
def test_an_awaited_call_comes_to_the_gate(bench: Any, answers: tuple[str, ...] | None) -> None:
    code = "import asyncio\nFINAL(await asyncio.gather(*(llm_query_async(f'number {i}') for i in range(4))))"
    run = bench.run(code, breakpoints=("'number 2' in prompt",))
    assert run.gate.facts["prompt"] == "number 2"
    run.decide(answers=answers)
    run.resume()
    assert run.answer == ["re:number 0", "re:number 1", "mine" if answers else "re:number 2", "re:number 3"]


def test_a_call_of_a_thread_waits_while_the_run_is_paused(bench: Any) -> None:
    code = (
        "import signal, threading\ngo, got = threading.Event(), []\ndef work():\n    go.wait(); asking.set(); got.append(llm_query('x'))\n"
        "t = threading.Thread(target=work); t.start()\nsignal.raise_signal(2)\nt.join()\nFINAL(got)"
    )
    space: dict[str, Any] = {"__name__": "__main__", "asking": threading.Event()}
    run = bench.paused(code, namespace=space)
    space["go"].set()
    space["asking"].wait(20)
    bench.go_on(run)
    assert run.answer == ["re:x"]
    kinds = [event.type for event in run._engine.log.events]
    assert kinds.index("resumed") < kinds.index("call_started")


def test_threads_that_wait_at_the_gate_of_a_stopped_run_are_told(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "told": []}
    code = (
        "import threading\nstart = threading.Barrier(4)\ndef work():\n    start.wait()\n    try: llm_query('x')\n    except Exception as e: told.append(f'{type(e).__name__}: {e}')\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n[t.start() for t in threads]\nstart.wait()\n[t.join() for t in threads]"
    )
    run = bench.run(code, breakpoints=("prompt == 'x'",), namespace=space)
    run.stop()
    for thread in space["threads"]:
        thread.join(20)
    assert len(space["told"]) == 3
    assert all(text.startswith("NotInRunError: The run ") for text in space["told"])


def test_a_batch_of_a_thread_comes_to_the_gate_as_one(bench: Any) -> None:
    run = bench.run(
        POOL + "with ThreadPoolExecutor(1) as p: FINAL(p.submit(llm_query_batched, ['a', 'b']).result())",
        breakpoints=("batch == 2",),
    )
    run.decide(answers=("1", "2"))
    run.resume()
    assert run.answer == ["1", "2"]


def test_prompts_of_threads_without_the_data_are_flagged(bench: Any) -> None:
    text = "The harbour was closed on the third of May because of the storm. " * 40
    code = POOL + "with ThreadPoolExecutor(2) as pool: list(pool.map(llm_query, ['When was the harbour closed?'] * 2))"
    own = bench.run("[llm_query(p) for p in ['When was the harbour closed?'] * 2]", "FINAL(1)", context={"report": text})
    run = bench.run(code, "FINAL(1)", context={"report": text})
    assert [flag.flag for flag in run.steps[0].flags] == [flag.flag for flag in own.steps[0].flags] != []


def test_a_threads_call_past_its_budget_is_refused_at_the_gate_too(bench: Any) -> None:
    from rlm_lab import Budget

    code = POOL + "def one(i):\n    try: return llm_query(str(i))\n    except Exception as e: return type(e).__name__\n"
    run = bench.run(
        code + "with ThreadPoolExecutor(4) as p: FINAL(sorted(p.map(one, range(6))).count('BudgetExceededError'))",
        breakpoints=("calls > 100",),
        budget=Budget(calls=4),
        sub=ScriptedModel(lambda _: "y"),
    )
    assert run.answer == 2
