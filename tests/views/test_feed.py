"""The feed: events as nodes, what was new since a viewer last looked, whole texts on demand."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from rlm_lab.trajectory import events as ev
from rlm_lab.views.feed import Feed

START = ev.RunStarted(run="a", question="Why?", model="m", sub_model="s", contexts=[], budget={}, started="")
BLOCK: list[ev.Event] = [
    START,
    ev.StepStarted(run="a", step=1, messages=[{"role": "user", "content": "Why?"}], t=1),
    ev.ReplyReceived(
        run="a", step=1, text="I ask.\n```repl\nx = llm_query('q')\n```", model="m", prompt_tokens=10, completion_tokens=5, t=2
    ),
    ev.BlockStarted(run="a", step=1, block=1, code="x = llm_query('q')", t=2),
]


def call(number: int, prompt: str = "q", **fields: Any) -> ev.Event:
    return ev.CallStarted(run="a", step=1, block=1, call=number, prompt=prompt, model="s", line=1, t=3, **fields)


def answer(number: int, text: str = "yes") -> ev.Event:
    return ev.CallFinished(run="a", call=number, answer=text, model="s", prompt_tokens=3, completion_tokens=1, cost=0.01, t=4)


def by_id(message: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    assert message is not None
    return {node["id"]: node for node in message["nodes"]}


def test_every_node_comes_after_its_parent():
    nodes = Feed([*BLOCK, call(1), answer(1)]).snapshot()["nodes"]
    seen: set[str | None] = {None}
    for node in nodes:
        assert node["parent"] in seen
        seen.add(node["id"])


def test_a_step_is_told_with_its_word_its_summary_and_its_reasoning():
    step = by_id(Feed([*BLOCK, call(1), answer(1)]).snapshot())["r0s1"]
    assert (step["act"], step["reasoning"], step["tokens_in"]) == ("delegate", "I ask.", 10)
    assert "yes" in step["summary"]


def test_a_delta_holds_only_what_changed():
    feed = Feed([*BLOCK, call(1)])
    feed.snapshot()
    feed.take(answer(1))
    changed = by_id(feed.delta())["r0c1"]
    assert changed["answer"] == "yes"
    assert "prompt" not in changed
    assert feed.delta() is None


def test_an_answer_takes_less_than_a_kilobyte_on_the_wire():
    feed = Feed([*BLOCK, call(1, "q" * 5_000)])
    feed.snapshot()
    feed.take(answer(1, "long " * 60))
    assert len(json.dumps(feed.delta())) < 1_000


def test_each_viewer_is_told_what_is_new_to_it():
    feed = Feed(BLOCK)
    early = feed.seq
    feed.take(call(1))
    feed.snapshot()
    late = feed.seq
    feed.take(answer(1))
    assert by_id(feed.since(early))["r0c1"]["prompt"] == "q"
    assert "prompt" not in by_id(feed.since(late))["r0c1"]


def test_a_snapshot_and_its_deltas_add_up_to_a_later_snapshot():
    whole = [*BLOCK, call(1), ev.Output(run="a", step=1, block=1, kind="stdout", text="1\n"), answer(1), call(2), answer(2)]
    feed = Feed(whole[:2])
    known = by_id(feed.snapshot())
    for event in whole[2:]:
        feed.take(event)
        for key, node in by_id(feed.delta() or {"nodes": []}).items():
            known.setdefault(key, {}).update(node)
    told = {
        key: {name: value for name, value in node.items() if value is not None or name == "parent"} for key, node in known.items()
    }
    assert told == by_id(feed.snapshot())


def test_a_reply_is_told_piece_by_piece_until_it_is_whole():
    feed = Feed(BLOCK[:2])
    feed.snapshot()
    feed.take(ev.ReplyDelta(run="a", step=1, text="I "))
    first = by_id(feed.delta())["r0s1"]
    feed.take(ev.ReplyDelta(run="a", step=1, text="ask."))
    assert (first["more"], by_id(feed.delta())["r0s1"]["more"]) == ("I ", "ask.")
    assert by_id(feed.snapshot())["r0s1"]["written"] == "I ask."
    feed.take(BLOCK[2])
    assert "written" not in by_id(feed.snapshot())["r0s1"]


def test_a_long_text_is_cut_and_can_be_had_in_full():
    feed = Feed([*BLOCK, call(1, "q" * 5_000)])
    node = by_id(feed.snapshot())["r0c1"]
    assert len(node["prompt"]) < node["prompt_length"] == 5_000
    assert feed.full("r0c1", "prompt") == "q" * 5_000
    assert feed.full("r0c1", "answer") == feed.full("nothing", "prompt") == ""


def test_text_is_found_in_whole_fields_whatever_its_case():
    feed = Feed([*BLOCK, call(1, "q" * 2_000 + " Rotterdam"), answer(1, "rotterdam, ROTTERDAM")])
    assert feed.find("Rotterdam") == [["r0c1", "prompt", 1], ["r0c1", "answer", 2]]
    assert feed.find("") == []


def test_calls_of_a_batch_stand_below_it_and_those_of_a_loop_below_their_block():
    batch = ev.BatchStarted(run="a", step=1, block=1, batch=1, size=2, line=1, t=3)
    nodes = by_id(Feed([*BLOCK, batch, call(1, batch=1, index=0), call(2)]).snapshot())
    assert (nodes["r0c1"]["parent"], nodes["r0c2"]["parent"]) == ("r0t1", "r0s1b1")


def test_a_child_run_stands_below_the_block_that_asked_and_counts_for_its_parent():
    child = [
        ev.ChildStarted(run="a", step=1, block=1, child="a.1", line=1, t=3),
        ev.RunStarted(
            run="a.1", question="Sub?", model="m", sub_model="s", contexts=[], budget={}, started="", parent="a", depth=1, t=3
        ),
        ev.StepStarted(run="a.1", step=1, messages=[], t=3),
        ev.ReplyReceived(run="a.1", step=1, text="FINAL(1)", model="m", prompt_tokens=7, completion_tokens=1, t=4),
        ev.ChildFinished(run="a", child="a.1", status="done", t=5),
    ]
    nodes = by_id(Feed([*BLOCK, *child]).snapshot())
    assert (nodes["r1"]["parent"], nodes["r1"]["status"], nodes["r1"]["question"]) == ("r0s1b1", "done", "Sub?")
    assert (nodes["r1u"]["tokens_in"], nodes["r0u"]["tokens_in"]) == (7, 17)


def test_pieces_of_one_stream_become_one_output():
    pieces = [ev.Output(run="a", step=1, block=1, kind="stdout", text=f"{n}\n", t=3) for n in range(3)]
    outputs = [node for node in Feed([*BLOCK, *pieces]).snapshot()["nodes"] if node["kind"] == "output"]
    assert [node["text"] for node in outputs] == ["0\n1\n2\n"]


def test_a_pause_ends_when_the_run_goes_on():
    paused = ev.Paused(run="a", reason="interrupt", step=1, block=1, line=1, t=5)
    feed = Feed([*BLOCK, paused])
    assert by_id(feed.snapshot())["r0"]["status"] == "paused"
    feed.take(ev.Resumed(run="a", step=1, seconds=30, t=35))
    nodes = by_id(feed.snapshot())
    assert (nodes["r0"]["status"], nodes["r0u"]["held"]) == ("running", 30)


def test_a_file_without_an_end_can_be_told_to_have_one():
    feed = Feed(BLOCK)
    feed.end("interrupted")
    assert by_id(feed.snapshot())["r0"]["status"] == "interrupted"


@pytest.mark.parametrize("hostile", ["\x1b[31mred\ud800", 5, None, {"a": float("nan")}])
def test_what_a_hostile_log_holds_is_shown_as_text_or_left_out(hostile):
    events = [
        ev.RunStarted(
            run="a", question=hostile, model=hostile, sub_model=hostile, contexts=hostile, budget=hostile, started=hostile
        ),
        ev.StepStarted(run="a", step=1, messages=hostile),
        ev.BlockStarted(run="a", step=1, block=1, code=hostile),
        ev.Output(run="a", step=1, block=1, kind=hostile, text=hostile, data=hostile),
        ev.CallStarted(run="a", step=1, block=1, call=1, prompt=hostile, model=hostile, line=hostile, index=hostile),
        ev.CallFinished(run="a", call=1, answer=hostile, model=hostile, seconds=hostile, cost=hostile),
        ev.BlockFinished(run="a", step=1, block=1, seconds=hostile, error=hostile, variables=hostile),
        ev.RunFinished(run="a", status=hostile, answer_text=hostile, usage=hostile),
    ]
    text = json.dumps(Feed(events).snapshot(), ensure_ascii=False, allow_nan=False)
    assert text.encode()
    assert "\x1b" not in text


def test_events_may_be_taken_while_others_look():
    feed = Feed(BLOCK)
    seen: dict[str, dict[str, Any]] = {}

    def look() -> None:
        seq = 0
        while "r0c300" not in seen:
            if message := feed.since(seq):
                seq = message["seq"]
                for key, node in by_id(message).items():
                    seen.setdefault(key, {}).update(node)

    viewer = threading.Thread(target=look)
    viewer.start()
    for number in range(1, 301):
        feed.take(call(number))
    viewer.join(60)
    assert sum(node["kind"] == "call" for node in seen.values()) == 300


def test_steps_that_a_rewind_put_aside_stay_beside_those_that_take_their_place():
    again = [ev.Rewound(run="a", step=1, t=6), *BLOCK[1:], call(1, "other")]
    nodes = by_id(Feed([*BLOCK, call(1), answer(1), *again]).snapshot())
    steps = [node for node in nodes.values() if node["kind"] == "step"]
    calls = {node["prompt"]: nodes[node["parent"]]["parent"] for node in nodes.values() if node["kind"] == "call"}
    assert [step.get("aside", False) for step in steps] == [True, False]
    assert calls == {"q": steps[0]["id"], "other": steps[1]["id"]}
