"""The front end's own line to this kernel: a comm of plain values, each with its version.

It tells which runs go on or are paused, what they have spent and what they came to, also those that were asked in Python; it hears
orders and questions, and answers each by its number. Messages arrive on the comm's subshell, where the kernel has subshells, so a
kernel that is busy with a cell hears them, too; an order that moves a run becomes an errand of the main thread. A thread of its own
tells, and looks only while cells run: between them nothing changes. A front end that fails changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

from rlm_lab.engine.run import Run, paused_runs, running
from rlm_lab.errors import ConfigError, UsageError
from rlm_lab.kernel.control import edit_cell, paused_run
from rlm_lab.kernel.errands import AT_ONCE, carry_out, loaded_magics, refusal
from rlm_lab.kernel.headless import headless
from rlm_lab.kernel.inline import stay_on_own_subshell
from rlm_lab.kernel.live import so_far
from rlm_lab.trajectory.tree import ENDED

TARGET = "rlm_lab"
VERSION = 1
PERIOD = 0.25  # seconds between two looks while a cell runs
_logger = logging.getLogger(__name__)
Message = dict[str, Any]


class Front:
    """One kernel's end of the line."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._comm: Any = None
        self._open: dict[str, Run] = {}
        self._told: dict[str, Message] = {}
        self._anew = False  # a page has come that has heard nothing yet
        self._busy = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """A cell is about to run."""
        if threading.current_thread() is threading.main_thread():
            if self._comm is None and self._has_reader():
                self.open()
            self._busy = True
            self._wake.set()

    def end(self) -> None:
        """A cell has ended."""
        if threading.current_thread() is threading.main_thread():
            self._busy = False
            self._wake.set()

    def _has_reader(self) -> bool:
        try:
            return not headless(self._shell)
        except ConfigError:
            return False  # a question tells it

    def open(self) -> None:
        """Opens the line where this is a kernel and none is open; front ends that come later find it by its target's name."""
        if self._comm is not None or not hasattr(self._shell, "kernel"):
            return
        from comm import create_comm

        self._comm = create_comm(target_name=TARGET, data={"v": VERSION})
        stay_on_own_subshell(self._comm)
        self._comm.on_msg(lambda message: self.hear(message["content"].get("data")))
        self._comm.on_close(self._stay_open)
        self._busy = True  # it is opened by a cell, or by a request like one
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="rlm_lab front", daemon=True)
            self._thread.start()

    def _stay_open(self, _: object) -> None:
        """A front end has closed the line, such as one that does not know us: for the others it is as it was."""
        from comm import get_comm_manager

        get_comm_manager().register_comm(self._comm)

    # to the front end

    def _watch(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            try:
                self._tell()
            except Exception:  # a front end must never break a run
                _logger.debug("The front end could not be told.", exc_info=True)
            time.sleep(PERIOD)
            if self._busy:
                self._wake.set()

    def _tell(self) -> None:
        """What has changed; a run that has ended is told a last time."""
        if self._anew:
            self._anew, self._told = False, {}
        told = {run.id: so_far(run) for run in self._live()}
        news = [payload for run, payload in told.items() if payload != self._told.get(run)]
        self._told = {run: told[run] for run in self._open}
        if news:
            self._send({"runs": news})

    def _live(self) -> list[Run]:
        """The runs that go on or are paused, and those that did when it was last asked."""
        now = running()
        runs = self._open | {run.id: run for run in (*paused_runs(), *([now] if now else []))}
        self._open = {name: run for name, run in runs.items() if run.status not in ENDED}
        return list(runs.values())

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._comm is not None:
            self._comm.send({"v": VERSION, **message})

    # from the front end

    def hear(self, said: object) -> None:
        """An order or a question; hostile until it is read."""
        if not isinstance(said, Mapping):
            return
        number = said.get("id")
        try:
            if said.get("v") != VERSION:
                raise UsageError("The page and this kernel have different versions of rlm_lab; install one, then reload the page.")
            if isinstance(said.get("command"), str):
                carry_out(_meant(said), _order(said), partial(self._answer, number))
            else:
                self._answer(number, {"value": self._asked(said)})
        except Exception as error:  # the page waits for an answer, whatever has failed
            _logger.debug("What the front end said could not be done.", exc_info=True)
            self._answer(number, refusal(error))

    def _asked(self, said: Mapping[str, Any]) -> Any:
        match said.get("ask"):
            case "runs":
                self._anew = True
                self._wake.set()
                return None
            case "pending":
                return edit_cell(paused_run(_name(said)))
            case "dashboard":
                return _dashboard_address(str(said.get("embed") or ""))
        raise UsageError(f"There is no question {said.get('ask')!r:.60}.")

    def _answer(self, number: object, told: Mapping[str, Any]) -> None:
        self._send({**told, "id": number})


def greet() -> None:
    """Loads the extension where it is not, and opens its line: for a front end that has something to ask and found none."""
    shell: Any = get_ipython()
    if shell is not None:
        shell.extension_manager.load_extension("rlm_lab")
        loaded_magics().front.open()


def _meant(said: Mapping[str, Any]) -> Run:
    """The run that an order is for: the one that goes on, for what can reach it; else the paused one, the newest by default."""
    name, now = _name(said), running()
    if now is not None and said["command"] in AT_ONCE and name in {None, now.id}:
        return now
    return paused_run(name)


def _order(said: Mapping[str, Any]) -> Message:
    return {field: value for field, value in said.items() if field not in {"v", "id", "run"}}


def _name(said: Mapping[str, Any]) -> str | None:
    return str(said["run"]) if said.get("run") else None


def _dashboard_address(embed: str) -> str:
    """Where the dashboard can be opened once, as the front end reaches it; starts it where it is not yet.

    `embed` is the origin of the page that will hold it in a frame, such as `http://localhost:8888`; the dashboard then allows that
    origin, and no other. Raises `StateError` for a page that cannot reach it.
    """
    import rlm_lab  # by its public name: the dashboard stands above the kernel's side

    if embed:
        return str(rlm_lab.dashboard_link(embed=embed))
    link = rlm_lab.dashboard_link()
    return str(link.proxied or link.url)
