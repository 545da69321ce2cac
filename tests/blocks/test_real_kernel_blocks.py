"""Blocks in a real kernel: it stays usable wherever a block was left. Rules 1 to 6 and 20."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

jupyter_client = pytest.importorskip("jupyter_client")

SETUP = """
import contextlib, os, signal, sys
from rlm_lab import ScriptedModel, Settings, ask, paused_runs
from pathlib import Path
settings = Settings(runs=Path({runs!r}))
sub = ScriptedModel(lambda m: 're:' + m[-1].content)
def go(*blocks, **given):
    model = ScriptedModel(['```repl\\n' + block + '\\n```' for block in blocks])
    return ask('q', model=model, sub_model=given.pop('sub', sub), settings=settings, **given)
PAUSE = 'import signal; signal.raise_signal(signal.SIGINT)'
"""


class Kernel:
    """One kernel, asked cell by cell."""

    def __init__(self, runs: Path) -> None:
        self._manager, self._client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
        assert self.cell(SETUP.format(runs=str(runs))) == ""

    def cell(self, code: str, *, interrupt_at: str | None = None) -> str:
        """Runs a cell; gives what it showed, its error's name last. Interrupts it when it shows `interrupt_at`."""
        asked = self._client.execute(code)
        shown = ""
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            shown += self._text(kind, content)
            if interrupt_at is not None and interrupt_at in shown:
                self._manager.interrupt_kernel()
                interrupt_at = None
        self._client.get_shell_msg(timeout=60)
        return shown

    @staticmethod
    def _text(kind: str, content: dict[str, Any]) -> str:
        if kind == "stream":
            return str(content["text"])
        if kind in {"execute_result", "display_data"}:
            return str(content["data"].get("text/plain", ""))
        return f"!{content['ename']}" if kind == "error" else ""

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    made = Kernel(tmp_path_factory.mktemp("runs"))
    yield made
    made.close()


USABLE = "import asyncio\nprint('printed', flush=True)\nawait asyncio.sleep(0)\n1 + 1"


@pytest.mark.parametrize(
    ("block", "answer"),
    [
        ("import asyncio\nawait asyncio.sleep(0)\n{PAUSE}\nFINAL(await asyncio.sleep(0, 7))", "7"),
        ("import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as s:\n    {PAUSE}\n    print('in')\nFINAL(s.getvalue())", "'in\\n'"),
        ("from IPython.utils.capture import capture_output\nfrom IPython.display import display\nwith capture_output() as c:\n    {PAUSE}\n    display(5); print('p')\nFINAL([c.stdout, len(c.outputs)])", "['p\\n', 1]"),
        ("get_ipython().run_line_magic('time', \"__import__('signal').raise_signal(2)\")\nFINAL(7)", "7"),
        ("get_ipython().run_cell('import signal; signal.raise_signal(2); inner = 7')\nFINAL(inner)", "7"),
        ("import matplotlib.pyplot as plt\nfig = plt.figure()\nplt.plot([1, 2])\n{PAUSE}\nFINAL(plt.gcf() is fig)", "True"),
        ("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as p: r = list(p.map(llm_query, 'abc'))\n{PAUSE}\nFINAL(r)", "['re:a', 're:b', 're:c']"),
        ("import threading\nlock = threading.Lock()\nwith lock:\n    {PAUSE}\nFINAL(lock.locked())", "False"),
        ("import warnings\nwith warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always')\n    {PAUSE}\n    warnings.warn('x')\nFINAL(len(w))", "1"),
    ],
)  # fmt: skip
def test_the_kernel_is_usable_while_a_block_is_left_and_the_block_goes_on_in_another_cell(
    kernel: Kernel, block: str, answer: str
) -> None:
    code = block.replace("{PAUSE}", "import signal; signal.raise_signal(signal.SIGINT)")
    assert kernel.cell(f"go({code!r})").endswith("!KeyboardInterrupt")
    assert kernel.cell(USABLE) == "printed\n2"
    assert (
        kernel.cell("import warnings; from IPython.display import display\nwarnings.warn('seen'); display('shown')").count("seen")
        >= 1
    )
    assert kernel.cell("run = paused_runs()[-1]\nrun.resume()\nprint(repr(run.answer), len(paused_runs()))") == f"{answer} 0\n"
    assert kernel.cell(USABLE) == "printed\n2"


@pytest.mark.parametrize(
    ("block", "answer"),
    [
        ("import asyncio\nawait asyncio.sleep(0)\nx = await asyncio.sleep(0, 7)\nFINAL(x)", "7"),
        ("from IPython.utils.capture import capture_output\nwith capture_output() as c:\n    print('in')\nFINAL(c.stdout)", "'in\\n'"),
        ("import matplotlib.pyplot as plt\nfig = plt.figure()\nline = plt.plot([1, 2])\nFINAL(plt.gcf() is fig)", "True"),
        ("import threading\nlock = threading.Lock()\nwith lock:\n    x = 1\nFINAL(lock.locked())", "False"),
        ("from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as p:\n    r = list(p.map(llm_query, 'abc'))\nFINAL(r)", "['re:a', 're:b', 're:c']"),
    ],
)  # fmt: skip
def test_the_kernel_is_usable_at_each_line_of_a_block(kernel: Kernel, block: str, answer: str) -> None:
    kernel.cell(f"run = go({block!r}, step=True)")
    lines = []
    while kernel.cell("run.step('lines'); run.status") == "'paused'":
        lines.append(kernel.cell("run.gate.facts['line']"))
        assert kernel.cell(USABLE) == "printed\n2"
        assert kernel.cell("sys.gettrace()") == ""
    assert set(lines) >= {"1", "2", "3", "4"}
    assert kernel.cell("run.answer") == answer


