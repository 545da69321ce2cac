"""The paths of the server's part: `/rlm-lab/runs` lists a folder, `/rlm-lab/run` tells a run and puts it into the trash,
`/rlm-lab/comparison` holds several against each other, `/rlm-lab/export` gives them as a file in a form, or tells the forms,
`/rlm-lab/notebook` tells which notebook shows a run.

Every request needs Jupyter's own authentication and the right to read or write contents; answers are JSON. The server's loop owns
the handlers; files are read in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import Application, HTTPError, authenticated

from rlm_lab.errors import RLMError, UsageError
from rlm_lab.server.cells import notebook_of
from rlm_lab.server.comparing import compared
from rlm_lab.server.exporting import exported, forms
from rlm_lab.server.places import Places
from rlm_lab.server.reader import Reader, Readers
from rlm_lab.server.shelves import Shelves

T = TypeVar("T")
MOST_TOGETHER = 50  # runs that are compared, or exported to one file


def add_handlers(application: Application) -> None:
    """Adds the paths below the server's base path."""
    base = application.settings["base_url"]
    readers, shelves = Readers(), Shelves()
    application.add_handlers(
        ".*$",
        [
            (url_path_join(base, "rlm-lab", "runs"), RunsHandler, {"shelves": shelves}),
            (url_path_join(base, "rlm-lab", "run"), RunHandler, {"readers": readers}),
            (url_path_join(base, "rlm-lab", "comparison"), ComparisonHandler),
            (url_path_join(base, "rlm-lab", "export"), ExportHandler),
            (url_path_join(base, "rlm-lab", "notebook"), NotebookHandler),
        ],
    )


class _Handler(APIHandler):
    auth_resource = "contents"

    @property
    def places(self) -> Places:
        manager = self.contents_manager
        root = Path(getattr(manager, "root_dir", None) or self.settings["server_root_dir"]).expanduser()
        return Places(root=root, hidden=bool(getattr(manager, "allow_hidden", False)))

    def runs_named(self) -> Callable[[], list[Path]]:
        """The files of all that `path` names; they are looked into, and so in a thread."""
        places, folder = self.places, self.get_query_argument("folder", "")
        names = self.get_query_arguments("path")
        return lambda: [places.run(name, folder) for name in _together(names)]

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What a user can mend is told as 404, with its line."""
        try:
            return await asyncio.to_thread(work)
        except (RLMError, OSError) as error:
            raise HTTPError(404, log_message=None, reason=_one_line(str(error))) from None


class RunsHandler(_Handler):
    """The runs of a folder: in itself, and in the runs folder that a kernel there would use."""

    def initialize(self, shelves: Shelves) -> None:
        self._shelves = shelves

    @authenticated
    @authorized
    async def get(self) -> None:
        """All of them, or none where the front end knows them by the answer's mark: it asks again and again."""
        places, folder = self.places, self.get_query_argument("folder", "")
        told = await self.in_thread(lambda: self._shelves.look(places, folder))
        known = told["mark"] == self.get_query_argument("known", "")
        await self.finish({"mark": told["mark"], "runs": None} if known else told)


class ComparisonHandler(_Handler):
    """The runs of each `path` held against each other, as the compare page draws them."""

    @authenticated
    @authorized
    async def get(self) -> None:
        named = self.runs_named()
        await self.finish(await self.in_thread(lambda: compared(named())))


class ExportHandler(_Handler):
    """The runs of each `path` as a file in the form that `to` names, to be saved; without it the forms."""

    @authenticated
    @authorized
    async def get(self) -> None:
        named, to = self.runs_named(), self.get_query_argument("to", None)
        if to is None:
            await self.finish({"forms": forms()})
            return
        name, content = await self.in_thread(lambda: exported(named(), to))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name)}")
        await self.finish(content, set_content_type="application/octet-stream")


class NotebookHandler(_Handler):
    """Which notebook of a `folder` shows a `run`: its path, or null."""

    @authenticated
    @authorized
    async def get(self) -> None:
        places, run, folder = self.places, self.get_query_argument("run"), self.get_query_argument("folder", "")
        found = await self.in_thread(lambda: notebook_of(run, places.folder(folder)))
        await self.finish({"notebook": None if found is None else places.told(found)})


class RunHandler(_Handler):
    """One run, named by `path` and the `folder` that it is relative to."""

    def initialize(self, readers: Readers) -> None:
        self._readers = readers

    @authenticated
    @authorized
    async def get(self) -> None:
        """What is new since `since` of `reader`; with `node` and `field` a whole text; with `find` where a text stands."""
        path, query = await self._path(), self.get_query_argument
        node, find = query("node", None), query("find", None)
        reader = await self.in_thread(lambda: self._readers.of(path))
        if node is not None:
            answer = await self.in_thread(lambda: reader.full(node, query("field", "")))
        elif find is not None:
            answer = await self.in_thread(lambda: reader.find(find))
        else:
            since = self._since(reader)
            answer = await self.in_thread(lambda: reader.news(since))
        await self.finish(answer if "reader" not in answer else answer | {"path": self.places.told(path)})

    @authenticated
    @authorized
    async def delete(self) -> None:
        """Puts the file into the trash of the machine that the server runs on."""
        path = await self._path()
        await self.in_thread(lambda: _to_trash(path))
        self._readers.forget(path)
        self.set_status(204)
        await self.finish()

    async def _path(self) -> Path:
        """Looks into the file, and so in a thread."""
        places, name, folder = self.places, self.get_query_argument("path"), self.get_query_argument("folder", "")
        return await self.in_thread(lambda: places.run(name, folder))

    def _since(self, reader: Reader) -> int | None:
        since = self.get_query_argument("since", "")
        return int(since) if since.isdecimal() and self.get_query_argument("reader", "") == reader.id else None


def _together(names: list[str]) -> list[str]:
    if len(names) > MOST_TOGETHER:
        raise UsageError(f"{len(names)} runs are too many for one file or comparison; select at most {MOST_TOGETHER}.")
    return names


def _to_trash(path: Path) -> None:
    from send2trash import send2trash

    from rlm_lab.errors import StateError
    from rlm_lab.trajectory.formats import place_of
    from rlm_lab.trajectory.formats.heads import head_of
    from rlm_lab.trajectory.notes import notes_path

    if place_of(path)[1] is not None:
        raise StateError(f"The run {path.name} is one of several in its file; throw the file away in the file browser.")
    if path.is_dir():
        raise StateError(f"The run {path.name} is a folder, which may hold more than the run; throw it away in the file browser.")
    if head_of(path).status in {"running", "paused"}:
        raise StateError(f"The run in {path.name} still goes on; stop it first.")
    send2trash([str(one) for one in (path, notes_path(path)) if one.exists()])


def _one_line(text: str) -> str:
    """Fit for a status line: one line of plain ASCII."""
    return " ".join(text.encode("ascii", "replace").decode().split())[:400]
