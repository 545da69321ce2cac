"""Which notebook of a folder shows a run: the one that its output names it in. Any thread.

Notebooks are read as JSON, never run; one that is very large, or cannot be read, is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlm_lab.views.payload import MIME_TYPE

LARGEST = 64 * 1024 * 1024  # bytes of a notebook
MOST = 300  # notebooks of a folder, the newest first


def notebook_of(run: str, folder: Path) -> Path | None:
    """The newest notebook in which an output tells of this run, None where there is none."""
    return next((path for path in _notebooks(folder) if _shows(path, run)), None)


def _notebooks(folder: Path) -> list[Path]:
    try:
        found = [(path.stat(), path) for path in folder.glob("*.ipynb") if path.is_file()]
    except OSError:
        return []
    small = [(status.st_mtime_ns, path) for status, path in found if status.st_size <= LARGEST]
    return [path for _, path in sorted(small, reverse=True)[:MOST]]


def _shows(path: Path, run: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
        return json.dumps(run) in text and any(payload.get("id") == run for payload in _payloads(json.loads(text)))
    except (OSError, ValueError, RecursionError):
        return False


def _payloads(notebook: Any) -> Iterator[dict[str, Any]]:
    """What its outputs tell of runs; whatever does not have a notebook's shape tells nothing."""
    for cell in _list(_dict(notebook).get("cells")):
        for output in _list(_dict(cell).get("outputs")):
            yield _dict(_dict(_dict(output).get("data")).get(MIME_TYPE))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
