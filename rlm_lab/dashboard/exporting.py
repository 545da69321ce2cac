"""A run as a file for the browser to keep, in the forms of `views.exports`: `export?run=ID&to=FORM`, behind the guard.

The file is written into a folder of its own, on a thread, and is gone when it was sent. Owned by the dashboard's loop.
"""

from __future__ import annotations

import asyncio
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tornado.web import RequestHandler

from rlm_lab.errors import RLMError, UsageError
from rlm_lab.views.exports import EXPORTS, export

if TYPE_CHECKING:
    from rlm_lab.dashboard.desk import Desk

PATH = "/export"


@cache
def forms() -> list[tuple[str, str]]:
    """The forms that become a file, and what each is."""
    able = find_spec("pyarrow") is not None
    return [(form.name, form.told) for form in EXPORTS.values() if form.suffix and (able or "parquet" not in form.name)]


class Export(RequestHandler):
    """Sends the file; a form or a run that there is not is a line that says so."""

    def initialize(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self) -> None:
        name, form = self.get_query_argument("run", "")[:1_000], self.get_query_argument("to", "")[:100]
        found = self._desk.finder(name)
        try:
            if found is None:
                raise UsageError(f"There is no run {name[:200]!r} here.")
            if form not in dict(forms()):
                raise UsageError(f"{form!r} is no form of a file.")
            with tempfile.TemporaryDirectory(prefix="rlm-lab-") as folder:
                path = await asyncio.to_thread(lambda: export(found(), folder, form))
                assert path is not None
                self._send(path)
        except RLMError as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error}\n")

    def _send(self, path: Path) -> None:
        """As something to be kept, never as a page: it has what a model wrote."""
        name = path.name.encode("ascii", "replace").decode().replace("?", "-")
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(path.read_bytes())
