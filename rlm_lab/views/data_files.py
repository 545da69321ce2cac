"""A run's data, small as it must be for that, in files beside an export: text, bytes, JSON and Parquet, never a pickle.

Only what comes back from its file as it was is stored. Main thread: a frame writes itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from rlm_lab.errors import UsageError
from rlm_lab.views.markdown_parts import is_bindable

MOST = 20_000_000  # bytes of one context that are stored


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What a context is stored as; `library` reads it."""

    suffix: str
    content: bytes
    library: str = ""


def store_data(contexts: Mapping[str, Any], folder: Path, *, overwrite: bool = False) -> dict[str, tuple[Path, str]]:
    """Stores what can be stored; gives, for each name that is, its file and the library that reads it.

    Raises `UsageError`, before anything is written, where a file is there that may not be written over.
    """
    made = {name: _file(value) for name, value in contexts.items() if is_bindable(name)}
    files = {name: (folder / f"{name}{file.suffix}", file) for name, file in made.items() if file is not None}
    for path, _ in files.values():
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists; give another path, or overwrite=True (--overwrite) to write over it.")
    for path, file in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return {name: (path, file.library) for name, (path, file) in files.items()}


def _file(value: Any) -> _File | None:
    return _text_file(value) or _table(value) or _plain(value)


def _text_file(value: Any) -> _File | None:
    """A text that is read where it is looked at; in the notebook it is one again, where rlm_lab is installed."""
    if type(value).__name__ != "TextFile" or value.size > MOST:
        return None
    return _File(suffix=".txt", content=str(value).encode("utf-8"), library="rlm_lab")


def _plain(value: Any) -> _File | None:
    """A text, bytes or plain JSON values, where they are not too long."""
    suffix, content = _encoded(value)
    return None if content is None or len(content) > MOST else _File(suffix=suffix, content=content)


def _encoded(value: Any) -> tuple[str, bytes | None]:
    if type(value) is bytes:
        return ".bin", value
    try:
        if type(value) is str:
            return ".txt", value.encode("utf-8")
        if type(value) in (list, dict):
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            return ".json", text.encode("utf-8") if _same(json.loads(text), value) else None
    except (ValueError, TypeError, RecursionError):  # a lone surrogate, a value that is no JSON, or one within itself
        return "", None
    return "", None


def _same(one: Any, other: Any) -> bool:
    """Whether what was read is what was written: 1 is not True, and a list no tuple."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return all(map(_same, one, other)) if isinstance(one, list) else bool(one == other)


def _table(value: Any) -> _File | None:
    """A frame of pandas or polars as Parquet."""
    library = type(value).__module__.partition(".")[0]
    if type(value).__name__ != "DataFrame" or library not in {"pandas", "polars"}:
        return None
    size = value.estimated_size() if library == "polars" else int(value.memory_usage(deep=True).sum())
    if size > 4 * MOST:
        return None
    content = BytesIO()
    try:
        (value.write_parquet if library == "polars" else value.to_parquet)(content)
    except Exception:  # noqa: BLE001 - what a column holds, Parquet may not know, or pyarrow is missing
        return None
    return _File(suffix=".parquet", content=content.getvalue(), library=library)
