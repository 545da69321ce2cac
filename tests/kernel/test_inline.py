"""The live view of a cell in a real kernel: what it offers to a front end, and how a click reaches a kernel that is busy."""

from __future__ import annotations

from typing import Any

import pytest

from rlm_lab.kernel.inline import stay_on_own_subshell

WIDGET = "application/vnd.jupyter.widget-view+json"
PLACE = "data-rlm-live"
SETUP = """\
import threading
gate = threading.Event()
def answer(messages):
    gate.wait(60)
    return 'six'
slow = ScriptedModel(answer, name='slow')
model = ScriptedModel(["```repl\\nx = llm_query('first')\\n```", "```repl\\nFINAL(x)\\n```"])
"""
ASK = "%%rlm -m model --sub-model slow -o answer\nHow many?"


class Frontend:
    """A front end that draws the view: it hears the kernel, and sends on a subshell as JupyterLab does."""

    def __init__(self, beside: Any) -> None:
        self.beside = beside
        self.client = beside.client
        self.wait_for = beside.wait_for
        self.comm = ""
        self.opened: dict[str, Any] = {}

    def hear(self, wanted: Any) -> dict[str, Any]:
        """The next message of the view that is wanted; notes the view's comm when it is opened."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            content = message["content"]
            if message["msg_type"] == "comm_open" and "_esm" in content["data"].get("state", {}):
                self.comm, self.opened = content["comm_id"], content["data"]["state"]
            told = content.get("data", {}).get("content", {}) if message["msg_type"] == "comm_msg" else {}
            if wanted(message["msg_type"], told):
                return dict(told)

    def say(self, **content: Any) -> None:
        self.beside.say_on(self.comm, {"method": "custom", "content": content})


def displays(cell: Any) -> list[dict[str, Any]]:
    return [one["data"] for one in (*cell.of("display_data"), *cell.of("update_display_data"))]


def test_a_click_reaches_a_kernel_that_is_busy_with_the_cell(kernel, beside):
    kernel.run(SETUP)
    front = Frontend(beside)
    request = kernel.begin(ASK)
    front.hear(lambda kind, _: kind == "display_data")
    front.say(ready=True)
    snapshot = front.hear(lambda _, told: told.get("kind") == "snapshot")
    assert snapshot["nodes"][0]["question"] == "How many?"
    front.hear(lambda _, told: told.get("kind") == "state" and told["can"]["pause"] is None)
    front.say(ping=7)
    assert front.hear(lambda _, told: told.get("kind") == "reply") == {"kind": "reply", "pong": 7}
    front.say(command="pause", at=None)
    front.hear(lambda _, told: told.get("kind") == "state" and told["status"] == "paused")
    front.wait_for(request)
    kernel.run("gate.set()")
    front.say(command="continue", at=None, until=None)
    front.hear(lambda kind, _: kind == "comm_close")
    assert kernel.run("answer").value == "'six'"


def test_a_command_that_does_not_fit_is_answered_with_its_reason(kernel, beside):
    kernel.run(SETUP)
    front = Frontend(beside)
    request = kernel.begin(ASK)
    front.hear(lambda kind, _: kind == "display_data")
    front.say(ready=True)
    front.hear(lambda _, told: told.get("kind") == "state")
    front.say(command="fly", at=None)
    assert "fly" in front.hear(lambda _, told: "refused" in told)["refused"]
    front.say(command="stop", at=None)
    front.wait_for(request)
    kernel.run("gate.set()")  # the model's thread is everybody's


def test_a_run_that_was_asked_in_python_is_shown_whole_when_a_cell_goes_on_with_it(kernel, beside):
    kernel.run(SETUP + "from rlm_lab import ask\nrun = ask('How many?', model=model, sub_model=slow, step=True)")
    front = Frontend(beside)
    request = kernel.begin("%rlm continue")
    front.hear(lambda kind, _: kind == "display_data")
    front.say(ready=True)
    nodes = front.hear(lambda _, told: told.get("kind") == "snapshot")["nodes"]
    assert nodes[0]["question"] == "How many?"
    while not any(node["kind"] == "call" and node["prompt"] == "first" for node in nodes):
        nodes = front.hear(lambda _, told: "nodes" in told)["nodes"]
    front.say(command="stop", at=None)
    front.wait_for(request)
    kernel.run("gate.set()")  # the model's thread is everybody's


def test_no_output_holds_a_widget_at_any_time(kernel, beside):
    kernel.run(SETUP + "gate.set()")
    cell = kernel.run(ASK)
    assert all(WIDGET not in shown and "text/html" in shown for shown in displays(cell))
    assert any(PLACE in shown["text/html"] for shown in displays(cell))
    assert PLACE not in cell.region["text/html"]
    if not cell.of("comm_close"):  # else it was told before the cell was over
        Frontend(beside).hear(lambda kind, _: kind == "comm_close")


def test_the_module_of_the_view_is_sent_when_a_page_asks_for_it_and_not_with_each_cell(kernel, beside):
    kernel.run(SETUP)
    front = Frontend(beside)
    request = kernel.begin(ASK)
    front.hear(lambda kind, _: kind == "display_data")
    assert len(front.opened["_esm"]) < 5_000
    front.say(module="../view")
    front.say(module="view")
    assert "data-layout" in front.hear(lambda _, told: told.get("kind") == "module")["text"]
    front.say(ready=True)
    front.hear(lambda _, told: told.get("kind") == "state")
    front.say(command="stop", at=None)
    front.wait_for(request)
    kernel.run("gate.set()")  # the model's thread is everybody's


def test_a_front_end_that_does_not_answer_gets_plain_html_with_one_quiet_line(kernel):
    kernel.run(SETUP + "slow = ScriptedModel(['six'], name='slow', latency=4)")
    shown = displays(kernel.run(ASK))
    quiet = [one for one in shown if "Buttons cannot reach" in one["text/html"]]
    assert quiet
    assert all(PLACE not in one["text/html"] for one in quiet)


@pytest.mark.parametrize("setting", ["%config RLM.live = False", "import os; os.environ['RLM_LAB_HEADLESS'] = '1'"])
def test_nobody_is_offered_buttons_who_does_not_want_them(kernel, setting):
    kernel.run(SETUP + "gate.set()")
    kernel.run(setting)
    cell = kernel.run(ASK)
    kernel.run("%config RLM.live = True\nimport os; os.environ.pop('RLM_LAB_HEADLESS', None)")
    assert not cell.of("comm_open")
    assert all(PLACE not in one["text/html"] and "Buttons" not in one["text/html"] for one in displays(cell))


def test_messages_of_a_comm_stay_on_the_subshell_that_the_front_end_names():
    class Comm:
        def _reply_subshell_for(self, data: object, default: str | None) -> str | None:
            return None  # the shell that last published: the busy one

    comm = Comm()
    stay_on_own_subshell(comm)
    assert comm._reply_subshell_for({}, "front end's") == "front end's"


def test_a_kernel_without_that_method_is_left_alone():
    stay_on_own_subshell(object())
