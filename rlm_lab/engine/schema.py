"""The form that an answer must have: a Python type, a pydantic model or a JSON schema.

A text is never evaluated: it is read as JSON, or as a value written in Python, or refused. Schemas are never fetched from
elsewhere. Belongs to the main thread.
"""

from __future__ import annotations

import ast
import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.finals import MISSING
from rlm_lab.engine.syntax import python_tree
from rlm_lab.engine.variables import clip, short
from rlm_lab.errors import RLMError, SchemaError, UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_REMEDY = "give a type, a pydantic model or a JSON schema as a dict"
_DEPTH = 50
_MOST_ERRORS = 3


class Schema:
    """What an answer must be.

    Parameters
    ----------
    spec: a type (`int`, `list[str]`, a TypedDict, ...), a pydantic model, or a dict that is a JSON schema.

    Raises `UsageError` for anything else.

    >>> Schema(list[int]).check("[1, 2]")
    [1, 2]
    """

    def __init__(self, spec: Any) -> None:
        if isinstance(spec, str):
            raise UsageError(f"A schema cannot be the text {clip(spec, 60)!r}; {_REMEDY}.")
        self.spec = spec
        if isinstance(spec, dict):
            self._check_json_schema()
        else:
            _ = self._adapter

    def describe(self) -> str:
        """What the model is told: the type's name, and its JSON schema where the name does not say all."""
        if isinstance(self.spec, dict):
            return f"a value that fits this JSON schema: {clip(json.dumps(self.spec, default=str), 2_000)}"
        schema = self.as_json()
        if schema.get("type") == "object" or "$defs" in schema or "$ref" in schema:
            return f"{self._name} as a dict that fits this JSON schema: {clip(json.dumps(schema), 2_000)}"
        return f"a value of type {self._name}"

    def as_json(self) -> dict[str, Any]:
        """The JSON schema; of a type that has none its name."""
        if isinstance(self.spec, dict):
            plain: dict[str, Any] = json.loads(json.dumps(self.spec, default=str))
            return plain
        try:
            return self._adapter.json_schema()
        except Exception:  # noqa: BLE001 - a type of the user's that pydantic cannot write as JSON
            return {"title": self._name}

    def check(self, value: object) -> Any:
        """The value in its right form; a text that holds JSON is read. Raises `SchemaError` with what the model must mend."""
        try:
            plain = _plain(value)
            return self._check_json(plain) if isinstance(self.spec, dict) else self._check_type(plain)
        except RLMError:
            raise
        except Exception as error:  # noqa: BLE001 - a validator, and the value that it looks at, are foreign code
            problem = _problem((), f"it cannot be checked: {type(error).__name__}: {error}", None)
            raise SchemaError(_message("what was asked for", [problem])) from None

    @property
    def _name(self) -> str:
        return self.spec.__name__ if isinstance(self.spec, type) and not hasattr(self.spec, "__args__") else str(self.spec)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import PydanticUserError, TypeAdapter

        try:
            return TypeAdapter(self.spec)
        except (PydanticUserError, TypeError, NameError):
            raise UsageError(f"{short(self.spec)} is no type that an answer can have; {_REMEDY}.") from None

    def _check_type(self, value: object) -> Any:
        from pydantic import ValidationError

        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            if isinstance(value, str):
                try:
                    return self._read_type(_without_fence(value))
                except ValidationError as second:
                    error = error if second.errors()[0]["type"] == "json_invalid" else second
            problems = [_problem(part["loc"], part["msg"], part.get("input")) for part in error.errors(include_url=False)]
            raise SchemaError(_message(self._name, problems)) from None

    def _read_type(self, text: str) -> Any:
        from pydantic import ValidationError

        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            if error.errors()[0]["type"] != "json_invalid" or (value := _literal(text)) is MISSING:
                raise
            return self._adapter.validate_python(value)

    def _check_json_schema(self) -> None:
        from jsonschema import SchemaError as BadSchema
        from jsonschema.validators import validator_for

        try:
            validator_for(self.spec).check_schema(self.spec)
        except BadSchema as error:
            raise UsageError(f"The schema is no valid JSON schema: {clip(error.message, 200)}.") from None

    def _check_json(self, value: object) -> Any:
        problems = self._json_problems(value)
        if problems and isinstance(value, str):
            read = _read(_without_fence(value))
            if read is not MISSING:
                value, problems = read, self._json_problems(read)
        if problems:
            raise SchemaError(_message("what the JSON schema asks for", problems))
        return value

    def _json_problems(self, value: object) -> list[str]:
        from jsonschema.validators import validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable

        validator = validator_for(self.spec)(self.spec, registry=Registry())  # an empty registry fetches nothing
        try:
            return [_problem(tuple(error.absolute_path), error.message, None) for error in validator.iter_errors(value)]
        except Unresolvable as error:
            raise UsageError(f"The JSON schema refers to {clip(error.ref, 80)!r}, which is not part of it; write it out.") from None


def _message(name: str, problems: list[str]) -> str:
    more = f"; and {len(problems) - _MOST_ERRORS} more" if len(problems) > _MOST_ERRORS else ""
    return f"The answer is not {name}: {'; '.join(problems[:_MOST_ERRORS])}{more}."


def _problem(where: tuple[int | str, ...], what: str, value: object) -> str:
    place = "".join(f"[{clip(repr(part), 40)}]" for part in where)
    found = "" if value is None else f" (it is {short(value, 80)})"
    return (f"at {place}: " if place else "") + clip(" ".join(what.split()), 200).rstrip(".") + found


def _without_fence(text: str) -> str:
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text[3:-3].removeprefix("json").strip()
    return text


def _read(text: str) -> Any:
    """The value that a text holds as JSON, or as Python writes what JSON can hold; `MISSING` where it holds none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(json.dumps(_literal(text)))
    except (ValueError, TypeError, RecursionError, OverflowError):  # `MISSING` too
        return MISSING


def _literal(text: str) -> Any:
    tree = python_tree(text.strip())
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return MISSING
    try:
        return ast.literal_eval(tree.body[0].value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return MISSING


def _plain(value: Any, depth: int = 0) -> Any:
    """Numbers of numpy, times and columns of pandas as plain Python, also within lists and dicts."""
    kind: Any = type(value)
    if depth < _DEPTH and kind in (list, tuple):
        return kind(_plain(item, depth + 1) for item in value)
    if depth < _DEPTH and kind is dict:
        return {_plain(key, depth + 1): _plain(item, depth + 1) for key, item in value.items()}
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.generic):
        return _plain_time(value) if isinstance(value, (numpy.timedelta64, numpy.datetime64)) else value.item()
    if numpy is not None and kind is numpy.ndarray:
        return value.tolist()
    if pandas is not None and kind is pandas.Timestamp:
        return value.to_pydatetime()
    if pandas is not None and kind in (pandas.Series, pandas.Index, pandas.RangeIndex):
        return value.tolist()
    return value


def _plain_time(value: Any) -> Any:
    """A time of numpy as one of `datetime`: a number would lose its unit."""
    item = value.item()
    return value.astype(f"{value.dtype.kind}8[us]").item() if isinstance(item, int) else item
