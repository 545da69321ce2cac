"""How long it takes to list folders of 1,000 and 10,000 runs, as `%rlm runs`, `rlm-lab runs`, the dashboard and the server do.

    python tests/benchmarks/listing.py [--runs 1000 10000] [--kilobytes 40]

Each log has a head, a body of the size that is given, and an end; the folder is listed once to warm the disk's cache, then timed.
Nothing is left behind.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlm_lab.dashboard.shelf import Shelf
from rlm_lab.kernel.stored import runs_table
from rlm_lab.trajectory import events as ev
from rlm_lab.trajectory.lines import to_line
from rlm_lab.trajectory.store import list_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--kilobytes", type=int, default=40, help="of each log")
    options = parser.parse_args()
    print("| runs | list_runs | runs_table | Shelf, first look | Shelf, next look |\n|---|---|---|---|---|")
    for count in options.runs:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), count, options.kilobytes)
            print(f"| {count:,} | " + " | ".join(f"{took:.2f} s" for took in measured(Path(folder))) + " |", flush=True)


def measured(folder: Path) -> list[float]:
    list_runs(folder)
    shelf = Shelf(folders=[folder])
    looks = (lambda: list_runs(folder), lambda: runs_table(folder), lambda: shelf.look({}), lambda: shelf.look({}))
    return [seconds(look) for look in looks]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make(folder: Path, count: int, kilobytes: int) -> None:
    """Logs of one step each, with an output that fills them."""
    start = ev.RunStarted(
        run="", question="Which carrier was late most often, and by how much?", model="gpt-4.1", sub_model="gpt-4.1-nano",
        contexts=[{"name": "flights", "kind": "frame", "type": "DataFrame", "size": 336_776, "unit": "rows", "preview": "x" * 800}],
        budget={"steps": 20}, started="",
    )  # fmt: skip
    body = b"".join(
        to_line(event)
        for event in (
            ev.StepStarted(run="r", step=1, messages=[{"role": "user", "content": "y" * 2_000}]),
            ev.BlockStarted(run="r", step=1, block=1, code="print(1)"),
            *(ev.Output(run="r", step=1, block=1, kind="stdout", text="z" * 1_000) for _ in range(max(kilobytes - 4, 1))),
        )
    )
    end = {"status": "done", "answer": "EV", "answer_text": "EV", "seconds": 12.5, "usage": {"steps": 1, "calls": 0, "cost": 0.01}}
    for number in range(count):
        name = f"r{number:06}"
        head = to_line(dataclasses.replace(start, run=name, started=f"2026-11-{number % 28 + 1:02}T10:00:00"))
        (folder / f"{name}.rlm.jsonl").write_bytes(head + body + to_line(ev.RunFinished(run=name, **end)))


if __name__ == "__main__":
    main()
