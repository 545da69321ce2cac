"""Events add up to a trajectory."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.fold import Trajectory, fold
from rlm_lab.trajectory.lines import from_line, to_line

WHOLE_NUMBERS = st.integers(min_value=0, max_value=5)


def timed(events: list[ev.Event]) -> list[ev.Event]:
    return [dataclasses.replace(event, seq=seq, t=float(seq)) for seq, event in enumerate(events)]


def test_steps_hold_what_happened_in_them(events: list[ev.Event]) -> None:
    trajectory = fold(timed(events))
    first, second = trajectory.steps
    assert first.reply == "I look."
    assert (first.seconds, first.model_seconds, first.code_seconds) == (21.0 - 9.0, 1.5, 2.0)
    assert [part.text for part in first.blocks[0].outputs] == ["one\ntwo\n"]
    assert second.blocks == ()
    assert (trajectory.answer, trajectory.status, trajectory.seconds) == ("EV", "done", 4.5)


def test_a_batch_holds_its_calls_with_their_ends(events: list[ev.Event]) -> None:
    block = fold(events).steps[0].blocks[0]
    assert [call.status for call in block.batches[0].calls] == ["failed", "answered"]
    assert block.batches[0].calls == block.calls
    assert block.calls[0].error == "429, too many requests"
    assert block.calls[1].answer == "yes"


def test_a_child_run_nests_in_the_block_that_started_it(events: list[ev.Event]) -> None:
    child = fold(events).steps[0].blocks[0].children[0]
    assert (child.run, child.parent, child.line, child.answer, child.status) == ("a.1", "a", 1, 3, "done")
    assert len(child.steps) == 1


def test_usage_counts_the_whole_tree(events: list[ev.Event]) -> None:
    usage = fold(events).usage
    assert (usage.steps, usage.calls, usage.tokens) == (2, 2, 336)
    assert round(usage.cost or 0, 6) == 0.041


def test_the_ledgers_own_figures_win_at_the_end(events: list[ev.Event]) -> None:
    events[-1] = ev.RunFinished(run="a", status="done", usage={"calls": 7, "prompt_tokens": "many", "cost": 0.5})
    usage = fold(events).usage
    assert (usage.calls, usage.prompt_tokens, usage.cost) == (7, 305, 0.5)


def test_no_known_price_is_not_a_price_of_nothing(events: list[ev.Event]) -> None:
    assert fold(events[:2]).usage.cost is None


def test_a_run_is_running_paused_and_running_again(events: list[ev.Event]) -> None:
    place = next(index for index, event in enumerate(events) if isinstance(event, ev.Paused))
    assert [fold(events[: place + more]).status for more in (0, 1, 2)] == ["running", "paused", "running"]


def test_pauses_flags_and_warnings_are_kept(events: list[ev.Event]) -> None:
    trajectory = fold(events)
    assert [(pause.reason, pause.seconds) for pause in trajectory.pauses] == [("asked", 9.0)]
    assert trajectory.steps[0].flags == trajectory.flags
    assert trajectory.warnings[0].limit == "cost"


def test_a_cut_keeps_its_place_between_the_parts_of_an_output(events: list[ev.Event]) -> None:
    events.insert(6, ev.Output(run="a", step=1, block=1, kind="stdout", text="tail", cut=46_310))
    parts = fold(events).steps[0].blocks[0].outputs
    assert [(part.text, part.cut) for part in parts] == [("one\ntwo\n", 0), ("tail", 46_310)]


def test_a_reply_after_a_failed_one_takes_its_place(events: list[ev.Event]) -> None:
    failed = ev.ReplyFailed(run="a", step=1, error="503", kind="ModelUnavailableError", retries=3, seconds=2.0)
    assert fold([*events[:2], failed]).steps[0].reply_error == "503"
    step = fold([*events[:2], failed, events[2]]).steps[0]
    assert (step.reply_error, step.reply, step.retries, step.model_seconds) == (None, "I look.", 3, 3.5)


def test_every_prefix_folds(events: list[ev.Event]) -> None:
    for length in range(len(events) + 1):
        assert isinstance(fold(timed(events)[:length]), Trajectory)


@given(seed=st.integers(), kept=st.floats(min_value=0.1, max_value=1.0))
def test_events_in_any_order_and_with_gaps_never_break_the_fold(seed: int, kept: float) -> None:
    chance = random.Random(seed)
    some = [event for event in _all_events() if chance.random() < kept]
    chance.shuffle(some)
    fold(some)


def _all_events() -> list[ev.Event]:
    run = ev.RunStarted(run="a", question="q", model="m", sub_model="m", contexts=[], budget={}, started="")
    return [
        run,
        ev.StepStarted(run="a", step=1, messages=[]),
        ev.BlockStarted(run="a", step=1, block=1, code="x"),
        ev.ChildStarted(run="a", step=1, block=1, child="a"),
        ev.ChildStarted(run="a", step=1, block=1, child="b"),
        ev.ChildStarted(run="b", step=1, block=1, child="a"),
        dataclasses.replace(run, run="b", parent="a"),
        ev.CallStarted(run="a", step=1, block=1, call=1, prompt="p", model="m"),
        ev.CallFinished(run="a", call=1, answer="x", model="m"),
        ev.CallFailed(run="a", call=2, error="x", kind="y"),
        ev.Resumed(run="a", step=1),
        ev.Paused(run="a", reason="r", step=1),
        ev.ChildFinished(run="a", child="a", status="done"),
        ev.BlockFinished(run="b", step=1, block=1, seconds=1.0),
        ev.Output(run="c", step=1, block=1, kind="stdout", text="t"),
        ev.UnknownEvent(run="a", name="handoff"),
        ev.RunFinished(run="a", status="done"),
    ]


@given(text=st.text(), number=st.floats(), answer=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_event_becomes_a_line_and_comes_back(text: str, number: float, answer: object) -> None:
    event = ev.RunFinished(run="a", status=text, answer=answer, answer_text=text, seconds=number, t=number)
    line = to_line(event)
    assert line.count(b"\n") == 1
    back = from_line(line)
    assert isinstance(back, ev.RunFinished)
    assert (back.status, back.answer_text) == (text, text)
    assert to_line(from_line(to_line(back))) == to_line(back)


def test_ten_thousand_calls_fold_into_one_batch(events: list[ev.Event]) -> None:
    calls: list[ev.Event] = [
        ev.CallStarted(run="a", step=1, block=1, call=n, prompt="p", model="m", batch=1) for n in range(10_000)
    ]
    calls += [ev.CallFinished(run="a", call=n, answer="x", model="m") for n in range(10_000)]
    many = [*events[:7], *calls]
    assert len(fold(many).steps[0].blocks[0].batches[0].calls) == 10_000


def test_a_tree_a_thousand_runs_deep_folds() -> None:
    events: list[ev.Event] = []
    for depth in range(1_000):
        run = f"r{depth}"
        events.append(ev.RunStarted(run=run, question="q", model="m", sub_model="m", contexts=[], budget={}, started=""))
        events.append(ev.StepStarted(run=run, step=1, messages=[]))
        events.append(ev.BlockStarted(run=run, step=1, block=1, code="x"))
        events.append(ev.ChildStarted(run=run, step=1, block=1, child=f"r{depth + 1}"))
    assert fold(events).steps[0].blocks[0].children[0].run == "r1"
