"""The bars of a timeline, from the events of a run."""

from __future__ import annotations

from typing import Any

from rlm_lab.dashboard.lanes import CALL_HEIGHT, FIRST_LANE, MOST_LANES, Lanes
from rlm_lab.dashboard.source import Source
from rlm_lab.dashboard.timeline import Timeline
from rlm_lab.trajectory import events as ev
from rlm_lab.views.feed import Feed


def lanes_of(*events: ev.Event) -> Lanes:
    head = ev.RunStarted(run="a", question="Why?", model="m", sub_model="m", contexts=[], budget={}, started="")
    step, block = ev.StepStarted(run="a", step=1, messages=[], t=0.0), ev.BlockStarted(run="a", step=1, block=1, code="x", t=1.0)
    lanes = Lanes(Feed([head, step, block, *events]))
    lanes.take()
    return lanes


def call(number: int, begin: float, end: float | None = None) -> list[ev.Event]:
    begun = ev.CallStarted(run="a", step=1, block=1, call=number, prompt="p", model="m", t=begin)
    return [begun] if end is None else [begun, ev.CallFinished(run="a", call=number, answer="x", model="m", cost=0.5, t=end)]


def bar(lanes: Lanes, node: str):
    return lanes.bars[lanes.place_of(node)]


def test_calls_at_once_stand_in_lanes_of_their_own_and_a_lane_is_used_again():
    one, two, three = call(1, 1.0, 3.0), call(2, 1.5, 2.0), call(3, 2.5, 2.8)
    lanes = lanes_of(one[0], two[0], two[1], three[0], three[1], one[1])
    assert {bar(lanes, f"r0c{number}").lane >= FIRST_LANE for number in (1, 2, 3)} == {True}
    assert bar(lanes, "r0c1").lane != bar(lanes, "r0c2").lane
    assert (bar(lanes, "r0c1").left, bar(lanes, "r0c1").right) == (1.0, 3.0)


def test_lanes_are_bounded():
    lanes = lanes_of(*(call(number, 1.0)[0] for number in range(100)))
    assert max(one.lane for one in lanes.bars) < FIRST_LANE + MOST_LANES * CALL_HEIGHT
    assert len(lanes.bars) == 102  # and the step, and its code


def test_waiting_for_a_person_takes_no_width():
    pause = [ev.Paused(run="a", reason="asked", step=1, t=2.0), ev.Resumed(run="a", step=1, seconds=100.0, t=102.0)]
    lanes = lanes_of(*pause, *call(1, 103.0, 104.0))
    assert (bar(lanes, "r0c1").left, bar(lanes, "r0c1").right) == (3.0, 4.0)
    assert lanes.acts == [(2.0, "asked")]


def hint(t: float) -> ev.Event:
    return ev.Edited(run="a", step=1, what="hint", before=None, after="be quick", t=t)


def test_what_is_done_within_a_pause_stands_where_the_pause_began():
    pause = [ev.Paused(run="a", reason="asked", step=1, t=2.0), hint(3.24), ev.Resumed(run="a", step=1, seconds=100.0, t=102.0)]
    lanes = lanes_of(*pause, *call(1, 103.0, 104.0))
    assert lanes.acts == [(2.0, "asked"), (2.0, "hint")]
    assert lanes.now == 4.0


def test_what_is_done_while_the_run_stands_does_not_lengthen_it():
    lanes = lanes_of(ev.Paused(run="a", reason="asked", step=1, t=2.0))
    lanes.feed.take(hint(50.0))
    lanes.take()
    assert lanes.acts == [(2.0, "asked"), (2.0, "hint")]
    lanes.feed.take(ev.Resumed(run="a", step=1, seconds=100.0, t=102.0))
    for event in call(1, 103.0, 104.0):
        lanes.feed.take(event)
    lanes.take()
    assert (bar(lanes, "r0c1").left, lanes.now) == (3.0, 4.0)


def test_cost_adds_up_over_time():
    lanes = lanes_of(*call(1, 1.0, 2.0), *call(2, 1.0, 3.0))
    assert lanes.cost == [(2.0, 0.5), (3.0, 1.0)]


def test_a_bar_that_ends_later_changes_in_its_place():
    feed = Feed()
    lanes = Lanes(feed)
    for event in [
        ev.RunStarted(run="a", question="Why?", model="m", sub_model="m", contexts=[], budget={}, started=""),
        ev.StepStarted(run="a", step=1, messages=[], t=0.0),
    ]:
        feed.take(event)
    lanes.take()
    place, version = lanes.place_of("r0s1"), lanes.version
    feed.take(ev.ReplyReceived(run="a", step=1, text="x", model="m", prompt_tokens=5, completion_tokens=1, t=2.0))
    lanes.take()
    assert (lanes.place_of("r0s1"), lanes.bars[place].right, lanes.changes[place] > version) == (place, 2.0, True)
    assert lanes.tokens == [(0.0, 5)]


def timeline_of(*events: ev.Event) -> tuple[Timeline, list[str]]:
    """A timeline that has drawn these events, and what it told as chosen."""
    chosen: list[str] = []
    source = Source("a", None, wake=lambda: None, kernel=False)
    source.lanes = lanes_of(*events)
    timeline = Timeline(chosen.append)
    timeline.draw(source)
    return timeline, chosen


def drawn(timeline: Timeline) -> tuple[Any, Any]:
    """The rows' names, and the data of the bars."""
    upper = timeline.layout.children[0]
    return upper.yaxis[0].major_label_overrides, upper.renderers[0].data_source


def test_rows_of_the_timeline_are_those_that_there_are():
    assert list(drawn(timeline_of()[0])[0].values()) == ["steps"]
    assert list(drawn(timeline_of(*call(1, 2, 5), *call(2, 2, 5))[0])[0].values()) == ["steps", "calls, 2 at once"]
    child = ev.ChildStarted(run="a", step=1, block=1, child="b", t=2.0)
    assert list(drawn(timeline_of(child, *call(1, 2, 5))[0])[0].values()) == ["steps", "child runs", "calls"]


def test_a_child_run_that_comes_late_makes_room_for_itself():
    source = Source("a", None, wake=lambda: None, kernel=False)
    source.lanes = lanes_of(*call(1, 2, 5))
    timeline = Timeline(lambda _: None)
    timeline.draw(source)
    before = list(drawn(timeline)[1].data["top"])
    source.lanes.feed.take(ev.ChildStarted(run="a", step=1, block=1, child="b", t=6.0))
    source.lanes.take()
    timeline.draw(source)
    after = drawn(timeline)[1].data
    place = after["id"].index("r0c1")
    assert (len(after["id"]), after["top"][place] > before[place]) == (len(before) + 1, True)


def test_a_bar_that_is_clicked_is_chosen_and_one_that_is_chosen_elsewhere_is_marked():
    timeline, chosen = timeline_of(*call(1, 2, 5), *call(2, 2, 5))
    bars = drawn(timeline)[1]
    timeline.select("r0c2")
    assert ([bars.data["id"][place] for place in bars.selected.indices], chosen) == (["r0c2"], [])
    bars.selected.indices = [bars.data["id"].index("r0c1")]
    assert chosen == ["r0c1"]
    timeline.select("no such node")
    assert bars.selected.indices == []


def test_cost_never_goes_back_in_time():
    def paid(number: int, end: float) -> list[ev.Event]:
        answered = ev.CallFinished(run="a", call=number, answer="s", model="m", seconds=1.0, cost=0.5, t=end)
        return [*call(number, 2, None), answered]

    assert lanes_of(*paid(1, 9), *paid(2, 4)).cost == [(4.0, 0.5), (9.0, 1.0)]
