"""Whether an event that came from a file holds what its type says.

A log is hostile data: a field of the wrong type must end in one clear line when the file is opened, not in a broken view
later. Nothing here changes an event. May be used from any thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rlm_lab.trajectory.events import TYPES, Event

_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "list": (list,),
    "dict": (dict,),
}
_BASE = {"extra", "type"}
_TEXT = (str, type(None))
_NUMBER = (int, float, type(None))
_INSIDE: dict[str, dict[str, tuple[type, ...]]] = {  # of objects that views take apart: what each key may hold, if it is there
    "contexts": {**dict.fromkeys(("name", "kind", "type", "unit", "preview", "fingerprint"), _TEXT), "size": _NUMBER},
    "error": {"type": _TEXT, "message": _TEXT, "line": (int, type(None)), "traceback": (str, list, type(None))},
    "variables": {"added": (dict,), "changed": (dict,), "removed": (list,), "more": (int,)},
    "cassette": {"model": _TEXT, "date": _TEXT},
    "imported": {"format": _TEXT, "file": _TEXT, "absent": (list,)},
    "usage": dict.fromkeys(("steps", "calls", "prompt_tokens", "completion_tokens", "cost", "seconds"), _NUMBER),
}
_HOW = {"how": _TEXT, "note": _TEXT}
_VARIABLE = {"type": _TEXT, "size": _NUMBER, "repr": _TEXT}


def _accepted(annotation: str) -> tuple[type, ...] | None:
    """The Python types of an annotation such as `dict[str, JSON] | None`; None where anything is accepted."""
    found: tuple[type, ...] = ()
    for part in annotation.split(" | "):
        if part == "None":
            found += (type(None),)
        elif (name := part.partition("[")[0]) in _KINDS:
            found += _KINDS[name]
        else:
            return None
    return found


def _table(kind: type[Event]) -> tuple[tuple[str, tuple[type, ...], str], ...]:
    rows = []
    for field in dataclasses.fields(kind):
        accepted = _accepted(str(field.type)) if field.name not in _BASE else None
        if accepted is not None:
            rows.append((field.name, accepted, str(field.type)))
    return tuple(rows)


_TABLES = {kind: _table(kind) for kind in TYPES.values()}


def misfit(event: Event) -> str | None:
    """The name of the first field whose value is not of its type, or None.

    >>> from rlm_lab.trajectory.events import ChildFinished
    >>> misfit(ChildFinished(run="a", child="a.1", status=7))
    'status'
    """
    for name, accepted, annotation in _TABLES.get(type(event), ()):
        value: Any = getattr(event, name)
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            return name
        if isinstance(value, (list, dict)) and not _fits_inside(f"{event.type}.{name}", value, annotation):
            return name
    return None


def _fits_inside(place: str, value: Any, annotation: str) -> bool:
    """Whether the items of a list or an object are what its annotation says and what views take them for."""
    if annotation.startswith(("list[str]", "dict[str, str]")):
        return all(isinstance(item, str) for item in (value.values() if isinstance(value, dict) else value))
    objects = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in objects):
        return False
    if annotation.startswith("list[dict[str, str]]"):
        return all(isinstance(text, str) for item in objects for text in item.values())
    if place == "rewound.variables":  # by name: how each came back
        return all(isinstance(about, dict) and _fits(about, _HOW) for about in value.values())
    name = place.rpartition(".")[2]
    return all(_fits(item, _INSIDE.get(name, {})) for item in objects) and (name != "variables" or _are_variables(value))


def _fits(found: dict[str, Any], expected: Mapping[str, tuple[type, ...]]) -> bool:
    return all(
        isinstance(found[key], kinds) and not isinstance(found[key], bool) for key, kinds in expected.items() if key in found
    )


def _are_variables(found: dict[str, Any]) -> bool:
    described = [about for key in ("added", "changed") for about in found.get(key, {}).values()]
    names = all(isinstance(name, str) for name in found.get("removed", []))
    return names and all(isinstance(about, dict) and _fits(about, _VARIABLE) for about in described)


def is_number(event: Event, name: str) -> bool:
    """Whether the type of this field is a plain `float`."""
    return any(name == field and accepted == _KINDS["float"] for field, accepted, _ in _TABLES.get(type(event), ()))
