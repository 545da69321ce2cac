"""The model loop: coroutines from any thread, cancelling, forks, descriptors, a quiet end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from queue import SimpleQueue

import pytest

from rlm_lab.errors import StateError
from rlm_lab.models.loop import ModelLoop


async def give(value: object) -> object:
    return value


async def fail() -> None:
    raise ValueError("no")


def test_a_coroutine_runs_on_the_loops_own_thread() -> None:
    async def where() -> str:
        return threading.current_thread().name

    assert ModelLoop.shared().submit(where()).result(5) == "rlm-lab-models"


def test_the_shared_loop_is_one() -> None:
    assert ModelLoop.shared() is ModelLoop.shared()


def test_an_exception_reaches_the_future() -> None:
    with pytest.raises(ValueError, match="no"):
        ModelLoop.shared().submit(fail()).result(5)


def test_cancelling_the_future_cancels_the_task() -> None:
    began, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    future = ModelLoop.shared().submit(wait())
    assert began.wait(5)
    assert future.cancel()
    assert cancelled.wait(5)
    with pytest.raises(CancelledError):
        future.result(5)


def test_a_readable_descriptor_calls_back_until_it_is_removed() -> None:
    loop, seen = ModelLoop.shared(), SimpleQueue[bytes]()
    reader, writer = os.pipe()
    loop.add_reader(reader, lambda: seen.put(os.read(reader, 10)))
    os.write(writer, b"a")
    assert seen.get(timeout=5) == b"a"
    loop.remove_reader(reader)
    assert loop.submit(give(1)).result(5) == 1
    os.close(writer)
    os.close(reader)


def test_a_closed_loop_cancels_what_runs_and_refuses_more() -> None:
    loop = ModelLoop.start()
    future = loop.submit(asyncio.sleep(60))
    loop.close()
    with pytest.raises(CancelledError):
        future.result(5)
    with pytest.raises(StateError, match="closed"):
        loop.submit(give(1))


def test_clients_are_closed_with_the_loop() -> None:
    loop, closed = ModelLoop.start(), threading.Event()

    async def close() -> None:
        closed.set()

    loop.on_close(close)
    loop.close()
    assert closed.is_set()


FORK = """
import os, sys
from rlm_lab.models.loop import ModelLoop
async def give(value): return value
parent = ModelLoop.shared()
parent.submit(give(1)).result(5)
child = os.fork()
if child == 0:
    fresh = ModelLoop.shared()
    sys.exit(0 if fresh is not parent and fresh.submit(give(2)).result(5) == 2 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert parent.submit(give(3)).result(5) == 3
"""
EXIT = """
import asyncio
from rlm_lab.models.loop import ModelLoop
ModelLoop.shared().submit(asyncio.sleep(60))
"""


@pytest.mark.parametrize("program", [FORK, EXIT], ids=["fork", "exit"])
def test_a_process_ends_without_a_word(program: str) -> None:
    flags = ["-X", "dev", "-W", "error"] if program is EXIT else ["-W", "ignore"]  # Python 3.12 warns of any fork beside threads
    done = subprocess.run([sys.executable, *flags, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_starts_no_thread() -> None:
    program = "import threading, rlm_lab.models.loop, rlm_lab.models.litellm_model; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "1"
