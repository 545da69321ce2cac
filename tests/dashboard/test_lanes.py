"""The bars of a timeline, from the events of a run."""

from __future__ import annotations

from rlm_lab.dashboard.lanes import CALL_HEIGHT, FIRST_LANE, MOST_LANES, Lanes
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
