"""How long it takes to lint a run of 1,000 steps and 10,000 calls, and to tell where its answer came from.

`python tests/benchmarks/reading.py [STEPS] [CALLS_PER_STEP]` prints seconds, and those of the processor, since others may use it.
"""

from __future__ import annotations

import sys
import time

from rlm_lab.analysis.lints import lints_of
from rlm_lab.analysis.provenance import origin_of
from rlm_lab.trajectory.tree import Batch, Block, Call, OutputPart, Step, Trajectory

CODE = """\
part{n} = [book[i:i + 200] for i in range({n} * 2000, {n} * 2000 + 2000, 200)]
answers{n} = llm_query_batched([f"What is this?\\n{{piece}}" for piece in part{n}])
for answer in answers{n}:
    if "yes" in answer:
        found.append(answer)
    else:
        total = total + len(answer)
print(len(found), total)
"""
BOOK = " ".join(f"w{number:06}" for number in range(260_000))


def long_run(steps: int, calls: int) -> Trajectory:
    """A run that asks about piece after piece, each step building on all before."""
    first = Block(number=1, code="found = []\ntotal = 0", finished=True)
    made = [Step(number=1, reply="", blocks=(first,)), *(step(number, calls) for number in range(2, steps))]
    made.append(Step(number=steps, reply="", blocks=(Block(number=1, code="FINAL(found[:3] + [total])", finished=True),)))
    contexts = ({"name": "book", "kind": "text", "size": len(BOOK), "unit": "characters", "preview": BOOK[:200]},)
    return Trajectory(run="long", status="done", answer_text="it is so", contexts=contexts, steps=tuple(made))


def step(number: int, calls: int) -> Step:
    begin, first = number * 2_000, number * calls
    prompts = [f"What is this?\n{BOOK[begin + at * 200 : begin + at * 200 + 200]}" for at in range(calls)]
    asked = {"model": "m", "line": 2, "batch": number, "status": "answered"}
    made = tuple(Call(number=first + at, prompt=text, index=at, answer=f"yes {at}", **asked) for at, text in enumerate(prompts))
    block = Block(
        number=1,
        code=CODE.format(n=number),
        finished=True,
        calls=made,
        batches=(Batch(number=number, size=calls, line=2, calls=made),),
        outputs=(OutputPart(kind="stdout", text=f"{number} {number * 7}\n"),),
    )
    return Step(number=number, reply="", blocks=(block,))


def main() -> None:
    steps, calls = (int(word) for word in (sys.argv[1:] + ["1000", "10"][len(sys.argv) - 1 :])[:2])
    run = long_run(steps, calls)
    for name, work in (
        ("lints_of", lambda: lints_of(run)),
        ("lints_of, with the data", lambda: lints_of(run, {"book": BOOK})),
        ("origin_of", lambda: origin_of(run)),
        ("origin_of, with the data", lambda: origin_of(run, {"book": BOOK})),
    ):
        began, spent = time.perf_counter(), time.process_time()
        found = work()
        told = len(found) if isinstance(found, tuple) else f"{len(found.nodes):,} nodes, {len(found.links):,} links"
        seconds, own = time.perf_counter() - began, time.process_time() - spent
        print(f"{name:<26}{seconds:6.2f} s, of the processor {own:5.2f} s   {told}")


if __name__ == "__main__":
    main()
