"""The Compare page's Python: it reads what a page may say, files from folders, and bears what nobody should say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import rlm_lab
from rlm_lab.dashboard.comparing import MOST, Comparer
from rlm_lab.dashboard.desk import Desk


@pytest.fixture
def told(tmp_path, asked):
    """Says these messages to a page's Python; gives what it sent, as many as are awaited."""
    runs = [asked("print(1)", f"FINAL({number})", settings=rlm_lab.Settings(runs=tmp_path)) for number in (1, 2, 3)]

    def telling(*messages: Any, awaited: int = 1) -> list[dict[str, Any]]:
        async def page() -> list[dict[str, Any]]:
            sent: asyncio.Queue[str] = asyncio.Queue()
            comparer = Comparer(Desk(tmp_path, kernel=False), sent.put_nowait)
            for message in messages[:-awaited]:
                comparer.hear(message)
            found = []
            for message in messages[-awaited:]:
                comparer.hear(message)
                found.append(json.loads(await asyncio.wait_for(sent.get(), 60)))
            return found

        return asyncio.run(page())

    telling.ids = [run.id for run in runs]  # type: ignore[attr-defined]
    return telling


def test_runs_are_sent_with_their_first_pair_and_links(told):
    (message,) = told({"compare": told.ids})
    assert [run["link"] for run in message["runs"]] == told.ids
    assert list(message["pairs"]) == ["0-1"]
    assert sorted(message["steps"]) == ["0", "1"]


def test_another_pair_comes_when_it_is_asked_for(told):
    _, message = told({"compare": told.ids}, {"pair": [0, 2]}, awaited=2)
    assert (message["kind"], list(message["pairs"]), sorted(message["steps"])) == ("pair", ["0-2"], ["0", "2"])


def test_a_run_that_is_gone_is_told_and_the_others_are_shown(told):
    (message,) = told({"compare": [told.ids[0], "../secret", told.ids[1]]})
    assert message["text"] == "There is no run ../secret any more."
    assert len(message["runs"]) == 2


def test_a_file_that_is_no_log_is_told_in_a_line(told, tmp_path):
    Path(tmp_path / "bad.rlm.jsonl").write_text("{}\n", encoding="utf-8")
    (message,) = told({"compare": [told.ids[0], "bad"]})
    assert message["kind"] == "trouble"
    assert "bad.rlm.jsonl" in message["text"]


def test_what_nobody_should_say_is_passed_over(told):
    wrong = [None, 3, [], {}, {"compare": "x"}, {"pair": [0]}, {"pair": [True, False]}, {"pair": [0, 1]}, {"pair": ["0", "1"]}]
    (message,) = told(*wrong, {"compare": [*told.ids[:2], *["x"] * (2 * MOST)]})
    assert message["kind"] == "comparison"
