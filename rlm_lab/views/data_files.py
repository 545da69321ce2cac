"""A run's data, small as it must be for that, in files beside an export: text, bytes, JSON and Parquet, never a pickle.

Only what comes back from its file as it was is stored. Main thread: a frame writes itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST = 20_000_000  # bytes of one context that are stored


def store_data(contexts: Mapping[str, Any], folder: Path) -> dict[str, tuple[Path, str]]:
    """Stores what can be stored; gives, for each name that is, its file and the library that reads it."""
    stored: dict[str, tuple[Path, str]] = {}
    for name, value in contexts.items():
        if not name.isidentifier():
            continue
        found = (
            _text_file(value, folder / f"{name}.txt") or _table(value, folder / f"{name}.parquet") or _plain(value, folder / name)
        )
        if found is not None:
            stored[name] = found
    return stored


def _text_file(value: Any, path: Path) -> tuple[Path, str] | None:
    """A text that is read where it is looked at; in the notebook it is one again, where rlm_lab is installed."""
    if type(value).__name__ != "TextFile" or value.size > MOST:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(str(value).encode("utf-8"))
    return path, "rlm_lab"


def _plain(value: Any, base: Path) -> tuple[Path, str] | None:
    """A text, bytes or plain JSON values, where they are not too long."""
    suffix, content = _encoded(value)
    if content is None or len(content) > MOST:
        return None
    path = base.with_name(f"{base.name}{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path, ""


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


def _table(value: Any, path: Path) -> tuple[Path, str] | None:
    """A frame of pandas or polars as Parquet."""
    library = type(value).__module__.partition(".")[0]
    if type(value).__name__ != "DataFrame" or library not in {"pandas", "polars"}:
        return None
    size = value.estimated_size() if library == "polars" else int(value.memory_usage(deep=True).sum())
    if size > 4 * MOST:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        (value.write_parquet if library == "polars" else value.to_parquet)(path)
    except Exception:  # noqa: BLE001 - what a column holds, Parquet may not know, or pyarrow is missing
        path.unlink(missing_ok=True)
        return None
    return path, library
