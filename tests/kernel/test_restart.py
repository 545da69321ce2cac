"""A kernel is killed in the middle of a run, and the next one takes the run up."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

LOOP = "seen = []\nfor n in range(9):\n    seen.append(llm_query(f'q{n}'))\n    reached(n)"
SETUP = f"""
import os
from rlm_lab import ScriptedModel

def reached(n):
    if n == 4 and os.path.exists("here"):
        open("here", "w").close()
        while True:
            pass

replies = ["```repl\\n" + code + "\\n```" for code in ({LOOP!r}, "FINAL(seen)")]
"""
MODELS = """
root = ScriptedModel({replies}, name="root")
echo = ScriptedModel(lambda messages: messages[-1].content.upper(), name="echo")
"""


@pytest.fixture
def restarted(kernel: Any, tmp_path: Path) -> Any:
    """A fresh kernel, in the folder where the one before was killed while a block computed after its fifth call."""
    os.mkfifo(tmp_path / "here")
    kernel.run(SETUP + MODELS.format(replies="replies"))
    kernel.begin("%%rlm -m root --sub-model echo -o answer\nWhat was seen?")
    (tmp_path / "here").read_bytes()
    kernel.manager.signal_kernel(signal.SIGKILL)
    (tmp_path / "here").unlink()
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    kernel.run(f"import os\nos.chdir({str(tmp_path)!r})\n%load_ext rlm_lab\n{SETUP}{MODELS.format(replies='replies[1:]')}")
    return kernel


def test_a_run_of_a_killed_kernel_is_taken_up_by_the_next_one(restarted: Any, tmp_path: Path) -> None:
    (log,) = (tmp_path / ".rlm" / "runs").glob("*.rlm.jsonl")
    assert json.loads(log.read_text().splitlines()[-1])["type"] == "call_finished"
    assert "Interrupted" in restarted.run("%rlm runs").region["text/plain"]
    shown = restarted.run(f"%rlm resume {log.name.split('.')[0]} --model root --sub-model echo").region["text/plain"]
    assert shown.startswith("Paused where its record ends, in step 1, line 3")
    assert restarted.run("seen, len(root.requests)").value == "(['Q0', 'Q1', 'Q2', 'Q3', 'Q4'], 0)"
    assert "Done" in restarted.run("%rlm continue").region["text/plain"]
    assert restarted.run("seen[-1], len(echo.requests)").value == "('Q8', 4)"
