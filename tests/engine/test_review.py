"""Defects that a cold review found, each with the run that showed it."""

from __future__ import annotations


def test_a_context_that_is_called_context_is_not_said_to_be_bound_anew(asked):
    run = asked("context[:2]", "FINAL(len(context))", context="tomato")
    assert (run.answer, run.trajectory.flags) == (6, ())
    assert "anew" not in run.steps[1].messages[-1]["content"]
