"""Values of a foreign log as the types that our events need.

A log is hostile data: what can be shown is shown as text, a number that is none is not known, and a list or an object that is
neither is a `Misfit`, which whoever reads the file tells with its line. Any thread.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Record = dict[str, Any]
_LONGEST_NAME = 300


class Misfit(Exception):
    """A field holds something else than its format says."""


def text(value: Any) -> str:
    """Any value as text: a string as it is, other values as JSON, nothing as an empty text.

    >>> text(None), text("a"), text([1, "é"])
    ('', 'a', '[1, "é"]')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, TypeError, RecursionError):
        return f"<{type(value).__name__}>"


def name(value: Any) -> str:
    """A short text: a model, an id."""
    return text(value)[:_LONGEST_NAME]


def number(value: Any) -> float | None:
    """A number from 0 on that can be one; None for everything else.

    >>> number(2), number(-1), number(float("nan")), number(True), number("3")
    (2.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -1e15 < value < 1e15 and math.isfinite(value) and value >= 0 else None


def whole(value: Any) -> int | None:
    """A whole number from 0 on; None for everything else."""
    found = number(value)
    return None if found is None else int(found)


def seconds(milliseconds: Any) -> float | None:
    """
    >>> seconds(1500)
    1.5
    """
    found = number(milliseconds)
    return None if found is None else found / 1000


def records(value: Any, field: str) -> list[Record]:
    """A list of objects; None is an empty one. Raises `Misfit` with the field's name for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Misfit(f"the field {field!r} is no list of objects")
    return value


def record(value: Any, field: str) -> Record:
    """An object; None is an empty one. Raises `Misfit` with the field's name for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Misfit(f"the field {field!r} is no object")
    return value


def moment(value: Any) -> float | None:
    """A time as seconds since 1970: of ISO 8601, of seconds, or of milliseconds.

    >>> moment("1970-01-01T00:00:02Z"), moment(2.5), moment(1_795_300_306_347), moment("soon")
    (2.0, 2.5, 1795300306.347, None)
    """
    if isinstance(value, str):
        try:
            return number(datetime.fromisoformat(value).timestamp())
        except (ValueError, OverflowError, OSError):
            return None
    found = number(value)
    return found / 1000 if found is not None and found > 1e11 else found


def iso(seconds_since_1970: float | None) -> str:
    """The time as ISO 8601 in UTC; an empty text where it is not known.

    >>> iso(2.0), iso(None)
    ('1970-01-01T00:00:02+00:00', '')
    """
    from datetime import UTC

    if seconds_since_1970 is None:
        return ""
    try:
        return datetime.fromtimestamp(seconds_since_1970, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def messages(value: Any) -> list[dict[str, str]]:
    """A prompt as messages of a role and a text: a list of them, an object, or a bare text.

    >>> messages("Why?")
    [{'role': 'user', 'content': 'Why?'}]
    """
    if value is None:
        return []
    found = value if isinstance(value, list) else [value]
    return [_message(item) for item in found]


def _message(item: Any) -> dict[str, str]:
    if isinstance(item, Mapping):
        return {"role": name(item.get("role")) or "user", "content": text(item.get("content"))}
    return {"role": "user", "content": text(item)}


def described(title: str, value: Any) -> Record:
    """A context that a log holds whole, as a run describes its own: name, kind, type, size, unit and a preview.

    >>> described("context", "abc")["size"]
    3
    """
    kind = type(value).__name__
    sized = {"str": ("text", "characters"), "list": ("sequence", "items"), "dict": ("mapping", "items")}.get(kind)
    size = len(value) if sized else None
    told = {"name": name(title), "kind": sized[0] if sized else "value", "type": kind, "preview": text(value)[:200]}
    return told | ({"size": size, "unit": sized[1]} if sized else {})
