"""Runs that are played from a cassette: the code runs for real, no model is asked."""

from __future__ import annotations

import pytest

from rlm_lab import ScriptedModel, ask
from rlm_lab.errors import UsageError


def test_a_recorded_run_plays_without_its_models(asked, tmp_path):
    tape = tmp_path / "run.jsonl"
    first = asked("print(n)", "FINAL(llm_query_batched(['a', 'b']) + [n])", context={"n": 3}, record=tape)
    played = ask("What is it?", context={"n": 3}, replay=tape, namespace={})
    assert played.answer == first.answer == ["A", "B", 3]
    assert played.trajectory.cassette["model"].startswith("scripted")


def test_a_played_run_that_asks_something_else_shows_the_difference(asked, tmp_path):
    tape = tmp_path / "run.jsonl"
    asked("FINAL(llm_query(f'number {n}'))", context={"n": 3}, record=tape)
    played = ask("What is it?", context={"n": 4}, replay=tape, namespace={})
    assert played.status == "failed"
    assert "differ" in str(played.error)


def test_a_run_cannot_be_recorded_and_played_at_once(tmp_path):
    with pytest.raises(UsageError, match="not both"):
        ask("What?", model=ScriptedModel([]), record=tmp_path / "a", replay=tmp_path / "b")
