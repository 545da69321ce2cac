"""`%%rlm` in a real kernel, over the protocol that every front end speaks. Every wait is for a message or a pipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rlm_lab import load
from rlm_lab.views.payload import MIME_TYPE

SUM = "model = ScriptedModel(['```repl\\nFINAL(sum(flights))\\n```'])"
ASK = "%%rlm -c flights -m model -o answer\nHow many?"


class Pipe:
    """A named pipe on which code in the kernel says that it has come to a place."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "here"
        os.mkfifo(self.path)

    @property
    def tell(self) -> str:
        return f"open({str(self.path)!r}, 'w').close()"

    def wait(self) -> None:
        with self.path.open() as file:
            file.read()


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path)


def loop_for_ever(pipe: Pipe) -> str:
    """A model whose block tells that it runs, and never ends."""
    block = f"```repl\nk = 0\n{pipe.tell}\nwhile True: k += 1\n```"
    return f"model = ScriptedModel([{block!r}])"


def pause(kernel: Any, pipe: Pipe) -> Any:
    """Asks, interrupts when the pipe tells, and gives the cell."""
    request = kernel.begin(ASK)
    pipe.wait()
    kernel.interrupt()
    return kernel.end(request)


def test_one_display_is_updated_to_the_result(kernel: Any) -> None:
    kernel.run(SUM)
    cell = kernel.run(ASK)
    assert cell.reply["status"] == "ok"
    assert len(cell.of("display_data")) == 1
    assert set(cell.region) == {"text/html", "text/plain", MIME_TYPE}
    assert cell.region["text/plain"].startswith("6\n")
    assert kernel.run("answer").value == "6"


def test_the_cell_prints_and_returns_nothing(kernel: Any) -> None:
    kernel.run("model = ScriptedModel(['```repl\\nprint(1)\\ndisplay(2)\\n3\\n```', '```repl\\nFINAL(4)\\n```'])")
    cell = kernel.run(ASK)
    assert (cell.of("stream"), cell.of("execute_result")) == ([], [])
    assert len(cell.of("display_data")) == 1


def test_the_underscore_and_out_stay_the_users(kernel: Any) -> None:
    kernel.run(SUM)
    kernel.run("'mine'")
    kernel.run(ASK)
    assert kernel.run("_, list(Out.values())").value == "('mine', ['mine'])"


def test_the_region_tells_what_happens_while_it_runs(kernel: Any) -> None:
    kernel.run("model = ScriptedModel(['```repl\\nx = llm_query(\"a\")\\nFINAL(x)\\n```'])")
    kernel.run("sub = ScriptedModel(['six'], name='sub', latency=0.5)")
    cell = kernel.run("%%rlm -m model --sub-model sub\nHow many?")
    told = [one["data"]["text/plain"] for one in (*cell.of("display_data"), *cell.of("update_display_data"))]
    assert any("the code runs" in text for text in told)
    assert any("waiting for sub" in text and "0 of 1 call" in text for text in told)
    assert len(told) < 12


@pytest.mark.parametrize(
    ("cell", "name", "says"),
    [
        ("%%rlm -c fligths\nHow many?", "ContextError", "Did you mean flights?"),
        ("%%rlm -c flights", "UsageError", "The cell is empty"),
        ("%%rlm -m model --max-cost 0\nHow many?", "UsageError", "give a number above 0"),
        ("%%rlm -m model -o answer\nHow many?", "ModelError", "0 scripted replies"),
        ("%rlm contniue", "UsageError", "Did you mean continue?"),
    ],
)
def test_an_error_is_one_line_and_the_kernel_goes_on(kernel: Any, cell: str, name: str, says: str) -> None:
    kernel.run("model = ScriptedModel([])")
    ended = kernel.run(cell)
    (error,) = ended.of("error")
    assert error["ename"] == name
    assert len(error["traceback"]) == 1
    assert says in error["traceback"][0]
    assert "\n" not in error["traceback"][0]
    assert kernel.run("1 + 1").value == "2"


def test_a_failed_run_stops_the_cells_after_it(kernel: Any, pipe: Pipe) -> None:
    block = f"```repl\n{pipe.tell}\n```"  # goes on when both cells were sent
    kernel.run(f"model = ScriptedModel([{block!r}])")
    requests = [kernel.begin(ASK), kernel.begin("after = 1")]
    pipe.wait()
    assert kernel.end(requests[0]).of("error")
    assert kernel.client.get_shell_msg(timeout=30)["content"]["status"] == "aborted"


