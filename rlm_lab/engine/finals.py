"""Answers that a reply gives outside of running code, and values as JSON.

Pure functions. Nothing is evaluated: a name is looked up, a literal is read by `ast.literal_eval`, all else is text.
"""

from __future__ import annotations

import ast
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rlm_lab.engine.interrupts import calls_user_code
from rlm_lab.engine.replies import Final, ParsedReply
from rlm_lab.engine.syntax import python_nodes

MISSING: Any = object()
LONGEST_JSON = 1_000_000  # characters of an answer that the log keeps as a value


def prose_value(final: Final, namespace: Mapping[str, Any], *, ran_code: bool) -> Any:
    """The value of a FINAL in prose; a text that was written before the code beside it had run is `MISSING`."""
    if final.kind == "variable":
        return namespace.get(final.text, MISSING if ran_code else final.text)
    return MISSING if ran_code else final.text


def last_value(parsed: ParsedReply, namespace: Mapping[str, Any]) -> Any:
    """The best answer in a reply whose code is not run: a FINAL in prose, one in code with a name or a literal, else its prose.

    `MISSING` where a reply holds nothing but code, or what the model thought.
    """
    if parsed.final is not None:
        return prose_value(parsed.final, namespace, ran_code=False)
    for code in parsed.blocks:
        value = _final_in(code, namespace)
        if value is not MISSING:
            return value
    return parsed.prose or MISSING


def _final_in(code: str, namespace: Mapping[str, Any]) -> Any:
    parts = sorted(python_nodes(code), key=_turn)
    offered = [node for part in parts if (node := _offered(part)) is not None]
    values = (_value_of(node, namespace, by_name=by_name) for node, by_name in offered)
    return next((value for value in values if value is not MISSING), MISSING)


def _turn(node: ast.AST) -> tuple[int, int]:
    """Calls before assignments, of which the last is the one that stands."""
    return (1, -node.lineno) if isinstance(node, ast.Assign) else (0, 0)


def _offered(node: ast.AST) -> tuple[ast.expr, bool] | None:
    """What a call of FINAL and its kin, `answer["content"] = ...`, or a lone value gives; whether that is a variable's name."""
    match node:
        case ast.Call(func=ast.Name(id="SUBMIT"), keywords=[_, *_] as fields):
            # the None of a `**` is no literal
            keys: list[ast.expr | None] = [None if field.arg is None else ast.Constant(field.arg) for field in fields]
            return ast.Dict(keys=keys, values=[field.value for field in fields]), False
        case ast.Call(func=ast.Name(id="FINAL" | "SUBMIT" | "FINAL_VAR" as name), args=[given, *_]):
            return given, name == "FINAL_VAR"
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id="answer"), slice=ast.Constant(value="content"))], value=given):
            return given, False
        case ast.Module(body=[ast.Expr(value=given)]):
            return given, False
    return None


def _value_of(node: ast.expr, namespace: Mapping[str, Any], *, by_name: bool) -> Any:
    if isinstance(node, ast.Name):
        return namespace.get(node.id, MISSING)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return MISSING
    return namespace.get(value, MISSING) if by_name and isinstance(value, str) else value


@calls_user_code
def text_of(value: Any, bundle: Callable[[Any], dict[str, Any]]) -> str:
    """A value as a text to show; a text is its own, and `np.int64(3)` is 3 to whoever asked."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return str(value) if _is_number(value) else str(bundle(value)["text/plain"])
    except Exception as error:  # noqa: BLE001 - the value's own repr
        return f"<{type(value).__name__}, whose repr failed with {type(error).__name__}>"


def logged_text(text: str) -> str:
    """An answer as the log holds it: whole, unless somebody submits the data itself."""
    left = len(text) - LONGEST_JSON
    return text if left <= 0 else f"{text[:LONGEST_JSON]}\n[{left:,} characters left out here]"


def value_as_json(value: Any) -> Any:
    """The value as JSON: tuples as lists, keys as texts, numpy's numbers as plain ones; None where it is none, or long."""
    if isinstance(value, (str, bytes, list, tuple, dict)) and len(value) > LONGEST_JSON:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        text = json.dumps(value, allow_nan=False, default=_number)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None
    return json.loads(text) if len(text) <= LONGEST_JSON else None


def _is_number(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or isinstance(value, numpy.timedelta64):  # which is a number there, but has a unit
        return False
    return isinstance(value, (numpy.number, numpy.bool_))


def _number(value: Any) -> Any:
    """A number of numpy as Python's own. Raises `TypeError` for anything else, as `json` wants it."""
    if not _is_number(value):
        raise TypeError(f"{type(value).__name__} is no number.")
    return value.item()
