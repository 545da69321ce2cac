"""What is measured: each case makes samples by metric and system, the systems taking turns so that a slow moment hits all.

Iterations and calls are timed by the clock of the block itself, first mark to last, in one run: the difference between a run
of 1 + K and a run of 1 without the noise of what surrounds a run (rlms ends each run by waiting for its socket server's poll of
0.5 s, which would hide K iterations). The difference of whole runs is kept beside it as `..._whole`.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import dialects
from processes import Launcher, Result, WarmWorker, finish
from stub import Stub

ITERATIONS = 20
QUERIES = 50
BATCH = 100
CALL_SECONDS = 0.1
TEXT_CHARACTERS = 400_000_000
IN_A_ROW = 6
"""Runs of one iteration that a system makes in its turn; the first finds the processor's caches full of another's work."""
SLOW_SECONDS = 12.0
"""A case whose fresh runs take longer is repeated only `SLOW_REPEATS` times, so that all ends in time."""
SLOW_REPEATS = 3
WARM_CASES = ("run", "iteration", "query", "batch", "batch_wide")
FRESH_CASES = ("import", "bare", "text_1", "text_5")
EXTRA_CASES = ("small_1",)


@dataclass(slots=True, kw_only=True)
class Samples:
    """Seconds or kilobytes by metric and system, and what could not be measured and why."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, metric: str, name: str, value: float) -> None:
        self.values[metric][name].append(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One run of the benchmark: the stub, how workers start, how often to repeat, and when all must be over."""

    stub: Stub
    launcher: Launcher
    names: tuple[str, ...]
    repeats: int
    deadline: float
    say: Callable[[str], None]
    samples: Samples = field(default_factory=Samples)

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def failed(self, name: str, case: str, result: Result) -> bool:
        """Whether `result` is no measurement; the reason is kept."""
        reason = result.get("skip") or result.get("error")
        if reason:
            self.samples.notes[f"{name}: {case}"] = str(reason).splitlines()[0]
        return bool(reason)


def warm(bench: Bench, cases: tuple[str, ...]) -> None:
    """All cases in processes that have run before: one round unmeasured, then `repeats` rounds."""
    chosen = [case for case in WARM_CASES if case in cases]
    if not chosen:
        return
    wide = "batch_wide" in chosen
    workers = _start_workers(bench, wide=wide)
    try:
        for number in range(bench.repeats + 1):
            bench.say(f"warm round {number} of {bench.repeats}")
            for case in chosen:
                for (name, is_wide), worker in list(workers.items()):
                    for turn in range(IN_A_ROW if case == "run" else 1):
                        if is_wide == (case == "batch_wide") and bench.left() > 0:
                            metric = "run_first" if case == "run" and turn == 0 else case
                            _warm_run(bench, worker, case=metric, name=name, keep=number > 0)
            bench.stub.script([])
            for _ in range(20):
                bench.samples.add("floor", "bare request", bench.stub.bare_request())
    finally:
        for worker in workers.values():
            worker.close()


def _start_workers(bench: Bench, *, wide: bool) -> dict[tuple[str, bool], WarmWorker]:
    """A worker for each system, and one with as many calls in flight as the batch has where a user can ask for that."""
    workers: dict[tuple[str, bool], WarmWorker] = {}
    wanted = [(name, False) for name in bench.names]
    wanted += [(name, True) for name in bench.names if wide and name in ("recursive-flow", "rlm_lab")]
    for name, is_wide in wanted:
        options = ("--concurrency", str(BATCH)) if is_wide else ()
        worker = WarmWorker(bench.launcher.start("serve", name, *options))
        if bench.failed(name, "start", worker.ready(min(60, bench.left()))):
            worker.close()
        else:
            workers[name, is_wide] = worker
    return workers


def _warm_run(bench: Bench, worker: WarmWorker, *, case: str, name: str, keep: bool) -> None:
    if f"{name}: {case}" in bench.samples.notes:
        return
    dialect = dialects.DIALECTS[name]
    replies = {
        "run": lambda: dialects.steps(dialect, 1),
        "run_first": lambda: dialects.steps(dialect, 1),
        "iteration": lambda: dialects.steps(dialect, 1 + ITERATIONS),
        "query": lambda: dialects.queries(dialect, QUERIES),
    }.get(case, lambda: dialects.batch(dialect, BATCH))()
    bench.stub.script(replies, sub_seconds=CALL_SECONDS if case.startswith("batch") else 0.0)
    result = worker.run(min(120, bench.left()))
    if not result.get("error"):
        result |= _as_number(result)
    if not bench.failed(name, case, result) and keep:
        _keep_warm(bench.samples, case, name, result)


def _as_number(result: Result) -> Result:
    try:
        return {"inside": float(result["answer"])}
    except ValueError:
        return {"error": f"answered {result['answer']!r:.80} instead of its seconds"}


def _keep_warm(samples: Samples, case: str, name: str, result: Result) -> None:
    if case in ("run", "run_first"):
        samples.add(case, name, result["seconds"])
        return
    parts = {"iteration": ITERATIONS, "query": QUERIES}.get(case, 1)
    samples.add(case, name, result["inside"] / parts)
    samples.add(f"{case}_run", name, result["seconds"])


def fresh(bench: Bench, cases: tuple[str, ...]) -> None:
    """Cases that need a new process for each sample."""
    for case in (*FRESH_CASES, *EXTRA_CASES):
        if case not in cases:
            continue
        if case == "import":
            for name in bench.names:
                _fresh_run(bench, case, name)  # Writes the bytecode; not kept.
        for number in range(1, bench.repeats + 1):
            bench.say(f"{case} {number} of {bench.repeats}")
            for name in bench.names:
                if bench.left() <= 0:
                    bench.samples.notes.setdefault(f"{name}: {case}", f"the time limit left {number - 1} repeats")
                elif f"{name}: {case}" not in bench.samples.notes and not _enough_of_slow(bench, case, name):
                    result = _fresh_run(bench, case, name)
                    if not bench.failed(name, case, result):
                        _keep_fresh(bench.samples, case, name, result)


def _enough_of_slow(bench: Bench, case: str, name: str) -> bool:
    taken = bench.samples.values[case].get(name, [])
    return len(taken) >= SLOW_REPEATS and statistics.median(taken) > SLOW_SECONDS


def _fresh_run(bench: Bench, case: str, name: str) -> Result:
    if case == "import":
        return finish(bench.launcher.start_import(name, dialects.DIALECTS[name].module), min(60, bench.left()))
    if case == "bare":
        return finish(bench.launcher.start("import", name), min(60, bench.left()))
    characters = TEXT_CHARACTERS if case.startswith("text") else 1_000
    bench.stub.script(dialects.memory(dialects.DIALECTS[name], int(case.rpartition("_")[2])))
    return finish(bench.launcher.start("fresh", name, "--characters", str(characters)), min(180, bench.left()))


def _keep_fresh(samples: Samples, case: str, name: str, result: Result) -> None:
    samples.add(case, name, result["seconds"] + result.get("import_seconds", 0.0))
    if "answer" not in result:
        if "peak_kb" in result:
            samples.add(f"{case}_peak", name, result["peak_kb"] * 1024)
        return
    samples.add(f"{case}_run", name, result["seconds"])
    process, peak_kb = result["answer"].split()
    other = 0 if int(process) == result["pid"] else int(peak_kb)
    samples.add(f"{case}_peak", name, (result["peak_kb"] + other) * 1024)