def test_an_interrupt_pauses_a_block_and_the_kernel_is_free(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    cell = pause(kernel, pipe)
    (error,) = cell.of("error")
    assert error["ename"] == "KeyboardInterrupt"
    assert len(error["traceback"]) == 1
    assert cell.region["text/plain"].startswith("Paused")
    assert cell.region[MIME_TYPE]["summary"]["status"] == "paused"
    assert kernel.run("answer is None and k >= 0").value == "True"
    assert kernel.run("run = %rlm last\nrun.status").value == "'paused'"
    kernel.run("%rlm stop")
    assert kernel.run("run.status").value == "'stopped'"


def test_an_interrupt_pauses_while_the_model_replies(kernel: Any, pipe: Pipe) -> None:
    kernel.run(f"def reply(messages):\n    {pipe.tell}\n    return '```repl\\nFINAL(6)\\n```'")
    kernel.run("model = ScriptedModel(reply, latency=1.0)")
    assert pause(kernel, pipe).of("error")[0]["ename"] == "KeyboardInterrupt"
    assert kernel.run("run = %rlm last\nrun.status").value == "'paused'"
    assert kernel.run("%rlm continue").region["text/plain"].startswith("6\n")
    assert kernel.run("answer").value == "6"


def test_an_interrupt_pauses_at_a_call_and_its_answer_is_kept(kernel: Any, pipe: Pipe) -> None:
    kernel.run("model = ScriptedModel(['```repl\\nx = llm_query(\"a\")\\nFINAL(x)\\n```'])")
    kernel.run(f"def reply(messages):\n    {pipe.tell}\n    return 'six'\nsub = ScriptedModel(reply, latency=0.3)")
    kernel.run("%config RLM.sub_model = 'sub'")
    cell = pause(kernel, pipe)
    kernel.run("%config RLM.sub_model = None")
    assert cell.of("error")[0]["ename"] == "KeyboardInterrupt"
    assert kernel.run("%rlm continue").region["text/plain"].startswith("six\n")
    assert kernel.run("answer, len(sub.requests)").value == "('six', 1)"


def test_the_region_of_a_stopped_run_says_so(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    paused = pause(kernel, pipe)
    region = paused.of("display_data")[0]["transient"]["display_id"]
    updates = kernel.run("%rlm stop").of("update_display_data")
    assert [one["transient"]["display_id"] for one in updates] == [region]
    assert "Stopped" in updates[0]["data"]["text/plain"]


def test_a_second_interrupt_stops_the_run_of_an_idle_kernel(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    pause(kernel, pipe)
    kernel.interrupt()
    assert "Stopped" in kernel.update_with("Stopped")["text/plain"]
    assert kernel.run("run = %rlm last\nrun.status").value == "'stopped'"


def test_after_a_stop_an_idle_kernel_ignores_interrupts_again(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    pause(kernel, pipe)
    kernel.interrupt()
    kernel.update_with("Stopped")
    kernel.interrupt()
    assert kernel.run("import signal\nget_ipython().kernel.saved_sigint_handler is signal.SIG_IGN").value == "True"


def test_an_interrupt_of_a_later_cell_is_that_cells(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    pause(kernel, pipe)
    request = kernel.begin(f"{pipe.tell}\nwhile True: pass")
    pipe.wait()
    kernel.interrupt()
    assert kernel.end(request).reply["ename"] == "KeyboardInterrupt"
    assert kernel.run("run = %rlm last\nrun.status").value == "'paused'"
    kernel.run("%rlm stop")


def test_two_paused_runs_are_named_by_their_ids(kernel: Any, pipe: Pipe) -> None:
    for _ in range(2):
        kernel.run(loop_for_ever(pipe))
        pause(kernel, pipe)
    kernel.run("import rlm_lab\nfirst, second = rlm_lab.paused_runs()[-2:]")
    kernel.run("%rlm stop")
    assert kernel.run("first.status, second.status").value == "('paused', 'stopped')"
    kernel.run("get_ipython().run_line_magic('rlm', f'stop {first.id}')")
    assert kernel.run("first.status").value == "'stopped'"


def test_a_paused_run_is_in_its_log(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    cell = pause(kernel, pipe)
    trajectory = load(Path(pipe.path.parent, cell.region[MIME_TYPE]["path"]))
    assert trajectory.pauses[0].reason == "interrupt"
    kernel.run("%rlm stop")


def test_a_paused_run_is_listed_as_paused(kernel: Any, pipe: Pipe) -> None:
    kernel.run(loop_for_ever(pipe))
    pause(kernel, pipe)
    assert "Paused" in kernel.run("%rlm runs").of("display_data")[0]["data"]["text/plain"]
    kernel.run("%rlm stop")


def test_a_terminal_sequence_of_a_reply_never_reaches_the_region(kernel: Any) -> None:
    kernel.run("model = ScriptedModel(['FINAL(\\x1b[31m<script>alert(1)</script>)'] * 5)")
    region = kernel.run("%%rlm -m model\nHow many?").region
    assert "\x1b" not in region["text/plain"]
    assert "<script" not in region["text/html"]
