"""Events to lines of JSON and back.

A line is always valid JSON in UTF-8, whatever text a model, a block or a file made: NaN and infinities become null, lone
surrogates are escaped, objects that JSON does not know are told by their repr. May be used from any thread.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from rlm_lab.errors import LogError
from rlm_lab.trajectory.checks import is_number, misfit
from rlm_lab.trajectory.events import JSON, TYPES, Event, UnknownEvent

_DEEPEST = 60
_FIELDS = {kind: tuple(f.name for f in dataclasses.fields(kind) if f.name != "extra") for kind in [*TYPES.values(), UnknownEvent]}
_plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_escaped = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def to_line(event: Event) -> bytes:
    """The event as one line, with its line feed."""
    flat = encode(event)
    try:
        text = _plain.encode(flat)
    except (ValueError, TypeError, RecursionError):
        flat = _cleaned(flat)
        text = _plain.encode(flat)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return _escaped.encode(flat).encode() + b"\n"


def from_line(line: bytes) -> Event:
    """The event that a line holds; raises `LogError` that says what is wrong with it."""
    try:
        flat = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise LogError(f"this is not JSON: {error}") from None
    event = decode(flat)
    while (field := misfit(event)) and getattr(event, field) is None and is_number(event, field):
        zero: dict[str, Any] = {field: 0.0}  # a number that JSON cannot hold was written as null
        event = dataclasses.replace(event, **zero)
    if field:
        raise LogError(f"the field {field!r} of {event.type!r} has a value of the wrong type")
    return event


def encode(event: Event) -> dict[str, JSON]:
    """The event as one flat JSON object.

    >>> from rlm_lab.trajectory.events import ChildFinished
    >>> encode(ChildFinished(run="a", child="a.1", status="done"))["type"]
    'child_finished'
    """
    flat = {name: getattr(event, name) for name in _FIELDS[type(event)]}
    tag = flat.pop("name") if isinstance(event, UnknownEvent) else event.type
    return {
        "v": flat.pop("v"),
        "run": flat.pop("run"),
        "seq": flat.pop("seq"),
        "t": round(flat.pop("t"), 6),
        "type": tag,
        **flat,
        **event.extra,
    }


def decode(flat: Mapping[str, JSON]) -> Event:
    """The event that `encode` made; raises `LogError` where a needed field is missing.

    >>> from rlm_lab.trajectory.events import ChildFinished
    >>> decode(encode(ChildFinished(run="a", child="a.1", status="done"))).status
    'done'
    """
    if not isinstance(flat, Mapping) or not isinstance(flat.get("type"), str) or not isinstance(flat.get("run"), str):
        raise LogError("An event has no type or no run.")
    kind = TYPES.get(flat["type"], UnknownEvent)
    known = {name: flat[name] for name in _FIELDS[kind] if name in flat and name != "name"}
    if kind is UnknownEvent:
        known["name"] = flat["type"]
    extra = {name: value for name, value in flat.items() if name not in known and name != "type"}
    try:
        return kind(**known, extra=extra)
    except TypeError as error:
        raise LogError(f"An event {flat['type']!r} is not whole: {error}.") from None


def _cleaned(value: Any, depth: int = 0) -> JSON:
    """The same value with everything replaced that JSON cannot hold."""
    if value is None or isinstance(value, (str, bool, int)):
        return value if type(value) in (str, bool, int, type(None)) else _told(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth > _DEEPEST:
        return "… nested too deep"
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _told(key): _cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item, depth + 1) for item in value]
    return _told(value)


def _told(value: object) -> str:
    try:
        return repr(value)[:1_000]
    except Exception as error:  # noqa: BLE001 - the repr of a foreign object
        return f"<{type(value).__name__}: repr failed with {type(error).__name__}>"
