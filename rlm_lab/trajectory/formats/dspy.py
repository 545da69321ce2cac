"""Trajectories of DSPy's `RLM`: what `prediction.trajectory` holds, as a JSON file or as the live prediction.

A list of reasoning, code and output; no calls, no times, no usage. A final answer stands among the prediction's own fields, and
in the last output, which begins with `FINAL:`; an error's output begins with `[Error]`. Nothing is read or written here. One
thread at a time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.formats.recorder import Recorder
from rlm_lab.trajectory.formats.values import Misfit, Record, records, text

NAME = "dspy"
HOLDS = ("answer",)
_ENTRY = frozenset({"reasoning", "code", "output"})
_OURS = frozenset({"trajectory", "final_reasoning", "keys"})
_LONGEST_LITERAL = 10_000
FINAL, ERRORS = "FINAL:", ("[Error]", "[Type Error]")


def recognises(first: Any) -> bool:
    """Whether this is a prediction with a trajectory, a bare trajectory, or a list of either."""
    if isinstance(first, list):
        return bool(first) and (_is_entry(first[0]) or _is_prediction(first[0]))
    return _is_prediction(first)


def is_prediction(value: object) -> bool:
    """Whether an object is a live prediction of a `dspy.RLM`."""
    return type(value).__name__ == "Prediction" and _is_trajectory(getattr(value, "trajectory", None))


def read(source: Source) -> Iterator[Recorder]:
    """The runs in a file: one, or one for each prediction in a list."""
    value = source.whole()
    if not isinstance(value, (dict, list)):
        value = _of_object(value)
    found = value if isinstance(value, list) and value and _is_prediction(value[0]) else [value]
    for number, prediction in enumerate(found, 1):
        run = Recorder(source.name if number == 1 else f"{source.name}-{number}", format=NAME, file=source.file, holds=HOLDS)
        yield _run(run, {"trajectory": prediction} if isinstance(prediction, list) else prediction)


def answer_of(prediction: Record) -> Any:
    """The fields that the prediction itself has: one as its value, several as they are, None for none."""
    fields = {key: value for key, value in prediction.items() if key not in _OURS}
    return next(iter(fields.values())) if len(fields) == 1 else fields or None


def entry(run: Recorder, told: Record) -> None:
    """One iteration."""
    run.step()
    run.reply(told.get("reasoning"))
    finish_block(run, told)


def finish_block(run: Recorder, told: Record) -> None:
    run.block(told.get("code"))
    output = text(told.get("output"))
    failed = output.startswith(ERRORS)
    run.output("" if failed else output)
    run.end_block(error=output if failed else None)


def _run(run: Recorder, prediction: Any) -> Recorder:
    if not isinstance(prediction, dict):
        raise Misfit("a prediction is no object")
    trajectory = records(prediction.get("trajectory"), "trajectory")
    for told in trajectory:
        entry(run, told)
    answer = answer_of(prediction)
    last = text(trajectory[-1].get("output")) if trajectory else ""
    if answer is None and last.startswith(FINAL):
        answer = _submitted(last.removeprefix(FINAL).strip())
    if answer is not None:
        run.finish("done", answer)
    return run


def _submitted(said: str) -> Any:
    """The fields that the last output shows as a Python literal; the text itself where it is none, or is long."""
    try:
        fields = ast.literal_eval(said) if len(said) <= _LONGEST_LITERAL else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        fields = None
    return answer_of(fields) if isinstance(fields, dict) and fields else said


def _of_object(prediction: Any) -> Record:
    fields = prediction.toDict() if hasattr(prediction, "toDict") else dict(prediction)
    return {str(key): value for key, value in fields.items()}


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _ENTRY


def _is_trajectory(value: Any) -> bool:
    return isinstance(value, list) and all(_is_entry(item) for item in value)


def _is_prediction(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("trajectory"), list)
        and ("final_reasoning" in value or (bool(value["trajectory"]) and _is_entry(value["trajectory"][0])))
    )
