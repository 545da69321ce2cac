"""What blocks show, and how much of it is kept."""

from __future__ import annotations

import resource
import sys
from typing import Any

import pytest


def test_a_hundred_megabytes_of_output_cost_no_memory_and_the_size_is_told(bench: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = bench.run("line = 'x' * 999\nfor _ in range(100_000): print(line)\nFINAL(1)")
    part = run.steps[0].blocks[0].outputs
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kB
    assert sum(len(p.text) + p.cut for p in part) == 100_000_000
    assert run.path.stat().st_size < 100_000


def test_head_and_tail_of_long_output_are_kept_in_order(bench: Any) -> None:
    run = bench.run("for i in range(100_000): print(i)\nFINAL(1)")
    text = bench.shown_by(run)
    assert text.startswith("0\n1\n2\n")
    assert text.endswith("99998\n99999\n")


@pytest.mark.parametrize(
    "code",
    ["sys.stdout.close()", "sys.stdout = None", "import os; os.close(1); os.close(2)", "sys.stdout.flush(); sys.stderr.close()"],
)
def test_a_block_that_closes_stdout_harms_nobody(bench: Any, code: str, capfd: pytest.CaptureFixture[str]) -> None:
    run = bench.run(f"import sys\n{code}", "import sys\nFINAL(1)")
    assert run.answer == 1
    print("still here", flush=True)  # noqa: T201
    assert capfd.readouterr().out == "still here\n"


@pytest.mark.parametrize("size", [5_000, 60_000_000])
def test_of_much_that_child_processes_print_beginning_and_end_are_kept_and_the_rest_is_counted(bench: Any, size: int) -> None:
    run = bench.run(f"import os\nos.system('echo first; yes 0123456789 | head -c {size}; echo last')\nFINAL(1)", "FINAL(2)")
    text, outputs = bench.shown_by(run), run.steps[0].blocks[0].outputs
    assert (text[:6], text[-5:]) == ("first\n", "last\n")
    counted = len(text) + sum(part.cut for part in outputs)
    assert size / 2 < counted <= size + 100  # what comes in the very moment that the file is emptied is not counted
    assert run.path.stat().st_size < 100_000


def test_what_child_processes_print_is_the_blocks_output(bench: Any, capfd: pytest.CaptureFixture[str]) -> None:
    run = bench.run("import os, subprocess\nos.system('echo one')\nsubprocess.run(['echo', 'two'])\nFINAL(1)")
    assert "one\ntwo\n" in bench.shown_by(run)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "code",
    [
        "def f(): return f()\nf()",
        "class A:\n    def __getattr__(self, name): return getattr(self, name + 'x')\nA().y",
        "x = []\nfor _ in range(100_000): x = [x]\nrepr(x)",
        "import json\nx = []\nfor _ in range(100_000): x = [x]\njson.dumps(x)",
        "class R:\n    def __repr__(self): return repr(self)\nR()",
        "import copy\nx = []\nfor _ in range(10_000): x = [x]\ncopy.deepcopy(x)",
    ],
)
def test_endless_recursion_is_an_error_of_the_block(bench: Any, code: str) -> None:
    limit = sys.getrecursionlimit()
    run = bench.run(code, "FINAL(llm_query('x'))")
    assert run.answer == "re:x"
    assert len(bench.errors_of(run)) == 1
    assert sys.getrecursionlimit() == limit


def test_a_batch_with_failing_members_gives_the_others_and_the_errors(bench: Any) -> None:
    def answer(messages: Any) -> str:
        if messages[-1].content == "1":
            raise ValueError("no")
        return "ok"

    run = bench.run("r = llm_query_batched(['0', '1', '2'])\nFINAL([type(x).__name__ for x in r])", sub=answer)
    assert run.answer == ["str", "ModelError", "str"]
    assert [call.status for call in run.steps[0].blocks[0].calls] == ["answered", "failed", "answered"]


def test_a_failed_call_raises_in_the_block_and_raise_errors_does_for_a_batch(bench: Any) -> None:
    def answer(_messages: Any) -> str:
        raise ValueError("no")

    run = bench.run("llm_query('x')", "llm_query_batched(['x'], raise_errors=True)", "FINAL(1)", sub=answer)
    assert ["ValueError: no" in error for error in bench.errors_of(run)] == [True, True]
