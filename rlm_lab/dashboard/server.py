"""The dashboard's server: a Bokeh server with Panel's sessions, in a daemon thread with a loop of its own.

One for each process, on loopback, on a port that the system chooses; it ends with the process. Only its own thread touches
sockets, sessions and sources. What another thread asks for is put on its loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rlm_lab.dashboard.desk import Desk
from rlm_lab.dashboard.guard import Guard
from rlm_lab.dashboard.hush import hush
from rlm_lab.errors import StateError

if TYPE_CHECKING:
    from rlm_lab.dashboard.pages import Page

_logger = logging.getLogger(__name__)
T = TypeVar("T")
START_SECONDS = 60.0  # a loaded machine may take long to import Panel
SESSION_MILLISECONDS = 15_000  # that a page may be away (a reload, a lost connection) before its session ends


class Dashboard:
    """The server of one process and what it shows. Made by `shared`; not to be made by hand, except in tests."""

    _instance: ClassVar[Dashboard | None] = None
    _starting: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, folder: Path, *, kernel: bool | None = None, pages: Sequence[Page] | None = None) -> None:
        """`pages` are those beside the list of runs; by default `rlm_lab.dashboard.pages.PAGES`."""
        self.desk = Desk(folder, kernel=kernel)
        self._pages = pages
        self.guard: Guard
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._started: Future[None] = Future()
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="rlm_lab dashboard", daemon=True)

    @classmethod
    def shared(cls, folder: Path) -> Dashboard:
        """The dashboard of this process, started when it is first asked for; `folder` is looked at from now on, too."""
        with cls._starting:
            if cls._instance is None or cls._instance._pid != os.getpid() or not cls._instance._thread.is_alive():
                made = cls(folder)
                made.start()
                cls._instance = made
            else:
                cls._instance.desk.look_at(folder)
            return cls._instance

    def start(self) -> None:
        """Starts the thread and waits until the server listens. Raises `StateError` where it cannot."""
        import panel.io.server  # noqa: F401 - on this thread: an import half done on two threads can deadlock

        self._thread.start()
        try:
            self._started.result(START_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever a foreign server may raise
            raise StateError(f"The dashboard could not start ({type(error).__name__}: {error}); runs go on without it.") from None

    @property
    def port(self) -> int:
        return self.guard.port

    def address(self, *, run: str | None = None, lasting: bool = False, base: str | None = None) -> str:
        """A link with a ticket in its fragment, which no server and no log sees.

        `base` is where a proxy serves it, or that and a page's path.
        """
        from urllib.parse import quote

        rest = "" if run is None else f"&run={quote(run, safe='')}"
        return f"{base or f'http://127.0.0.1:{self.port}/'}#ticket={self.guard.ticket(lasting=lasting)}{rest}"

    def call(self, made: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine on the dashboard's loop."""
        return asyncio.run_coroutine_threadsafe(made, self._loop)

    def close(self) -> None:
        """Ends the server; for tests and the command line. A kernel's ends with the kernel."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop)
            self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._serve()
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            else:
                _logger.warning("The dashboard has ended; runs go on without it.", exc_info=True)
        finally:
            self._loop.close()

    def _serve(self) -> None:
        async def serving() -> None:
            stopped = asyncio.Event()
            self._stop = stopped.set
            end = self._listen()
            self._started.set_result(None)
            try:
                await self.desk.attend(stopped)
            finally:
                await end()

        self._loop.run_until_complete(serving())

    def _listen(self) -> Callable[[], Coroutine[Any, Any, None]]:
        """Binds the port and starts the Bokeh server behind the guard; gives the way to end it."""
        from tornado.httpserver import HTTPServer
        from tornado.ioloop import IOLoop
        from tornado.netutil import bind_sockets

        from rlm_lab.dashboard.page import Shown, application
        from rlm_lab.dashboard.pages import PAGES
        from rlm_lab.dashboard.routing import Gatekeeper, Nonces

        hush(threading.get_ident())
        sockets = bind_sockets(0, "127.0.0.1")
        self.guard, nonces = Guard(sockets[0].getsockname()[1]), Nonces()
        pages = PAGES if self._pages is None else self._pages
        inside = application(Shown(desk=self.desk, pages=pages), nonces, secrets.token_bytes(32), SESSION_MILLISECONDS)
        http = HTTPServer(
            Gatekeeper(self.guard, inside, nonces, [page.path for page in pages]),
            max_header_size=64 * 1024,
            max_body_size=1024 * 1024,
        )
        http.add_sockets(sockets)
        inside.initialize(IOLoop.current())
        inside.start()

        async def end() -> None:
            http.stop()
            inside.stop(wait=False)
            await http.close_all_connections()

        return end
