"""Runs as a page is told of them: live ones of this process, growing files, snapshots for the slow, commands that are refused."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from rlm_lab import ScriptedModel, Settings, ask
from rlm_lab.dashboard.source import Pace
from rlm_lab.dashboard.viewer import Viewer
from rlm_lab.models.base import Message

WAIT = 120  # seconds


class Page:
    """A page without a browser: keeps what it is sent, says what it is told to say."""

    def __init__(self, dashboard: Any) -> None:
        self.dashboard = dashboard
        self.told: list[dict[str, Any]] = []
        self.acknowledges = True
        self._news = threading.Condition()
        self.viewer = Viewer(dashboard.desk, self._hear, self._hear, lambda _: None)
        self._do(lambda: dashboard.desk.viewers.add(self.viewer))
        self._do(lambda: self.viewer.hear_shell({"hello": 1}))

    def _do(self, act: Any) -> None:
        async def doing() -> None:
            act()

        self.dashboard.call(doing()).result(WAIT)

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        with self._news:
            self.told.append(message)
            self._news.notify_all()
        if self.acknowledges and message["kind"] in {"snapshot", "delta"}:
            self.viewer.hear_pane({"ack": message["seq"]})

    def say(self, message: Any) -> None:
        self._do(lambda: self.viewer.hear_pane(message))

    def open(self, run: str | None) -> None:
        self.open_early(run)
        self.say({"hello": 1})

    def open_early(self, run: str | None) -> None:
        """Chooses a run while the pane that shows it is not there yet."""
        self._do(lambda: self.viewer.hear_shell({"open": run}))

    def close(self) -> None:
        self._do(self.viewer.close)

    def wait(self, holds: Any) -> Any:
        """What `holds` gives of all that was told, as soon as it gives something."""
        with self._news:
            return self._news.wait_for(lambda: holds(self.told), WAIT)

    def kinds(self) -> list[str]:
        return [message["kind"] for message in self.told]


@pytest.fixture
def page(dashboard):
    made = Page(dashboard)
    yield made
    made.close()


def nodes(told):
    """The nodes as a view would hold them."""
    known: dict[str, dict[str, Any]] = {}
    for message in told:
        if message["kind"] == "snapshot":
            known = {}
        for node in message.get("nodes", ()):
            known.setdefault(node["id"], {}).update(node)
    return list(known.values())


def listed(told):
    return [row for message in told if message["kind"] == "runs" for row in message["rows"]]


def states(told):
    return [message for message in told if message["kind"] == "state"]


def asking(folder, *replies, sub_model=None, question="What?"):
    model = ScriptedModel([f"```repl\n{reply}\n```" for reply in replies], name="root")
    return ask(question, model=model, sub_model=sub_model, namespace={}, settings=Settings(runs=folder))


def test_the_list_tells_a_run_when_it_is_there(page, folder):
    run = asking(folder, "FINAL(7)")
    row = page.wait(lambda told: [row for row in listed(told) if row["run"] == run.id and not row["here"]])[0]
    assert (row["question"], row["answer"], row["status"], row["steps"], row["here"]) == ("What?", "7", "done", 1, False)


def test_a_saved_run_is_told_in_one_snapshot_and_cannot_be_steered(page, folder):
    run = asking(folder, "FINAL(7)")
    (folder / "other.rlm.jsonl").write_text(run.path.read_text().replace(run.id, "other"))
    page.open("other")
    page.wait(lambda told: any(node["kind"] == "block" for node in nodes(told)) and states(told))
    assert page.kinds().count("snapshot") == 1
    assert set(states(page.told)[-1]["can"].values()) == {"This run is over; it was read from its file."}
    page.say({"command": "stop"})
    refusal = page.wait(lambda told: [message["refused"] for message in told if message.get("refused")])[0]
    assert refusal.startswith("This run is over")


def test_a_run_that_was_opened_before_its_pane_was_loaded_is_told_again(page, folder):
    run = asking(folder, "FINAL(7)")
    page.open_early(run.id)
    before = page.kinds().count("open")
    page.say({"ready": 1})
    assert page.wait(lambda told: [message["kind"] for message in told].count("open") == before + 1)
    page.say({"hello": 1})
    page.wait(lambda told: any(node["kind"] == "block" for node in nodes(told)))


def test_how_much_of_the_data_was_read_is_told_where_the_data_is_at_hand(page, folder):
    text = " ".join(str(number) for number in range(1_000))
    model = ScriptedModel(["```repl\nllm_query(text[:500])\nFINAL(1)\n```"], name="root")
    run = ask(
        "What?", context={"text": text}, model=model, sub_model=ScriptedModel(["a"]), namespace={}, settings=Settings(runs=folder)
    )
    page.open(run.id)
    assert page.wait(lambda told: [node for node in nodes(told) if node["kind"] == "coverage"])


def test_a_run_that_has_ended_and_is_still_held_can_be_taken_back(page, folder):
    run = asking(folder, "x = 1", "FINAL(x)")
    page.open(run.id)
    state = page.wait(lambda told: [state for state in states(told) if state["status"] == "done"])[-1]
    assert state["can"]["rewind"].startswith("This run is not in a notebook")
    assert state["can"]["step"].startswith(f"The run {run.id} is done")


def test_a_run_of_this_process_is_told_while_it_goes_on_and_paused_by_the_page(page, folder):
    def answer(messages: list[Message]) -> str:
        page.open(page.wait(lambda told: [row for row in listed(told) if row["question"] == "Live?"])[0]["run"])
        page.wait(lambda told: any(node["kind"] == "call" for node in nodes(told)) and states(told))
        page.say({"command": "pause"})
        return "seen"

    run = asking(folder, "x = llm_query('p')", "FINAL(x)", sub_model=ScriptedModel(answer, name="sub"), question="Live?")
    assert run.status == "paused"
    told = page.wait(lambda told: [state for state in states(told) if state["status"] == "paused"])[-1]
    assert told["can"]["continue"].startswith("This run is not in a notebook")
    page.say({"command": "continue", "at": told["stamp"]})
    assert page.wait(lambda told: [message for message in told if message.get("refused")])
    run.resume()
    page.wait(lambda told: any(node.get("answer") == "seen" for node in nodes(told) if node["kind"] == "run"))


def test_a_file_that_another_kernel_writes_is_told_as_it_grows(page, folder):
    whole = asking(folder / "elsewhere", "x = llm_query('p')", "FINAL(x)", sub_model=ScriptedModel(["s"])).path.read_bytes()
    grown, half = folder / "grown.rlm.jsonl", len(whole) // 2
    grown.write_bytes(whole[:half])
    page.open("grown")
    page.wait(lambda told: any(node["kind"] == "step" for node in nodes(told)))
    with grown.open("ab") as file:
        file.write(whole[half:])
    page.wait(lambda told: any(node.get("status") == "done" for node in nodes(told) if node["kind"] == "run"))
    assert "delta" in page.kinds()


def test_a_page_that_does_not_say_it_has_drawn_is_sent_nothing_more(page, folder):
    page.acknowledges = False
    whole = asking(folder / "elsewhere", "1", "2", "FINAL(3)").path.read_bytes()
    slow, half = folder / "slow.rlm.jsonl", len(whole) // 2
    slow.write_bytes(whole[:half])
    other = Page(page.dashboard)
    for one in (page, other):
        one.open("slow")
        one.wait(nodes)
    with slow.open("ab") as file:
        file.write(whole[half:])
    other.wait(lambda told: any(node.get("status") == "done" for node in nodes(told) if node["kind"] == "run"))
    assert "delta" not in page.kinds()
    page.say({"ack": 0})
    page.wait(lambda told: any(node.get("status") == "done" for node in nodes(told) if node["kind"] == "run"))
    other.close()


WRONG = (None, 3, "x", [], {"fetch": 3}, {"fetch": ["a"]}, {"command": 3}, {"command": "no"}, {"find": 3}, {"ack": {}})


@pytest.mark.parametrize("message", WRONG)
def test_a_message_that_is_none_does_nothing(page, folder, message):
    run = asking(folder, "FINAL(7)")
    page.open(run.id)
    page.say(message)
    page.say({"fetch": ["r0", "question"]})
    assert page.wait(lambda told: [message for message in told if message.get("text") == "What?"])


def test_a_run_that_is_not_there_is_told_as_missing(page):
    page.open("no such run")
    assert page.wait(lambda told: [message for message in told if message.get("missing") == "no such run"])


def test_a_flood_of_events_reaches_the_page_whole(page, folder):
    def answer(_messages: list[Message]) -> str:
        if "snapshot" not in page.kinds():
            page.open(page.wait(lambda told: [row for row in listed(told) if row["question"] == "Flood?"])[0]["run"])
            page.wait(nodes)
        return "seen"

    blocks = ["llm_query('p')", *["x = llm_query_batched([str(n) for n in range(50)])"] * 15, "FINAL(x[0])"]
    run = asking(folder, *blocks, sub_model=ScriptedModel(answer, name="sub"), question="Flood?")
    page.wait(lambda told: any(node.get("status") == "done" for node in nodes(told) if node["kind"] == "run"))
    calls = [node for node in nodes(page.told) if node["kind"] == "call"]
    assert (run.status, len(calls), {node["status"] for node in calls}) == ("done", 751, {"answered"})


def test_events_that_come_faster_than_a_person_can_see_are_a_flood():
    pace = Pace(now=0.0)
    for tick in range(1, 101):
        pace.keep(100, tick / 100)
    assert pace.flood == 1.0
    pace.keep(0, 4.0)
    assert pace.flood == 0.0
