"""Trajectories of every kind, to be shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rlm_lab.trajectory.fold import Batch, Block, Call, Flag, OutputPart, Pause, Step, Trajectory, Usage

Make = Callable[..., Trajectory]


def run_of(text: str, status: str = "done") -> Trajectory:
    """A run in which every text is this one."""
    calls = (
        Call(number=1, prompt=text, model=text, line=1, status="answered", answer=text, seconds=1.2, retries=1),
        Call(number=2, prompt=text, model=text, batch=1, index=0, status="failed", error=text, kind=text),
        Call(number=3, prompt=text, model=text, batch=1, index=1),
    )
    child = Trajectory(run=text, status=text, question=text, error=text, steps=(Step(number=1, reply=text),), line=1)
    block = Block(
        number=1,
        code=text,
        outputs=(
            OutputPart(kind="stdout", text=text),
            OutputPart(kind="display", text=text, cut=46_310, data={"text/html": text, "image/png": text, text: text}),
        ),
        calls=calls,
        batches=(Batch(number=1, size=5, line=1, calls=calls[1:]),),
        children=(child,),
        error={"type": text, "message": text, "line": 1, "traceback": text},
        variables={"added": {text: {"type": text, "size": 1, "repr": text}}, "changed": text, "removed": [text]},
    )
    step = Step(number=1, reply=text, model=text, blocks=(block,), flags=(Flag(step=1, flag=text, message=text),), cost=0.1)
    return Trajectory(
        run=text,
        status=status,
        question=text,
        model=text,
        contexts=({"name": text, "type": text, "size": text, "unit": text},),
        budget={"cost": text, text: text},
        started=text,
        cassette={"model": text, "recorded": text},
        answer_text=text,
        answer_type=text,
        limit=text,
        error=text,
        steps=(step, Step(number=2, reply_error=text, dropped=3)),
        usage=Usage(steps=2, calls=3, prompt_tokens=14_200, cost=0.041, seconds=15),
        pauses=(Pause(reason=text, step=1, line=1),),
    )


@pytest.fixture(scope="session", name="run_of")
def _run_of() -> Make:
    return run_of


@pytest.fixture
def finished() -> Trajectory:
    """The run of the sketch: answer first, further lines below."""
    block = Block(number=1, code="print(flights.shape)", outputs=(OutputPart(kind="stdout", text="(336776, 19)\n"),), finished=True)
    return Trajectory(
        run="flights-03",
        status="done",
        question="Which carrier had the most departures delayed by more than two hours?",
        model="gpt-4.1",
        budget={"cost": 1.0},
        answer_text="ExpressJet (EV), with 2,443 departures\nMore than 120 minutes late in 2013.",
        steps=(Step(number=1, reply="I look.", blocks=(block,), seconds=2.2), Step(number=2, reply="FINAL(EV)", seconds=2.9)),
        usage=Usage(steps=2, calls=1, prompt_tokens=14_200, cost=0.041, seconds=15),
    )
