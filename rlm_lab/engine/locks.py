"""Locks that a suspended block holds: a cell of the user that waits for one of them would wait for ever.

Looks at the names that the block's own frames know, never inside of objects, and asks only the classes of `threading`. Main thread.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

_LOCK = type(threading.Lock())
MOST = 5


def held_locks(frame: FrameType | None, filename: str) -> list[str]:
    """The names of locked locks in the frames of a block; one that another thread holds cannot be told from the block's own."""
    found: dict[str, None] = {}
    while frame is not None:
        if frame.f_code.co_filename == filename:
            found |= dict.fromkeys(name for names in _names(frame) for name, value in names.items() if _is_held(value))
        frame = frame.f_back
    return list(found)[:MOST]


def _names(frame: FrameType) -> list[Mapping[str, Any]]:
    used = {name: frame.f_globals[name] for name in frame.f_code.co_names if name in frame.f_globals}
    return [used] if frame.f_locals is frame.f_globals else [dict(frame.f_locals), used]


def _is_held(value: object) -> bool:
    """A lock that is taken. One that may be taken again by the same thread does not block the user's cells."""
    if type(value) is _LOCK:
        return value.locked()
    if type(value) is threading.Condition:
        inner = value._lock  # type: ignore[attr-defined]
        return type(inner) is _LOCK and inner.locked()
    return False
