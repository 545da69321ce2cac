"""Data as one text, for methods that read texts: a frame as CSV, a list of texts as lines. Pure functions, but for files read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rlm_lab.engine.textfile import TextFile


def text_of_contexts(contexts: Mapping[str, Any]) -> str:
    """All contexts as one text; several stand under their names.

    >>> text_of_contexts({"notes": ["It rained.", "It snowed."]})
    'It rained.\\nIt snowed.'
    """
    if len(contexts) == 1:
        return as_text(next(iter(contexts.values())))
    return "\n\n".join(f"{name}:\n{as_text(value)}" for name, value in contexts.items())


def as_text(value: Any) -> str:
    """One value as a text: nothing is left out, whatever its length."""
    if isinstance(value, str | TextFile):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", errors="replace")
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    table = _csv(value)
    if table is not None:
        return table
    try:
        return json.dumps(value, ensure_ascii=False, indent=1, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _csv(value: Any) -> str | None:
    """A frame of any library that narwhals knows, as CSV; None for what is none."""
    import narwhals

    frame = narwhals.from_native(value, pass_through=True)
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    return frame.write_csv() if isinstance(frame, narwhals.DataFrame) else None
