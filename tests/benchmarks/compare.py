"""How long two large runs take to be aligned: 1,000 steps and 10,000 calls each, in four kinds of likeness.

`python tests/benchmarks/compare.py [STEPS]` prints one line a kind: what differs, the best of three with where they part and why,
the same with the whole page made of it, and what was found. Seconds are those of the processor: others' work does not count. The
codes are new to the process each time, so nothing is known beforehand.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from rlm_lab import compare
from rlm_lab.trajectory.tree import Batch, Block, Call, OutputPart, Step, Trajectory
from rlm_lab.views.comparison_page import comparison_page

CODES = (
    "part = text[{n}:{n} + 2000]\nprint(len(part), part[:200])",
    "found = [m for m in re.finditer('word{n}', text)]\nprint(len(found))",
    "answers = llm_query_batched([ask + piece for piece in pieces[{n}:{n} + 10]])\nprint(answers[:3])",
    "late = frame[frame['delay'] > {n}]\ncounts = late.groupby('carrier').size()\nprint(counts.sort_values().tail(3))",
    "assert len(answers) == {n}, 'some are missing'\nprint(all(answers))",
)


def run_of(name: str, numbers: list[tuple[int, int]]) -> Trajectory:
    """A run with a step of ten calls for each pair (which code, which number in it)."""
    steps = []
    for place, (code, number) in enumerate(numbers, 1):
        calls = tuple(
            Call(number=place * 10 + k, prompt=f"Item {number}.{k}: which?", model="m", batch=place, index=k, status="answered",
                 answer=f"{number * k % 7}")
            for k in range(10)
        )  # fmt: skip
        source = CODES[code].format(n=number)
        block = Block(
            number=1, code=source, calls=calls, batches=(Batch(number=place, size=10, calls=calls),),
            outputs=(OutputPart(kind="stdout", text=f"{number}\n"),), finished=True,
        )  # fmt: skip
        steps.append(Step(number=place, reply=f"I go on.\n```repl\n{source}\n```", blocks=(block,)))
    return Trajectory(run=name, status="done", question="?", contexts=({"name": "text"},), steps=tuple(steps))


def kinds(steps: int, salt: int) -> dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """Pairs of runs as what their steps do."""
    draw = random.Random(salt)
    base = [(draw.randrange(5), salt * 100_000 + k) for k in range(steps)]
    edited = [(code, number + 50_000 * (draw.random() < 0.2)) for code, number in base if draw.random() > 0.05]
    turned = base[steps // 2 :] + base[: steps // 2]
    other = [(draw.randrange(5), salt * 100_000 + 50_000 + k) for k in range(steps)]
    loop = [(k % 5, salt) for k in range(steps)]
    return {"a fifth edited": (base, edited), "halves turned": (base, turned), "all other": (base, other), "a loop": (loop, loop)}


def main(steps: int) -> None:
    best: dict[str, float] = {}
    whole: dict[str, float] = {}
    told: dict[str, str] = {}
    for salt in (1, 2, 3):
        for kind, (a, b) in kinds(steps, salt).items():
            runs = run_of("a", a), run_of("b", b)
            start = time.process_time()
            comparison = compare(*runs)
            pair = comparison.pair()
            best[kind] = min(best.get(kind, 1e9), time.process_time() - start)
            comparison_page(comparison)
            whole[kind] = min(whole.get(kind, 1e9), time.process_time() - start)
            told[kind] = ", ".join(f"{count} {name}" for name, count in Counter(row.kind for row in pair.rows).most_common())
    for kind, seconds in best.items():
        print(f"{steps} steps, {steps * 10} calls each, {kind}: {seconds:.2f} s, with a page {whole[kind]:.2f} s ({told[kind]})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000)
