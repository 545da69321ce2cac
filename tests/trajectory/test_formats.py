"""Logs of other engines, produced by the engines themselves, become trajectories that say what they do not hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rlm_lab import load, load_all
from rlm_lab.trajectory.formats import FORMATS
from rlm_lab.trajectory.store import LogWarning

LOGS = Path(__file__).parent / "logs"
# format, file, answer, steps, calls, children, absent
ALL = (
    ("rlms", "rlms-0.1.3.jsonl", "forty-two", 5, 3, 1, {"tokens", "cost", "retries"}),
    ("rlms", "rlms-before-may-2026.jsonl", "forty-two", 3, 1, 0, {"tokens", "cost", "retries"}),
    ("dspy", "dspy-3.4.1-trajectory.json", "forty-two", 3, 0, 0, {"times", "tokens", "calls", "question", "model"}),
    ("recursive-flow", "recursive-flow-0.4.2", "ok", 3, 0, 0, {"times", "calls", "cost"}),
    ("fast-rlm", "fast-rlm-0.5.0.jsonl", "forty-two", 5, 0, 1, {"question", "model", "prompts", "contexts"}),
    ("predict-rlm", "predict-rlm-0.13.1.json", None, 4, 3, 0, {"question", "prompts", "contexts"}),
    ("rlm-code", "rlm-code-0.1.13.jsonl", "1", 2, 1, 1, {"prompts", "variables", "cost"}),
    ("droste", "droste-0.26.0.ndjson", "forty-two", 4, 3, 0, {"question", "prompts", "model", "cost"}),
    ("nano-rlm", "nano-rlm", "Part 1.", 2, 0, 1, {"cost", "variables", "contexts"}),
)


@pytest.mark.parametrize(("name", "file", "answer", "steps", "calls", "children", "absent"), ALL, ids=[row[1] for row in ALL])
def test_a_log_of_another_engine_is_found_by_its_content(tmp_path, name, file, answer, steps, calls, children, absent):
    copy = tmp_path / "a-name-that-says-nothing"
    (shutil.copytree if (LOGS / file).is_dir() else shutil.copy)(LOGS / file, copy)
    run = load(copy)
    blocks = [block for step in run.steps for block in step.blocks]
    assert (run.imported["format"], run.status, run.answer) == (name, "done", answer)
    assert (len(run.steps), sum(step.calls for step in run.steps)) == (steps, calls)
    assert sum(len(block.children) for block in blocks) == children
    assert run.absent >= absent
    assert any(block.error and block.error["type"] == "ZeroDivisionError" for block in blocks) or name in ("rlm-code", "nano-rlm")


def test_every_format_has_a_log_here():
    assert {row[0] for row in ALL} == {one.name for one in FORMATS}


def test_an_rlms_log_tells_question_context_batch_and_child():
    run = load(LOGS / "rlms-0.1.3.jsonl")
    child = run.steps[3].blocks[0].children[0]
    assert (run.question, run.model, run.contexts[0]["size"]) == ("What is the answer?", "stub-root", 90)
    assert [call.prompt for call in run.steps[2].blocks[0].batches[0].calls] == ["p1", "p2"]
    assert (child.question, child.answer, child.usage.prompt_tokens) == ("sub task", "child answer", 1453)
    assert [len(step.messages) for step in run.steps] == [3, 3, 3, 3, 3]
    assert run.steps[1].blocks[0].error["message"] == "division by zero"


def test_a_prompt_whose_last_word_was_replaced_is_told_from_there_on(tmp_path):
    """Until May 2026 the word of each turn was not kept in the history."""
    first, second = [{"role": "user", "content": "A"}, {"role": "user", "content": "turn 1"}], [{"role": "user", "content": "A"}]
    second += [{"role": "assistant", "content": "I look."}, {"role": "user", "content": "turn 2"}]
    lines = [{"type": "iteration", "iteration": n, "prompt": p, "code_blocks": []} for n, p in ((1, first), (2, second))]
    path = tmp_path / "old.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    told = [[message["content"] for message in step.messages] for step in load(path).steps]
    assert told == [["A", "turn 1"], ["I look.", "turn 2"]]


def test_the_times_of_an_rlms_log_add_up():
    run = load(LOGS / "rlms-0.1.3.jsonl")
    assert run.steps[3].seconds == pytest.approx(0.586, abs=0.02)
    assert run.steps[3].code_seconds == pytest.approx(0.583, abs=0.001)
    assert run.started.startswith("2026-11-21")


def test_a_child_agent_of_fast_rlm_stands_in_the_block_that_started_it():
    run = load(LOGS / "fast-rlm-0.5.0.jsonl")
    [child] = [child for step in run.steps for block in step.blocks for child in block.children]
    assert child.answer == "hi from child"
    assert [bool(step.blocks[0].children) for step in run.steps] == [False, False, False, True, False]
    assert run.usage.prompt_tokens == 19162


def test_predict_calls_are_calls_with_their_prompts_cost_and_errors():
    run = load(LOGS / "predict-rlm-0.13.1.json")
    first, _, last = run.steps[1].blocks[0].calls
    assert "text: some" in first.prompt
    assert (first.answer, first.model, first.cost) == ("sunny", "openai/stub-sub", 0.0001)
    assert last.error == "RateLimitError: too many"
    assert run.usage.cost == pytest.approx(0.0073)


def test_a_file_of_several_completions_holds_several_runs(tmp_path):
    lines = (LOGS / "rlms-0.1.3.jsonl").read_text().splitlines()
    path = tmp_path / "twice.jsonl"
    path.write_text("\n".join([*lines, *lines[1:]]) + "\n")
    assert [run.run for run in load_all(path)] == ["twice", "twice-2"]
    assert load(f"{path}#1").run == "twice"
    with pytest.warns(LogWarning, match="holds 2 runs"):
        assert load(path).run == "twice-2"


def test_a_folder_of_logs_gives_all_its_runs(tmp_path):
    shutil.copytree(LOGS, tmp_path / "logs")
    (tmp_path / "logs" / "package.json").write_text('{"name": "nothing", "steps": []}')
    (tmp_path / "logs" / "notes.txt").write_text("no log")
    assert {run.imported["format"] for run in load_all(tmp_path / "logs")} == {one.name for one in FORMATS}


def test_a_live_prediction_is_read_as_its_file_is():
    class Prediction(dict):
        trajectory = json.loads((LOGS / "dspy-3.4.1-trajectory.json").read_text())["trajectory"]

    run = load(Prediction(answer="EV", trajectory=Prediction.trajectory, final_reasoning=""))
    assert (run.answer, len(run.steps)) == ("EV", 3)


def test_child_agents_of_recursive_flow_are_nested_as_deep_as_they_ran(tmp_path):
    flow = pytest.importorskip("rflow")
    code = "r = await launch_subagents([{{'query': 'Level {}', 'inputs': {{'part': p}}}} for p in ('a', 'b')])\ndone(str(r))"

    end = "done(INPUTS['part'])"

    class Scripted(flow.LLMClient):
        model = "scripted"

        def chat(self, messages, **_):
            level = next(number for number in (0, 1, 2) if f'"Level {number}"' in str(messages))
            return f"```repl\n{code.format(level + 1) if level < 2 else end}\n```"

    engine = flow.Flow(Scripted(), max_iters=3, max_depth=3)
    engine.run("Level 0", {"context": "x"})
    engine.graph.save(tmp_path / "run")
    engine.close()
    children = [block.children for step in load(tmp_path / "run").steps for block in step.blocks]
    assert [child.question for child in children[0]] == ["Level 1", "Level 1"]
    assert [grand.answer for child in children[0] for grand in child.steps[0].blocks[0].children] == ["a", "b", "a", "b"]
