"""What it costs to be able to stop: a call that meets no gate, the switch out of its block and back in included.

    python tests/benchmarks/gates.py --json gates.json

prints medians in microseconds and writes every sample. `bare` switches a greenlet and swaps nothing; `plain` and `shell` swap all
that is around a block, outside of and inside IPython, and come to an open gate; `gate` is the open gate alone; `watched` is as
`shell` while a breakpoint is set that does not close; `llm_query` a whole call in a run, on a model that answers at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from rlm_lab import Budget, ScriptedModel, Settings
from rlm_lab.engine.coroutine import Coroutine
from rlm_lab.engine.host import PlainHost
from rlm_lab.engine.task import Task
from rlm_lab.kernel.ask import Inquiry, prepare
from rlm_lab.kernel.shell import ShellHost

CALLS = 2_000
MOST = 50.0  # microseconds that a call which meets no gate may take


class NoSwaps:
    """Nothing is around the block."""

    def enter(self) -> None: ...
    def leave(self) -> None: ...
    def bind(self, coroutine: object) -> None: ...


def task_of(host: Any, breakpoints: tuple[str, ...], folder: Path) -> Task:
    """A run that has not begun, for its gates and its surroundings."""
    inquiry = Inquiry(question="?", model=ScriptedModel([]), settings=Settings(runs=folder), breakpoints=breakpoints)
    return prepare(inquiry, host=host)._task


def switches(swapper: Any, gate: Callable[[], None]) -> float:
    """Seconds of one switch out of a block, a gate, and the switch back in."""

    def block() -> None:
        for _ in range(CALLS):
            coroutine.suspend(None)

    coroutine = Coroutine(block, swapper)
    coroutine.enter()
    began = time.perf_counter()
    for _ in range(CALLS - 1):
        gate()
        coroutine.enter()
    seconds = time.perf_counter() - began
    coroutine.enter()
    return seconds / (CALLS - 1)


def gate_of(task: Task) -> Callable[[], None]:
    """Comes to the gate of a call as a block does; what the hub would do is part of it."""
    execution, gates = task._execution, task._engine.gates

    def come() -> None:
        life = execution.gate("call", prompt="x", prompts=("x",), batch=1, model=None, line=1)
        for gate in life:
            assert gates.closes(gate) is None

    return come


def alone(gate: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        gate()
    return (time.perf_counter() - began) / CALLS


def whole_call(folder: Path) -> float:
    """Seconds of one `llm_query` in a run."""
    loop = f"for _ in range({CALLS}): llm_query('x')"
    code = f"import time\nbegan = time.perf_counter()\n{loop}\nFINAL((time.perf_counter() - began) / {CALLS})"
    root, sub = ScriptedModel([f"```repl\n{code}\n```"]), ScriptedModel(lambda _: "y")
    run = prepare(Inquiry(question="?", model=root, sub_model=sub, settings=Settings(runs=folder), budget=Budget(calls=None)))
    run.start()
    return float(run.answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shell = ShellHost(InteractiveShell.instance())
        plain_task, shell_task = task_of(PlainHost(), (), folder), task_of(shell, (), folder)
        watched_task = task_of(shell, ("calls > 1_000_000",), folder)
        cases: dict[str, Callable[[], float]] = {
            "bare": lambda: switches(NoSwaps(), lambda: None),
            "plain": lambda: switches(plain_task._space.surroundings, gate_of(plain_task)),
            "shell": lambda: switches(shell_task._space.surroundings, gate_of(shell_task)),
            "watched": lambda: switches(watched_task._space.surroundings, gate_of(watched_task)),
            "gate": lambda: alone(gate_of(shell_task)),
            "llm_query": lambda: whole_call(folder),
        }
        samples = {case: [measure() * 1e6 for _ in range(options.repeats)] for case, measure in cases.items()}
    for case, taken in samples.items():
        print(f"{case:10} {statistics.median(taken):8.2f} microseconds (of {len(taken)}: {min(taken):.2f} to {max(taken):.2f})")
    within = statistics.median(samples["shell"]) <= MOST
    print(f"A call that meets no gate takes {'at most' if within else 'MORE THAN'} {MOST:g} microseconds.")
    if options.json:
        options.json.write_text(json.dumps(samples), encoding="utf-8")


if __name__ == "__main__":
    main()
