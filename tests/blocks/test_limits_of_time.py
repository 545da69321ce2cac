"""Time limits reach a block wherever Python code runs. Rules 8 to 10."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from rlm_lab import Budget, ScriptedModel

SHORT = {"block_seconds": 0.2}
NEXT = "FINAL('next')"


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import asyncio; await asyncio.sleep(0)\nwhile True: pass",
        "import asyncio\nasync def f():\n    while True: pass\nawait asyncio.gather(f())",
        "import time; time.sleep(60)",
        "import threading\nlock = threading.Lock(); lock.acquire(); lock.acquire()",
        "import threading\nlock = threading.RLock()\nt = threading.Thread(target=lock.acquire); t.start(); t.join()\nlock.acquire()",
        "import queue; queue.Queue().get()",
        "import queue; queue.SimpleQueue().get()",
        "import queue; queue.Queue().get(timeout=60)",
        "import threading; threading.Event().wait()",
        "import threading; threading.Event().wait(60)",
        "import threading; threading.Semaphore(0).acquire()",
        "import threading; threading.Barrier(2).wait()",
        "import threading\nt = threading.Thread(target=threading.Event().wait, daemon=True); t.start(); t.join()",
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\ne = threading.Event()\ntry:\n    with ThreadPoolExecutor(2) as pool: list(pool.map(lambda _: e.wait(20), range(3)))\nfinally: e.set()",
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\ne = threading.Event()\npool = ThreadPoolExecutor(1)\ntry: pool.submit(e.wait).result()\nfinally: e.set()",
        "import asyncio; asyncio.run(asyncio.sleep(60))",
        "import subprocess; subprocess.run(['sleep', '60'])",
        "import select; select.select([], [], [], 60)",
        "import os\nr, w = os.pipe(); os.read(r, 1)",
        "sorted([1, 2], key=lambda v: [0 for _ in iter(int, 1)])",
        "class Slow:\n    def __repr__(self):\n        while True: pass\nSlow()",
        "class Slow:\n    def __repr__(self):\n        while True: pass\nprint(Slow())",
        "class Slow:\n    def __repr__(self):\n        while True: pass\nimport sys; sys.displayhook(Slow())",
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nwhile True: pass",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import re; [re.sub('a', lambda m: 'a', 'a' * 1000) for _ in iter(int, 1)]",
        "def f():\n    try:\n        while True: yield\n    finally: pass\nfor _ in f(): pass",
    ],
)  # fmt: skip
def test_a_block_that_computes_or_waits_for_too_long_is_ended(bench: Any, code: str) -> None:
    run = bench.run(code, NEXT, settings=SHORT)
    assert run.answer == "next"
    assert len(bench.errors_of(run)) == 1


@pytest.mark.parametrize("waits", ["pass", "time.sleep(60)", "llm_query('x')"])
def test_a_block_that_catches_its_time_limit_again_and_again_is_given_up(bench: Any, waits: str) -> None:
    code = f"import time\nwhile not over:\n    try:\n        {waits}\n    except BaseException: pass"
    space: dict[str, Any] = {"__name__": "__main__", "over": False}
    run = bench.run(code, NEXT, settings=SHORT, namespace=space)
    assert run.answer == "next"
    assert "limit" in bench.errors_of(run)[0]


def test_waiting_for_models_does_not_count_as_computing(bench: Any) -> None:
    run = bench.run("FINAL(llm_query('x'))", sub=ScriptedModel(["late"], latency=0.5), settings=SHORT)
    assert run.answer == "late"


def test_awaiting_does_not_count_as_computing(bench: Any) -> None:
    run = bench.run("import asyncio\nawait asyncio.sleep(0.5)\nFINAL(1)", settings=SHORT)
    assert run.answer == 1


@pytest.mark.filterwarnings("ignore:unclosed", "ignore::pytest.PytestUnraisableExceptionWarning")  # of blocks that were given up
@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "llm_query('slow')",
        "llm_query_batched(['slow'] * 3)",
        "await llm_query_async('slow')",
        "import asyncio\nawait asyncio.sleep(60)",
        "import asyncio\nawait asyncio.Event().wait()",
        "import asyncio\ntry: await asyncio.sleep(60)\nfinally: await asyncio.sleep(60)",
        "import asyncio\nasync def f():\n    try: await asyncio.sleep(60)\n    except BaseException: await asyncio.sleep(60)\nawait asyncio.gather(f(), f())",
        "rlm_query('slow child', context=1)",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as p: list(p.map(llm_query, ['slow'] * 20))",
        "import time; time.sleep(60)",
    ],
)  # fmt: skip
def test_a_run_that_lasts_too_long_ends_with_its_limit_and_one_last_answer(bench: Any, code: str) -> None:
    asked: list[str] = []

    def reply(messages: Any) -> str:
        asked.append(messages[-1].content)
        return "FINAL(last word)" if len(asked) > 1 and "limit" in messages[-1].content else f"```repl\n{code}\n```"

    run = bench.run(model=ScriptedModel(reply), sub=ScriptedModel(["late"] * 50, latency=60), budget=Budget(seconds=0.4))
    assert (run.status, run.limit, run.answer) == ("out_of_budget", "seconds", "last word")
    assert run.usage.seconds < 8


def test_time_spent_paused_is_not_counted(bench: Any) -> None:
    run = bench.paused("import signal; signal.raise_signal(2)\nFINAL(1)", budget=Budget(seconds=0.5))
    before = run.usage.seconds
    sum(range(3_000_000))
    assert run.usage.seconds == before
    bench.go_on(run)
    assert run.status == "done"


@pytest.mark.parametrize("how", ["abandoned", "paused"])
def test_the_process_ends_although_a_block_would_not(how: str, tmp_path: Any) -> None:
    code = {
        "abandoned": "ask('q', model=m, namespace={}, settings=s)",
        "paused": "try: ask('q', model=m, namespace={}, settings=s)\nexcept KeyboardInterrupt: pass",
    }[how]
    block = {
        "abandoned": "import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass",
        "paused": "import time, signal\nwhile True:\n    try: signal.raise_signal(2); time.sleep(60)\n    except BaseException: pass",
    }[how]
    program = (
        "from rlm_lab import ScriptedModel, Settings, ask\nfrom pathlib import Path\n"
        f"m = ScriptedModel(['```repl\\n' + {block!r} + '\\n```', 'FINAL(1)'])\ns = Settings(runs=Path({str(tmp_path)!r}), block_seconds=0.1)\n"
        f"{code}\nprint('over')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "over\n", "")
