"""Runs made of codes, to be held against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rlm_lab.trajectory.tree import Block, Call, OutputPart, Step, Trajectory

Make = Callable[..., Trajectory]


def step(number: int, code: str, *, output: str = "", answers: dict[str, str] | None = None, **fields: Any) -> Step:
    """A step of one block; `answers` are its calls by their prompts."""
    calls = tuple(
        Call(number=number * 100 + place, prompt=prompt, model="m", status="answered", answer=answer, line=1)
        for place, (prompt, answer) in enumerate((answers or {}).items(), 1)
    )
    outputs = (OutputPart(kind="stdout", text=output),) if output else ()
    block = Block(number=1, code=code, outputs=outputs, calls=calls, finished=True, **fields)
    return Step(number=number, reply=f"```repl\n{code}\n```", blocks=(block,))


def run(*codes: str | dict[str, Any], name: str = "a", **fields: Any) -> Trajectory:
    """A run of such steps, each a code or the parameters of `step`."""
    steps = [step(number, **({"code": code} if isinstance(code, str) else code)) for number, code in enumerate(codes, 1)]
    given: dict[str, Any] = {"status": "done", "question": "Which?", "model": "gpt-4.1", "contexts": ({"name": "text"},)}
    return Trajectory(run=name, steps=tuple(steps), **(given | fields))


@pytest.fixture(scope="session", name="run")
def _run() -> Make:
    return run
