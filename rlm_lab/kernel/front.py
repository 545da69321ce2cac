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
from rlm_lab.kernel.control import paused_run
from rlm_lab.kernel.errands import Errand, do_now


def order(name: str, **fields: Any) -> None:
    """Has a run do what a command says; a refusal is raised as one line."""
    command = {"command": name, **fields}
    run = running()
    if run is not None and name in {"pause", "stop", "break", "unbreak"}:
        apply(run, command)
    elif threading.current_thread() is not threading.main_thread():
        raise StateError(f"No run goes on now that {name} could reach.")
    else:
        do_now(Errand(paused_run(), command))


def dashboard_address() -> str:
    """Where the dashboard can be opened once, as the front end reaches it; starts it where it is not yet."""
    import rlm_lab  # by its public name: the dashboard stands above the kernel's side

    link = rlm_lab.dashboard_link()
    return str(link.proxied or link.url)