@pytest.mark.parametrize(
    "block",
    [
        "told()\nwhile not stop: pass\nFINAL(7)",
        "import time\ntold()\nfor _ in range(3000):\n    time.sleep(0.01)\n    if stop: break\nFINAL(7)",
        "import asyncio\ntold()\nwhile not stop: await asyncio.sleep(0.01)\nFINAL(7)",
        "import queue\ntold()\ntry: queue.Queue().get(timeout=1 if stop else 30)\nexcept queue.Empty: pass\nFINAL(7)",
        "import threading\ntold()\nevent.wait(30)\nFINAL(7)",
    ],
)
def test_a_kernel_interrupt_pauses_a_block_that_computes_or_waits(kernel: Kernel, block: str) -> None:
    kernel.cell(
        "import threading\nstop, event = False, threading.Event()\ncell_out = sys.stdout\ndef told(): cell_out.write('here'); cell_out.flush()"
    )
    assert kernel.cell(f"go({block!r})", interrupt_at="here") == "here!KeyboardInterrupt"
    assert kernel.cell(USABLE) == "printed\n2"
    assert kernel.cell("stop = True; event.set()\nrun = paused_runs()[-1]\nrun.status") == "'paused'"
    if "queue" in block:
        assert kernel.cell("run.stop(); run.status") == "'stopped'"
    else:
        assert kernel.cell("run.resume(); run.answer") == "7"


def test_a_kernel_interrupt_while_a_model_answers_keeps_the_reply(kernel: Kernel) -> None:
    kernel.cell("import threading\ncell_out = sys.stdout; asked = []; may = threading.Event()")
    kernel.cell("def slow(m):\n    asked.append(1); cell_out.write('asked'); cell_out.flush(); may.wait(30); return 'late'")
    assert kernel.cell("go(\"FINAL(llm_query('x'))\", sub=ScriptedModel(slow))", interrupt_at="asked").endswith(
        "!KeyboardInterrupt"
    )
    assert kernel.cell("may.set(); run = paused_runs()[-1]; run.resume(); run.answer, len(asked)") == "('late', 1)"


def test_later_cells_of_a_queue_do_not_run_after_a_pause(kernel: Kernel) -> None:
    kernel.cell("ran = []")
    first = kernel._client.execute("go(PAUSE + '\\nFINAL(1)')")
    second = kernel._client.execute("ran.append(1)")
    replies = {}
    while len(replies) < 2:
        reply = kernel._client.get_shell_msg(timeout=60)
        if reply["parent_header"]["msg_id"] in {first, second}:
            replies[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
    assert replies == {first: "error", second: "aborted"}
    assert kernel.cell("paused_runs()[-1].stop(); ran") == "[]"


def test_output_of_a_resumed_block_goes_to_the_run_and_not_to_a_cell(kernel: Kernel) -> None:
    kernel.cell("go(\"print('one')\\n\" + PAUSE + \"\\nprint('two'); display(3)\\nFINAL(1)\")")
    assert kernel.cell("run = paused_runs()[-1]; run.resume()") == ""
    assert kernel.cell("[o.text for o in run.steps[0].blocks[0].outputs]") == "['one\\ntwo\\n', '3']"


def test_exit_and_a_forked_child_leave_the_kernel_alive(kernel: Kernel) -> None:
    kernel.cell(
        "run = go('exit()', 'get_ipython().ask_exit()', 'import os\\npid = os.fork()\\nif pid: os.waitpid(pid, 0)\\nFINAL(pid > 0)')"
    )
    assert kernel.cell("run.answer") == "True"
    assert kernel.cell(USABLE) == "printed\n2"


@pytest.mark.parametrize(
    "block",
    [
        "Odd()",
        "from IPython.display import display\ndisplay(Odd())",
        "get_ipython().run_cell('1 / 0')",
        "get_ipython().run_cell('(')",
    ],
)
def test_an_error_that_a_cell_would_show_is_the_blocks(kernel: Kernel, block: str) -> None:
    kernel.cell("class Odd:\n    def __repr__(self): raise ValueError('no words')")
    assert kernel.cell(f"run = go({block!r}, 'FINAL(1)')\nrun.status") == "'done'"
    shown = kernel.cell("print([one.text for one in run.steps[0].blocks[0].outputs if one.kind == 'stderr'])")
    assert "ValueError: no words" in shown or "ZeroDivisionError: division by zero" in shown or "SyntaxError" in shown


def test_an_answer_that_cannot_be_shown_shows_no_error_in_the_cell(kernel: Kernel) -> None:
    kernel.cell("class Odd:\n    def __repr__(self): raise ValueError('no words')")
    assert kernel.cell("run = go('FINAL(Odd())')\nrun.status") == "'done'"
    said = "model = ScriptedModel(['```repl\\nx = Odd()\\n```', 'FINAL_VAR(x)'])"
    assert kernel.cell(f"{said}\nask('q', model=model, settings=settings).status") == "'done'"


def test_a_block_that_spoils_streams_leaves_the_kernel_its_own(kernel: Kernel) -> None:
    assert kernel.cell("run = go('import sys; sys.stdout.close(); sys.stdout = None', 'import os; os.close(1)', 'FINAL(1)')") == ""
    assert kernel.cell(USABLE) == "printed\n2"


def test_the_users_history_and_results_stay_the_users(kernel: Kernel) -> None:
    kernel.cell("40 + 2")
    kernel.cell("run = go('1 + 1', 'for _ in range(3): pass', 'In = Out = 5; FINAL(_)')")
    assert kernel.cell("_") == "42"
    assert kernel.cell("type(In).__name__, type(Out).__name__") == "('list', 'dict')"
