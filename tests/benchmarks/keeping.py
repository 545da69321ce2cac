"""What it costs to be able to go back: time and memory of a step, beside large data, and the time to go back.

    python tests/benchmarks/keeping.py [--steps 50]

A namespace of a 400 MB text, a frame of a million rows and 200 small objects; each step changes ten of them and one cell of the
frame. Printed are medians of a step, the growth of memory over all steps, and the time of a restore and a fork.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd

from rlm_lab.engine.keeping import Kept


def namespace() -> dict[str, Any]:
    makers = [
        lambda i: [i] * 20,
        lambda i: {n: str(n) for n in range(10)},
        lambda i: {1, 2, i},
        lambda i: (1, [2, i]),
        lambda i: f"text {i}",
    ]
    small = {f"v{i}": makers[i % len(makers)](i) for i in range(200)}
    frame = pd.DataFrame(np.random.default_rng(1).random((1_000_000, 6)), columns=list("abcdef"))
    frame["name"] = pd.Series(["a", "b"] * 500_000, dtype="str")
    return {"text": "x" * 400_000_000, "frame": frame, "alias": small["v0"], **small}


def change(space: dict[str, Any], step: int) -> None:
    for i in range(0, 50, 5):
        space[f"v{i}"].append(step)
    space["frame"]["c"] = step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    steps = parser.parse_args().steps
    space, kept, times = namespace(), [], []
    for step in range(steps):
        change(space, step)
        began = time.perf_counter()
        kept.append(Kept.take(space, kept[-1] if kept else None))
        times.append(time.perf_counter() - began)
    restores = [timed(moment.restore) for moment in kept[:7]]
    forks = [timed(lambda moment=moment: moment.fork({}, {})) for moment in kept[:7]]
    print(f"a step       {1e3 * statistics.median(times):6.2f} ms   (goal 5 ms)")
    print(f"memory       {memory(steps):6.1f} kB a step   (goal 50 kB)")
    print(f"restore      {1e3 * statistics.median(restores):6.2f} ms   (goal 5 ms)")
    print(f"fork         {1e3 * statistics.median(forks):6.2f} ms")


def timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def memory(steps: int) -> float:
    """Kilobytes a step that keeping adds, in a namespace that nobody changes meanwhile but for its small objects."""
    space = namespace()
    tracemalloc.start()
    kept = [Kept.take(space)]
    before = tracemalloc.get_traced_memory()[0]
    for step in range(steps):
        for i in range(0, 50, 5):
            space[f"v{i}"] = [*space[f"v{i}"][:20], step]
        kept.append(Kept.take(space, kept[-1]))
    return (tracemalloc.get_traced_memory()[0] - before) / steps / 1e3


if __name__ == "__main__":
    main()
