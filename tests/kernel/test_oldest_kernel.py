"""The oldest ipykernel that the range allows: a run pauses inside a block, a cell changes a variable, the run goes on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def oldest() -> str:
    """The lowest version in our own requirement."""
    (wanted,) = (one for one in requires("rlm_lab") or [] if one.startswith("ipykernel"))
    found = re.search(r">=([\d.]+)", wanted)
    assert found
    return f"{found[1]}.0" if found[1].count(".") == 1 else found[1]


@pytest.fixture(scope="module")
def packages(oldest: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), f"ipykernel=={oldest}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        reason = f"ipykernel {oldest} cannot be fetched: {done.stderr[-200:]}"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    return folder


def test_a_run_pauses_and_goes_on_in_the_oldest_kernel(kernel: Any, oldest: str) -> None:
    assert kernel.run("import ipykernel\nipykernel.__version__").value == repr(oldest)
    replies = ["```repl\nn = 1\nsaid = llm_query('ready?')\nFINAL((n, said))\n```"]
    kernel.run(f"model = ScriptedModel({replies!r})\necho = ScriptedModel(lambda m: m[-1].content.upper(), name='echo')")
    cell = kernel.run("%%rlm -m model --sub-model echo -o answer --break \"'ready' in prompt\"\nHow many?")
    assert cell.region["text/plain"].startswith("Paused before the call in step 1, line 2")
    kernel.run("n = 99")
    assert "Done" in kernel.run("%rlm continue").region["text/plain"]
    assert kernel.run("answer").value == "(99, 'READY?')"


def test_an_interrupted_run_goes_on_in_the_oldest_kernel(kernel: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "here")
    reply = '```repl\nopen("here", "w").close()\nwhile not flag: pass\nFINAL(flag)\n```'
    kernel.run(f"flag = 0\nmodel = ScriptedModel([{reply!r}])")
    request = kernel.begin("%%rlm -m model -o answer\nHow many?")
    (tmp_path / "here").read_bytes()
    kernel.interrupt()
    assert kernel.end(request).reply["ename"] == "KeyboardInterrupt"
    kernel.run("flag = 7")
    kernel.run("%rlm continue")
    assert kernel.run("answer").value == "7"
