"""The runs of folders as rows, as the dashboard's own list has them; where they lie comes with them. Any thread, one at a time."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm_lab.server.places import Places

if TYPE_CHECKING:
    from rlm_lab.dashboard.shelf import Shelf

KEPT = 16  # folders whose files are not read again unless they change


class Shelves:
    """A shelf for each folder that was looked at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, ...], Shelf] = {}

    def look(self, places: Places, folder: str) -> dict[str, Any]:
        """The rows, the newest first, each with the `path` to ask for; `left_out` older ones are not among them.

        `mark` tells this very answer.
        """
        from rlm_lab.dashboard.shelf import Shelf

        folders = tuple(places.folders(folder))
        with self._lock:
            shelf = self._known.pop(folders, None) or Shelf(folders=list(folders))
            self._known[folders] = shelf
            if len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
            rows = shelf.look({})
            found = [{**row, "path": places.told(path)} for run, row in rows.items() if (path := shelf.path_of(run)) is not None]
            told = {"runs": found, "left_out": shelf.left_out}
        return {"mark": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16], **told}
