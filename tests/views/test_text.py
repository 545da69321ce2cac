"""Runs as plain text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_lab.trajectory.fold import Step, Trajectory
from rlm_lab.views.progress import Progress
from rlm_lab.views.text import live_text, summary_text, to_text

Make = Callable[..., Trajectory]


def test_the_short_form_is_answer_steps_and_spending(finished: Trajectory) -> None:
    lines = summary_text(finished).splitlines()
    assert lines[0] == "ExpressJet (EV), with 2,443 departures"
    assert lines[3].split() == ["1", "look", "(336776,", "19)", "2.2", "s"]
    assert lines[-1] == "Done · 2 steps · 1 call · 14.2 k tokens · 0.041 USD · 0:15"


def test_the_whole_form_shows_reasoning_code_and_output(finished: Trajectory) -> None:
    text = to_text(finished)
    places = [
        text.index(part)
        for part in ("Which carrier", "ExpressJet", "Done", "I look.", "1 │ print(flights.shape)", "> (336776, 19)")
    ]
    assert places == sorted(places)


def test_no_line_of_the_whole_form_is_wider_than_asked(run_of: Make) -> None:
    run = run_of("Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk" * 10)
    long = [line for line in to_text(run, 88).splitlines() if len(line) > 88]
    assert long == []


def test_a_long_run_is_cut_in_the_middle(finished: Trajectory) -> None:
    steps = tuple(Step(number=number, reply="x") for number in range(1, 501))
    text = summary_text(dataclasses.replace(finished, steps=steps))
    assert "440 steps left out here" in text
    assert len(text.splitlines()) < 80


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=()) | st.sampled_from("\x1b[]\x07\x9b\r")))
def test_no_text_of_a_run_reaches_the_terminal_as_a_command(run_of: Make, text: str) -> None:
    run = run_of(text)
    for shown in (to_text(run), summary_text(run), live_text(Progress(run="a", status="done", doing=text))):
        assert not set(shown) & {"\x1b", "\x07", "\x9b", "\r", "\x00", "\u202e", "\ud800"}
        shown.encode("utf-8")


def test_the_live_line_says_what_it_does_and_what_it_took() -> None:
    line = live_text(
        Progress(run="a", step=3, doing="waiting for gpt-4.1", calls_done=1, calls_total=4, tokens=900, cost=0.02, seconds=61)
    )
    assert line == "Running, step 3 · waiting for gpt-4.1 · 1 of 4 calls · 900 tokens · 0.020 USD · 1:01"
