"""A block that is paused while it holds a lock."""

from __future__ import annotations

import threading

import pytest

from rlm_lab.engine.orders import state_of


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import threading\nlock = threading.Lock()\nwith lock:\n    llm_query('x')\nFINAL(lock.locked())", ["lock"]),
        ("import threading\nlock = threading.Lock()\nllm_query('x')\nFINAL(lock.locked())", []),
        ("import threading\nlock = threading.RLock()\nwith lock:\n    llm_query('x')\nFINAL(False)", []),
        (
            "import threading\ndef f():\n    mine = threading.Lock()\n    with mine, door:\n        llm_query('x')\n"
            "door = threading.Condition(threading.Lock())\nf()\nFINAL(False)",
            ["mine", "door"],
        ),
    ],
)
def test_locks_that_a_paused_block_holds_are_named(asked, code, names):
    run = asked(code, breakpoints=["prompt"])
    assert (run.held_locks, state_of(run)["locks"]) == (names, names)
    run.resume()
    assert (run.answer, run.held_locks) == (False, [])


def test_a_lock_of_the_user_that_the_block_does_not_use_is_not_named(asked):
    lock = threading.Lock()
    with lock:
        run = asked("llm_query('x')\nFINAL(1)", breakpoints=["prompt"], namespace={"users": lock})
        assert run.held_locks == []
        run.resume()
