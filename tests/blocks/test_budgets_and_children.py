"""Budgets of a whole tree, and child runs beside each other."""

# ruff: noqa: E501 - a block of code is a line of a test

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlm_lab import Budget, ScriptedModel, load
from rlm_lab.models.base import Reply, Usage
from rlm_lab.trajectory.store import read

LAST = "FINAL(last word)"


@pytest.mark.parametrize(
    ("limit", "budget", "code"),
    [
        ("calls", Budget(calls=3), "for i in range(10): llm_query('x')"),
        ("calls", Budget(calls=3), "llm_query_batched(['x'] * 3)\nllm_query('x')"),
        ("tokens", Budget(tokens=3_000), "for i in range(50): llm_query('x ' * 400)"),
        ("cost", Budget(cost=0.05), "for i in range(50): llm_query('x')"),
        ("seconds", Budget(seconds=0.3), "while True: pass"),
        ("steps", Budget(steps=2), "1"),
    ],
)  # fmt: skip
def test_each_limit_ends_the_run_with_its_name_and_one_last_question(bench: Any, limit: str, budget: Budget, code: str) -> None:
    asked: list[str] = []

    def reply(messages: Any) -> str:
        asked.append(messages[-1].content)
        return (
            LAST
            if "limit" in asked[-1]
            and len(asked) > 1
            and "ask for fewer" not in asked[-1].split("\n")[0]
            and "best answer" in asked[-1]
            else f"```repl\n{code}\n```"
        )

    def costly(_messages: Any) -> Reply:
        return Reply(text="y", model="sub", usage=Usage(prompt_tokens=200, completion_tokens=1, cost=0.01))

    run = bench.run(model=ScriptedModel(reply), sub=costly, budget=budget)
    assert (run.status, run.limit, run.answer) == ("out_of_budget", limit, "last word")
    assert sum("best answer" in text for text in asked) == 1
    assert load(run.path).limit == limit


def test_a_batch_that_does_not_fit_sends_nothing(bench: Any) -> None:
    run = bench.run("llm_query_batched(['x'] * 10)", "FINAL(llm_query('y'))", budget=Budget(calls=5))
    assert (run.status, run.answer, run.usage.calls) == ("done", "re:y", 1)


def test_children_share_the_ledger_of_their_root(bench: Any) -> None:
    model = bench.family(
        "FINAL([str(x) for x in rlm_query_batched(['child'] * 4, contexts=[1] * 4)])", "for _ in range(10): llm_query('x')"
    )
    run = bench.run(model=model, budget=Budget(calls=12, steps=3))
    assert run.usage.calls == 12


def test_siblings_that_wait_overlap(bench: Any) -> None:
    model = bench.family(
        "FINAL(rlm_query_batched(['child'] * 8, contexts=list(range(8))))", "FINAL([llm_query(f'{context}-{i}') for i in range(5)])"
    )
    run = bench.run(model=model, sub=ScriptedModel(lambda m: m[-1].content, latency=0.02))
    spans = [(child.started_t, child.ended_t) for child in _children(run)]
    assert len(spans) == 8
    assert max(start for start, _ in spans) < min(end for _, end in spans)


def test_a_childs_events_nest_in_the_block_that_asked(bench: Any) -> None:
    model = bench.family("x = rlm_query('child', context='c')\nFINAL(x)", "FINAL(llm_query(context))")
    run = bench.run(model=model)
    block = load(run.path).steps[0].blocks[0]
    assert [child.run for child in block.children] == [f"{run.id}.1"]
    assert [call.prompt for call in block.children[0].steps[0].blocks[0].calls] == ["c"]
    assert run.answer == "re:c"


def test_at_the_depth_limit_a_child_run_is_a_plain_call(bench: Any) -> None:
    run = bench.run("FINAL([rlm_query('q', context='c'), *rlm_query_batched(['a', 'b'])])", budget=Budget(depth=0))
    assert run.answer == ["re:q\n\nc", "re:a", "re:b"]
    assert run.usage.calls == 3


def test_a_child_that_fails_is_an_error_in_its_parents_list(bench: Any) -> None:
    def reply(messages: Any) -> str:
        if "What is it?" in messages[1].content:
            return "```repl\nr = rlm_query_batched(['bad', 'good'], contexts=[1, 2])\nFINAL([type(r[0]).__name__, r[1]])\n```"
        if "bad" in messages[1].content:
            raise ValueError("no")
        return "```repl\nFINAL('fine')\n```"

    assert bench.run(model=ScriptedModel(reply)).answer == ["ModelError", "fine"]


@pytest.mark.parametrize("where", ["call", "reply", "block"])
def test_the_log_of_a_process_killed_in_mid_run_holds_every_event_and_loads(where: str, tmp_path: Path) -> None:
    block = {
        "block": "print('shown'); llm_query('a'); os.kill(os.getpid(), 9)",
        "call": "print('shown'); llm_query('die')",
        "reply": "print('shown')",
    }[where]
    program = (
        "import os\nfrom pathlib import Path\nfrom rlm_lab import ScriptedModel, Settings, ask\nsteps = []\n"
        "def die(m):\n    if 'die' in m[-1].content: os.kill(os.getpid(), 9)\n    return 'y'\n"
        f"def root(m):\n    steps.append(1)\n    if len(steps) > 1: os.kill(os.getpid(), 9)\n    return '```repl\\n' + {('import os; ' + block)!r} + '\\n```'\n"
        f"ask('q', model=ScriptedModel(root), sub_model=ScriptedModel(die), namespace={{}}, settings=Settings(runs=Path({str(tmp_path)!r})))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    (path,) = tmp_path.iterdir()
    log = load(path)
    assert log.status == "interrupted"
    assert [event.seq for event in read(path)] == list(range(len(read(path))))
    last = {"call": "call_started", "block": "call_finished", "reply": "step_started"}[where]
    assert last in [event.type for event in read(path)][-2:]
    assert os.path.getsize(path) > 0


class _Span:
    def __init__(self, child: str, events: list[Any]) -> None:
        mine = [event.t for event in events if event.run == child]
        self.started_t, self.ended_t = min(mine), max(mine)


def _children(run: Any) -> list[_Span]:
    events = read(run.path)
    return [_Span(event.child, events) for event in events if event.type == "child_started"]
