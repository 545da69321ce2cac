"""Orders of a front end: what its commands say to the run of this kernel, one value each, sent as an ordinary execute request.

Pause, stop and breakpoints reach the run that goes on, from any thread (a subshell while a cell runs); the others go to the newest
paused run, on the main thread, and are shown where that run stands, not in a cell of their own.
"""

from __future__ import annotations

import threading
from typing import Any

from rlm_lab.engine.orders import apply
from rlm_lab.engine.run import running
from rlm_lab.errors import StateError
from rlm_lab.kernel.control import edit_cell, paused_run
from rlm_lab.kernel.errands import Errand, do_now


def order(name: str, *, run: str | None = None, **fields: Any) -> None:
    """Has a run do what a command says, the newest paused one where none is named; a refusal is raised as one line."""
    command = {"command": name, **fields}
    under_way = running()
    if under_way is not None and name in {"pause", "stop", "break", "unbreak"}:
        apply(under_way, command)
    elif threading.current_thread() is not threading.main_thread():
        raise StateError(f"No run goes on now that {name} could reach.")
    else:
        do_now(Errand(paused_run(run or None), command))


def pending_cell(run: str = "") -> str:
    """The cell that changes what a paused run is about to do: a line with `%%rlm_edit`, and the text below it."""
    return edit_cell(paused_run(run or None))


def dashboard_address(embed: str = "") -> str:
    """Where the dashboard can be opened once, as the front end reaches it; starts it where it is not yet.

    `embed` is the origin of the page that will hold it in a frame, such as `http://localhost:8888`; the dashboard then allows that
    origin, and no other. Raises `StateError` for a page that cannot reach it.
    """
    import rlm_lab  # by its public name: the dashboard stands above the kernel's side

    if embed:
        return str(rlm_lab.dashboard_link(embed=embed))
    link = rlm_lab.dashboard_link()
    return str(link.proxied or link.url)
