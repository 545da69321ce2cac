"""A run as a log of the official `rlms`, and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from rlm_lab import load
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.formats.rlms_export import write
from rlm_lab.trajectory.tree import Trajectory

LOGS = Path(__file__).parent / "logs"


@pytest.fixture
def film(films) -> Trajectory:
    """A run over mails: a batch of 41 calls, a child run, an edit, an answer."""
    return fold(films.mails("done"))


def facts(run: Trajectory) -> list[object]:
    """What both formats hold of a run."""
    steps = [
        (
            [dict(message) for message in step.messages], step.reply, step.prompt_tokens, step.cost,
            [
                (
                    block.code, "".join(part.text for part in block.outputs), block.error and block.error.get("type"),
                    sorted((one.prompt, one.answer, one.error, one.prompt_tokens, one.line, one.index) for one in block.calls),
                    [batch.size for batch in block.batches if not batch.children], [facts(child) for child in block.children],
                )
                for block in step.blocks
            ],
        )
        for step in run.steps
    ]  # fmt: skip
    return [run.question, run.model, run.status, run.answer, [dict(one) for one in run.contexts], steps]


def test_a_run_comes_back_from_a_log_of_rlms_as_it_was(film, tmp_path):
    back = load(write(film, tmp_path / "mails.jsonl"))
    assert facts(back) == facts(film)
    assert back.usage.prompt_tokens == film.usage.prompt_tokens
    assert back.usage.cost == pytest.approx(film.usage.cost)
    assert back.imported["format"] == "rlms"


@pytest.mark.parametrize("file", ["rlms-0.1.3.jsonl", "dspy-3.4.1-trajectory.json", "droste-0.26.0.ndjson"])
def test_a_run_of_another_engine_can_be_written_too(tmp_path, file):
    run = load(LOGS / file)
    back = load(write(run, tmp_path / "back.jsonl"))
    assert (back.answer, back.status, len(back.steps)) == (run.answer, run.status, len(run.steps))
    assert [step.reply for step in back.steps] == [step.reply for step in run.steps]
    assert "tokens" in back.absent or "tokens" not in run.absent


def test_the_official_package_reads_what_was_written(film, tmp_path):
    types = pytest.importorskip("rlm.core.types")
    first, *rest = [json.loads(line) for line in write(film, tmp_path / "mails.jsonl").read_text().splitlines()]
    assert first["type"] == "metadata"
    known = {field.name for field in dataclasses.fields(types.RLMMetadata)}
    assert known <= first.keys()
    assert all({"type", "prompt", "response", "code_blocks", "final_answer"} <= line.keys() for line in rest)
    calls = [call for line in rest for block in line["code_blocks"] for call in block["result"]["rlm_calls"]]
    assert all(types.RLMChatCompletion.from_dict(call).response is not None for call in calls)
    assert rest[-1]["final_answer"]


def test_a_place_that_cannot_be_written_is_told(film):
    with pytest.raises(UsageError, match="The log cannot be written to /proc/nowhere"):
        write(film, "/proc/nowhere/a.jsonl")
