"""A run as a file for the browser to keep, in the forms of `views.exports`: `export?run=ID&to=FORM`, behind the guard.

It is written on a thread, and nothing is left of it here. Owned by the dashboard's loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado.web import RequestHandler

from rlm_lab.errors import RLMError, UsageError
from rlm_lab.views.exports import exported, file_forms

if TYPE_CHECKING:
    from rlm_lab.dashboard.desk import Desk

PATH = "/export"


def forms() -> list[tuple[str, str]]:
    """The forms that become a file, and what each is."""
    return [(form.name, form.told) for form in file_forms()]


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
            self._send(*await asyncio.to_thread(lambda: exported([found()], form)))
        except RLMError as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{error}\n")

    def _send(self, name: str, content: bytes) -> None:
        """As something to be kept, never as a page: it has what a model wrote."""
        name = name.encode("ascii", "replace").decode().replace("?", "-")
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.finish(content)
