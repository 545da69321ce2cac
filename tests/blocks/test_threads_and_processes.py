"""Threads and processes that a block starts. Rules 4, 8 and 15."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from rlm_lab import Budget, load

POOL = "from concurrent.futures import ThreadPoolExecutor\n"


def test_calls_from_a_pool_of_threads_take_the_runs_own_path(bench: Any) -> None:
    run = bench.run(POOL + "with ThreadPoolExecutor(8) as pool: FINAL(list(pool.map(llm_query, [str(i) for i in range(40)])))")
    assert run.answer == [f"re:{i}" for i in range(40)]
    assert (run.usage.calls, len(load(run.path).steps[0].blocks[0].calls)) == (40, 40)


def test_batches_and_finals_work_from_threads(bench: Any) -> None:
    run = bench.run(
        "import threading\ndef work(): FINAL(llm_query_batched(['a', 'b']))\nt = threading.Thread(target=work); t.start(); t.join()"
    )
    assert run.answer == ["re:a", "re:b"]


def test_calls_from_many_threads_never_cross_the_budget(bench: Any) -> None:
    code = (
        POOL + "def one(i):\n    try: return llm_query(str(i))\n    except Exception as e: return type(e).__name__\n"
        "with ThreadPoolExecutor(16) as pool: got = list(pool.map(one, range(60)))\nFINAL([got.count('BudgetExceededError'), len(got)])"
    )
    run = bench.run(code, budget=Budget(calls=25))
    assert run.answer == [35, 60]
    assert run.usage.calls == 25


def test_a_thread_sees_the_contexts_while_the_block_itself_waits(bench: Any) -> None:
    code = (
        "import threading\nseen = []\nstarted, go = threading.Event(), threading.Event()\n"
        "def work():\n    started.set(); go.wait()\n    try: seen.append(first + second)\n    except BaseException as e: seen.append(repr(e))\n    done.set()\n"
        "done = threading.Event()\nt = threading.Thread(target=work); t.start(); started.wait()\nllm_query('x')\nt.join()\nFINAL(seen)"
    )
    space: dict[str, Any] = {"__name__": "__main__"}

    def answer(_messages: Any) -> str:
        space["go"].set()
        space["done"].wait(5)
        return "y"

    run = bench.run(code, context={"first": "a", "second": "b"}, namespace=space, sub=answer)
    assert run.answer == ["ab"]


def test_a_thread_that_outlives_the_run_gets_a_clear_error_and_prints_into_nothing(bench: Any, capsys: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__", "go": threading.Event(), "seen": []}
    code = (
        "import threading, sys\nout = sys.stdout\ndef work():\n    go.wait()\n    out.write('late')\n"
        "    try: llm_query('late')\n    except Exception as e: seen.append((type(e).__name__, str(e)))\n"
        "thread = threading.Thread(target=work); thread.start()\nFINAL(1)"
    )
    run = bench.run(code, namespace=space)
    space["go"].set()
    space["thread"].join()
    assert space["seen"][0][0] == "NotInRunError"
    assert "ended" in space["seen"][0][1]
    assert capsys.readouterr().out == ""
    assert run.usage.calls == 0


def test_generators_and_functions_left_behind_work_and_their_queries_say_that_the_run_is_over(bench: Any) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    bench.run(
        "def double(v): return 2 * v\ndef ask_it(): return llm_query('x')\ng = (double(v) for v in range(3))\nFINAL(next(g))",
        namespace=space,
    )
    assert list(space["g"]) == [2, 4]
    assert space["double"](4) == 8
    with pytest.raises(Exception, match="ended") as raised:
        space["ask_it"]()
    assert type(raised.value).__name__ == "NotInRunError"


def test_a_forked_child_gets_a_clear_error_and_the_run_goes_on_once(bench: Any) -> None:
    code = (
        "import os\nr, w = os.pipe()\npid = os.fork()\nif pid == 0:\n    try: llm_query('child')\n"
        "    except BaseException as e: os.write(w, f'{type(e).__name__}: {e}'.encode())\n"
        "    raise SystemExit(3)\nos.close(w)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\nFINAL([status, os.read(r, 1000).decode(), llm_query('parent')])"
    )
    run = bench.run(code)
    assert run.answer[0] == 3
    assert run.answer[1].startswith("NotInRunError: A child process")
    assert run.answer[2] == "re:parent"
    assert [event.seq for event in _events(run)] == list(range(len(_events(run))))


def test_what_a_forked_child_prints_is_the_blocks_output_and_never_spoils_the_log(bench: Any) -> None:
    code = (
        "import os, sys, time\nprint('before', flush=True)\npid = os.fork()\nif pid == 0:\n    for i in range(3):\n"
        "        print('from the child', i); time.sleep(0.15)\n    os._exit(0)\nos.waitpid(pid, 0)\nprint('after')\nFINAL(1)"
    )
    run = bench.run(code)
    assert bench.shown_by(run).count("from the child") == 3
    assert bench.shown_by(run).count("before") == 1
    assert [event.seq for event in _events(run)] == list(range(len(_events(run))))


def test_a_multiprocessing_child_gets_a_clear_error(bench: Any) -> None:
    code = (
        "import multiprocessing as mp\nctx = mp.get_context('fork')\nq = ctx.SimpleQueue()\n"
        "def work():\n    try: q.put(llm_query('x'))\n    except Exception as e: q.put(type(e).__name__)\n"
        "p = ctx.Process(target=work); p.start(); got = q.get(); p.join()\nFINAL([got, p.exitcode])"
    )
    assert bench.run(code).answer == ["NotInRunError", 0]


def test_a_process_pool_of_plain_functions_works(bench: Any) -> None:
    code = (
        "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool: got = pool.map(abs, [-1, -2, -3])\nFINAL(got)"
    )
    assert bench.run(code).answer == [1, 2, 3]


def test_a_process_pool_that_is_given_llm_query_says_what_to_do(bench: Any) -> None:
    code = "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool: pool.map(llm_query, ['a', 'b'])"
    run = bench.run(code, "llm_query()", "FINAL(1)")
    assert "llm_query_batched(prompts) asks many at once" in bench.errors_of(run)[0]
    assert bench.errors_of(run)[1].startswith("llm_query() missing 1")


def test_rlm_query_in_a_thread_says_what_to_do(bench: Any) -> None:
    run = bench.run(POOL + "with ThreadPoolExecutor(1) as p: p.submit(rlm_query, 'x').result()", "FINAL(1)")
    assert "rlm_query_batched" in bench.errors_of(run)[0]


def test_what_threads_print_while_the_block_waits_is_the_blocks_output(bench: Any, capsys: Any) -> None:
    code = (
        "import threading\nstarted, go, done = threading.Event(), threading.Event(), threading.Event()\n"
        "def work():\n    started.set(); go.wait(); print('from the thread'); done.set()\n"
        "t = threading.Thread(target=work); t.start(); started.wait()\nllm_query('x')\nt.join()\nFINAL(1)"
    )
    space: dict[str, Any] = {"__name__": "__main__"}

    def answer(_messages: Any) -> str:
        space["go"].set()
        space["done"].wait(5)
        return "y"

    run = bench.run(code, namespace=space, sub=answer)
    assert "from the thread" in bench.shown_by(run)
    assert capsys.readouterr().out == ""


def _events(run: Any) -> list[Any]:
    from rlm_lab.trajectory.store import read

    assert os.path.exists(run.path)
    return read(run.path)
