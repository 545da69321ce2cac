"""The front end's own line to a real kernel: which runs it tells of, and orders that reach a kernel that is busy with a cell."""

from __future__ import annotations

from typing import Any

import pytest

from rlm_lab import ScriptedModel

SETUP = """\
import threading
gate = threading.Event()
slow = ScriptedModel(lambda messages: 'six' if gate.wait(60) else 'late', name='slow')
model = ScriptedModel(["```repl\\nx = llm_query('first')\\n```", "```repl\\nFINAL(x)\\n```"] * 3)
"""
ASK = "%%rlm -m model --sub-model slow -o answer\nHow many?"


class Line:
    """A front end's end of the line. What it asks is numbered; what it hears is kept."""

    def __init__(self, beside: Any) -> None:
        self.beside = beside
        self.client = beside.client
        asked = self.client.comm_info(target_name="rlm_lab")
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != asked:
            pass
        (self.comm,) = reply["content"]["comms"]
        self.numbers = 0

    def say(self, **said: Any) -> None:
        self.numbers += 1
        self.beside.say_on(self.comm, {"v": 1, "id": self.numbers, **said})

    def told(self, wanted: Any) -> Any:
        """The next message on this line that is wanted."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == self.comm:
                data = message["content"]["data"]
                assert data["v"] == 1
                if wanted(data):
                    return data

    def answer(self, **said: Any) -> Any:
        self.say(**said)
        number = self.numbers
        return self.told(lambda data: data.get("id") == number)

    def summary(self, status: str) -> Any:
        """What is told of the first run that has this status by then."""
        data = self.told(lambda data: any(run["summary"]["status"] == status for run in data.get("runs", ())))
        return data["runs"][0]["summary"]


@pytest.fixture
def line(kernel, beside):
    kernel.run(SETUP)
    yield Line(beside)
    kernel.run("gate.set()\nfrom rlm_lab import paused_runs\nfor run in paused_runs(): run.stop()")


def test_a_busy_kernel_tells_of_its_run_and_takes_orders(kernel, line):
    request = kernel.begin(ASK)
    told = line.told(lambda data: any(run["summary"]["usage"]["calls"] for run in data.get("runs", ())))["runs"][0]
    assert (told["summary"]["question"], told["summary"]["status"]) == ("How many?", "running")
    line.say(ask="runs")
    assert line.told(lambda data: "runs" in data)["runs"][0]["id"] == told["id"]
    assert line.answer(command="pause") == {"v": 1, "id": 2, "done": ""}
    assert line.summary("paused")
    line.beside.wait_for(request)
    assert line.answer(ask="pending")["refused"]  # it stands within a call
    kernel.run("gate.set()")
    line.say(command="continue", run=told["id"])
    assert line.summary("done")["steps"] == 2
    assert kernel.run("answer").value == "'six'"


def test_a_run_that_was_asked_in_python_is_told_and_stepped(kernel, line):
    kernel.begin("gate.set()\nfrom rlm_lab import ask\nrun = ask('And now?', model=model, sub_model=slow, step=True)")
    assert line.summary("paused")["question"] == "And now?"
    head, code = line.answer(ask="pending")["value"].split("\n", 1)
    assert head.startswith("%%rlm_edit ")
    assert code == "x = llm_query('first')"
    line.say(command="step", into="blocks")
    line.told(lambda data: data.get("runs", [{"summary": {"steps": 0}}])[0]["summary"]["steps"] == 2)
    line.say(command="stop")
    line.summary("stopped")


def test_an_order_reaches_the_run_that_it_names_or_the_newest(kernel, line):
    kernel.run("gate.set()\nfrom rlm_lab import ask\nold, new = (ask(q, model=model, sub_model=slow, step=True) for q in 'ab')")
    old = kernel.run("old.id").value.strip("'")
    assert line.answer(command="stop", run=old)["done"] == ""
    assert line.answer(command="stop")["done"] == ""
    assert kernel.run("old.status, new.status").value == "('stopped', 'stopped')"


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"command": "continue"}, "No run is paused"),
        ({"command": "fly"}, "No run is paused"),
        ({"ask": "secrets"}, "no question 'secrets'"),
        ({"ask": "runs", "v": 2}, "different versions"),
        ({"command": {"a": 1}}, "no question None"),
    ],
)
def test_what_cannot_be_done_is_refused_with_one_line(line, said, refusal):
    assert refusal in line.answer(**said)["refused"]


def test_a_front_end_that_closes_the_line_closes_it_for_no_other(kernel, line):
    client = line.beside.client
    client.shell_channel.send(client.session.msg("comm_close", {"comm_id": line.comm, "data": {}}))
    assert not kernel.run("1").of("comm_open")
    assert "No run is paused" in line.answer(ask="pending")["refused"]
    assert Line(line.beside).comm == line.comm


@pytest.mark.parametrize(
    ("missing", "said"), [("rlm_lab.dashboard", {"ask": "dashboard"}), ("jupyter_client.asynchronous.client", {"command": "step"})]
)
def test_what_fails_in_foreign_code_is_answered_with_one_line(kernel, line, missing, said):
    kernel.run("gate.set()\nfrom rlm_lab import ask\nrun = ask('And now?', model=model, sub_model=slow, step=True)")
    kernel.run(f"import sys\nkept = dict(sys.modules)\nsys.modules[{missing!r}] = None")
    refused = line.answer(**said)["refused"]
    kernel.run("sys.modules |= kept" + f"\nif {missing!r} not in kept: del sys.modules[{missing!r}]")
    assert ("ModuleNotFoundError" in refused, "\n" in refused) == (True, False)


def test_a_front_ends_settings_hold_where_nothing_else_is_said(cells):
    cells.shell.config.RLMFront.update({"model": "mine", "max_calls": 3, "live": False, "max_cost": None})
    cells["mine"] = ScriptedModel(["```repl\nFINAL(1)\n```"] * 9)
    cells.run("%%rlm\nHow many?").raise_error()
    run = cells.run("%rlm last").result
    assert (run.asked.model, run.ledger.budget.calls) == (cells["mine"], 3)
    cells.run("%config RLM.max_calls = 5")
    cells.run("%%rlm --max-steps 4\nHow many?").raise_error()
    budget = cells.run("%rlm last").result.ledger.budget
    assert (budget.calls, budget.steps) == (5, 4)
    cells.run("%%rlm --max-calls 6\nHow many?").raise_error()
    assert cells.run("%rlm last").result.ledger.budget.calls == 6
