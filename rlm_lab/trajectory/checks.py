"""Whether an event that came from a file holds what its type says.

A log is hostile data: a field of the wrong type must end in one clear line when the file is opened, not in a broken view
later. Nothing here changes an event. May be used from any thread.
"""

from __future__ import annotations

import dataclasses
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


def _table(kind: type[Event]) -> tuple[tuple[str, tuple[type, ...], bool], ...]:
    rows = []
    for field in dataclasses.fields(kind):
        accepted = _accepted(str(field.type)) if field.name not in _BASE else None
        if accepted is not None:
            rows.append((field.name, accepted, str(field.type).startswith("list[dict")))
    return tuple(rows)


_TABLES = {kind: _table(kind) for kind in TYPES.values()}


def misfit(event: Event) -> str | None:
    """The name of the first field whose value is not of its type, or None.

    >>> from rlm_lab.trajectory.events import ChildFinished
    >>> misfit(ChildFinished(run="a", child="a.1", status=7))
    'status'
    """
    for name, accepted, of_objects in _TABLES.get(type(event), ()):
        value: Any = getattr(event, name)
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            return name
        if of_objects and isinstance(value, list) and not all(isinstance(item, dict) for item in value):
            return name
    return None


def is_number(event: Event, name: str) -> bool:
    """Whether the type of this field is a plain `float`."""
    return any(name == field and accepted == _KINDS["float"] for field, accepted, _ in _TABLES.get(type(event), ()))
