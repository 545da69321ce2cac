"""Commands from another thread of a real kernel: done on the main thread as a cell is, without a trace in the user's history."""

from __future__ import annotations

from typing import Any

import pytest

SEND = """\
import asyncio, threading
from rlm_lab.kernel.errands import Errand, Messenger, connection_file
def send(**command):
    def sending():
        async def all_of_it():
            messenger = Messenger(connection_file())
            try:
                await messenger.send(Errand(run, command))
                told.append(None)
            except Exception as error:
                told.append(str(error))
            finally:
                messenger.close()
        asyncio.run(all_of_it())
    told = []
    thread = threading.Thread(target=sending)
    thread.start()
    return thread, told"""
STEPS = "model = ScriptedModel(['```repl\\na = 1\\n```', '```repl\\nFINAL(a)\\n```'])"


@pytest.fixture
def paused(kernel: Any) -> Any:
    """The kernel with a run that is paused before its first block."""
    kernel.run(SEND)
    kernel.run(STEPS)
    kernel.run("%%rlm -m model -o answer --step\nHow many?")
    kernel.run("run = %rlm last")
    yield kernel
    kernel.run("%rlm stop")


def test_a_step_is_made_and_shown_where_the_run_was_asked(paused: Any) -> None:
    paused.run("thread, told = send(command='step', at=run.stamp)")
    assert paused.update_with("Paused before the block of step 2")
    paused.run("thread.join()")
    assert paused.run("told").value == "[None]"


def test_in_out_and_the_last_value_stay_the_users(paused: Any) -> None:
    paused.run("'mine'")
    before = paused.run("len(In), list(Out), _").value
    paused.run("thread, told = send(command='continue')")
    assert paused.update_with("1")
    after = paused.run("len(In), list(Out), _")
    assert after.value != before  # that of the cell before, and one more cell
    assert paused.run("In[-1], answer").value == "('In[-1], answer', 1)"


def test_an_errand_waits_behind_a_cell_and_is_sent_again_when_that_cell_fails(paused: Any) -> None:
    cell = paused.begin("thread, told = send(command='step'); import time; threading.Event().wait(0.5); 1 / 0")
    assert paused.end(cell).reply["status"] == "error"
    assert paused.update_with("Paused before the block of step 2")


def test_an_errand_that_comes_too_late_is_refused_and_no_cell_shows_it(paused: Any) -> None:
    paused.run("thread, told = send(command='step', at=-1)")
    while (told := paused.run("told").value) == "[]":  # each of these cells leaves the kernel free for the errand
        pass
    assert "earlier state" in told
    assert paused.run("run.status").value == "'paused'"


def test_a_number_that_nobody_sent_does_nothing(kernel: Any) -> None:
    assert kernel.run("from rlm_lab.kernel.errands import do\ndo(10**9)").of("execute_result") == []
