"""The desk: the runs that are looked at, who looks at them, and the commands that come back. The work of the dashboard's loop.

One turn takes in what is new and serves each viewer that is ready for more. A viewer has one message under way at a time: one that
is slow gets fewer and larger messages, and a snapshot when it is far behind; no run and no other viewer waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlm_lab.dashboard.shelf import Row, Shelf, alive
from rlm_lab.dashboard.source import Source, at_once
from rlm_lab.dashboard.viewer import Viewer
from rlm_lab.engine.orders import apply, done_by
from rlm_lab.engine.run import Run, known_runs, paused_runs, running
from rlm_lab.errors import RLMError, StateError
from rlm_lab.kernel.errands import Errand, Messenger, connection_file
from rlm_lab.trajectory.formats import load
from rlm_lab.trajectory.tree import Trajectory

_logger = logging.getLogger(__name__)
SPACING = 0.01  # seconds between two turns at least: what comes meanwhile goes out together
SHARE = 5  # the loop rests so many times as long as it computed, so that a run keeps the interpreter to itself
FLOOD_SHARE = 30  # so many times as long where events come faster than a person can see
LONGEST_REST = 1.0  # seconds
NAP = 0.05  # seconds after which it is looked whether the run that is rested for still goes on
LOOK = 0.1  # seconds between two looks at what wakes nobody: new runs, files that grow
SHELF = 1.0  # seconds between two looks at the folders at least
SHELF_SHARE = 40  # a look at full folders is waited for so many times as long as it took
IDLE = 1.0  # seconds between two turns while nobody looks

Answer = Callable[[Mapping[str, Any]], None]


class Desk:
    """What is shown, and to whom. Made on any thread, used on the loop's; `wake` and `look_at` may be called from any."""

    def __init__(self, folder: Path, *, kernel: bool | None = None) -> None:
        file = connection_file() if kernel is not False else None
        self.kernel = file is not None
        self.rows: dict[str, Row] = {}
        self.viewers: set[Viewer] = set()
        self.shelf = Shelf([folder.absolute()])
        self._messenger = None if file is None else Messenger(file)
        self._sources: dict[str, Source] = {}
        self._looked = 0.0
        self._shelf_took = 0.0
        self._complained = False
        self._used = 0.0  # seconds that the thread had computed at the last turn's end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awake = asyncio.Event()
        self._errands: set[asyncio.Task[None]] = set()

    def look_at(self, folder: Path) -> None:
        """Adds a folder to those whose runs are listed."""
        if folder.absolute() not in self.shelf.folders:
            self.shelf.folders = [*self.shelf.folders, folder.absolute()]

    def wake(self) -> None:
        """Has the next turn come soon."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._awake.set)

    async def attend(self, stopped: asyncio.Event) -> None:
        """Turns until `stopped`."""
        self._loop = asyncio.get_running_loop()
        ending = asyncio.ensure_future(stopped.wait())
        ending.add_done_callback(lambda _: self._awake.set())
        while not stopped.is_set():
            self._awake.clear()
            try:
                more = self._turn()
            except Exception:  # one bad turn must not end the dashboard; it is told once
                _logger.log(
                    logging.DEBUG if self._complained else logging.WARNING, "A turn of the dashboard failed.", exc_info=True
                )
                self._complained, more = True, False
            await self._rest(more)
        self._close()

    async def _rest(self, more: bool) -> None:
        """Long enough to leave the interpreter to a run; clicks are heard meanwhile. Then until there is something to do."""
        now = time.thread_time()
        used, self._used = now - self._used, now
        await asyncio.sleep(SPACING)
        flood = max((source.pace.flood for source in self._sources.values()), default=0.0)
        until = time.monotonic() + min(used * (SHARE + (FLOOD_SHARE - SHARE) * flood), LONGEST_REST) - SPACING
        while running() is not None and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, NAP))
        if not more:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), LOOK if self.viewers else IDLE)

    def _turn(self) -> bool:
        if not self.viewers:
            self._forget()
            return False
        live = alive([*paused_runs(), running()])
        self._look_at_shelf(live)
        held = alive(known_runs())  # one that has ended can be taken back
        more = [source.look(held.get(name)) for name, source in self._sources.items()]
        for viewer in list(self.viewers):
            viewer.serve()
        self._forget()
        return any(more)

    def _look_at_shelf(self, live: Mapping[str, Run]) -> None:
        now = time.monotonic()
        for run in live.values():
            if run.path is not None:
                self.look_at(run.path.parent)
        changed = any(self.rows.get(name, {}).get("status") != run.status for name, run in live.items())
        if changed or now - self._looked >= max(SHELF, self._shelf_took * SHELF_SHARE):
            self.rows = self.shelf.look(live)
            self._looked = time.monotonic()
            self._shelf_took = self._looked - now

    def listed(self) -> dict[str, Row]:
        """The runs of the folders by their names, the newest first, also while nobody looks at their list."""
        self._look_at_shelf(alive([*paused_runs(), running()]))
        return self.rows

    # who looks

    def path_of(self, name: str) -> Path | None:
        """The file of a run that is listed; None where no such run is known, or it keeps none."""
        live = alive(known_runs())
        return live[name].path if name in live else self.shelf.path_of(name)

    def finder(self, name: str) -> Callable[[], Run | Trajectory] | None:
        """How a run is read, on any thread: as this process holds it, else from its file; None where there is no such run."""
        held = alive(known_runs()).get(name)
        if held is not None:
            return lambda: held
        path = self._sought(name, alive([*paused_runs(), running()]))
        return None if path is None else lambda: load(path)

    def _sought(self, name: str, live: Mapping[str, Run]) -> Path | None:
        """The file of a run; it may be newer than the last look."""
        if self.shelf.path_of(name) is None:
            self._looked = 0.0
            self._look_at_shelf(live)
        return self.shelf.path_of(name)

    def source(self, name: str) -> Source | None:
        """The source of a run, opened where it is not open yet; None where no such run is known."""
        if name not in self._sources:
            live = alive([*paused_runs(), running()])
            path = live[name].path if name in live else self._sought(name, live)
            if name not in live and path is None:
                return None
            self._sources[name] = Source(name, path, wake=self.wake, kernel=self.kernel)
            self._sources[name].look(alive(known_runs()).get(name))
        return self._sources[name]

    def _forget(self) -> None:
        """Closes sources that nobody looks at any more."""
        wanted = {viewer.source.name for viewer in self.viewers if viewer.source is not None}
        for name in [name for name in self._sources if name not in wanted]:
            self._sources.pop(name).close()

    def _close(self) -> None:
        for source in self._sources.values():
            source.close()
        for errand in self._errands:
            errand.cancel()
        if self._messenger is not None:
            self._messenger.close()

    # commands

    def command(self, source: Source, command: Mapping[str, Any], answer: Answer) -> None:
        """Has a run do what a viewer says: at once where that can be, else as an errand of the main thread."""
        run = source.run
        try:
            if run is None:
                raise StateError(str(next(iter(source.state.get("can", {}).values()), "This run cannot be steered from here.")))
            if at_once(run, str(command.get("command"))):
                apply(run, command)
                answer(done_by(None))
            else:
                self._send(source, run, command, answer)
        except RLMError as error:
            answer({"refused": str(error)})
        self.wake()

    def _send(self, source: Source, run: Run, command: Mapping[str, Any], answer: Answer) -> None:
        if self._messenger is None:
            raise StateError("This run is not in a notebook; go on where it was started, with %rlm or the methods of Run.")
        if source.queued is not None:
            raise StateError(f"{source.queued} is sent already; it waits until the cell that runs has ended.")
        if command.get("at") is not None and command["at"] != run.stamp:
            raise StateError("Another viewer, or a cell, was first: the run has gone on since. Look again.")
        source.queued = str(command.get("command"))
        task = asyncio.ensure_future(self._errand(source, Errand(run, dict(command)), answer))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _errand(self, source: Source, errand: Errand, answer: Answer) -> None:
        assert self._messenger is not None

        def begun() -> None:
            source.queued = None
            self.wake()

        errand.on_begin = begun
        try:
            await self._messenger.send(errand)
            answer(done_by(errand.made))
        except RLMError as error:
            answer({"refused": str(error)})
        finally:
            begun()
