"""Links to the dashboard, as a notebook and a terminal show them. What is saved of one opens nothing: its ticket is good once.

Main thread, or any other.
"""

from __future__ import annotations

import html
import os
import secrets
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rlm_lab.config import load_settings
from rlm_lab.dashboard.guard import LOOPBACK
from rlm_lab.dashboard.server import Dashboard
from rlm_lab.engine.run import Run
from rlm_lab.errors import StateError
from rlm_lab.trajectory.tree import Trajectory

MIME_TYPE = "application/vnd.rlm-lab.dashboard+json"
_STYLE = "font-size:13px;text-decoration:none"
_HERE = "in a new tab of this browser"
_PROXIED = "through the Jupyter server, from another machine"
_AT_ITS_SIDE = "in a browser on the kernel’s own machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An address that can be opened once. `proxied` is its path on the Jupyter server, where that serves it."""

    url: str = field(repr=False)
    proxied: str | None = field(default=None, repr=False)
    remote: bool = False

    def __str__(self) -> str:
        return self.url

    def bundle(self) -> dict[str, Any]:
        """What a notebook shows."""
        here, proxied = (self.url, _HERE), (self.proxied, _PROXIED)
        (first, use), (second, other) = (proxied, (self.url, _AT_ITS_SIDE)) if self.remote and self.proxied else (here, proxied)
        lines = [_line(str(first), "Open the dashboard", use)]
        lines += [] if second is None else [_line(second, "Open it", other)]
        what = "The link" if second is None else "Each link"
        lines.append(f"<div>{_note(f'{what} is good once; %rlm dashboard gives a new one.')}</div>")
        plain = f"The dashboard {use}, good once: {first}"
        told = {"version": 1, "id": secrets.token_hex(8)}  # by which a front end of ours opens a tab of its own; nothing secret
        return {"text/html": "".join(lines), "text/plain": plain, MIME_TYPE: told}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.bundle()


def dashboard_link(run: Run | Trajectory | None = None, *, folder: str | Path | None = None, embed: str | None = None) -> Link:
    """A link to the dashboard of this process, or to one run in it; starts the dashboard where it is not yet.

    Parameters
    ----------
    run: the run to open; without it the list of runs.
    folder: whose runs are listed; by default that of the run, or of the settings.
    embed: the origin of a page that will hold the dashboard in a frame, such as `http://localhost:8888`; it is allowed to from then
        on. The link's `url` is then the one address that the page can reach.

    Raises `StateError` where the server cannot start, or the page that embeds it could not reach it.
    """
    path = None if run is None else run.path
    place = Path(folder) if folder is not None else path.parent if path is not None else load_settings().runs
    shown = Dashboard.shared(place)
    if path is not None:
        shown.desk.look_at(path.parent)
    name = None if run is None else run.id if isinstance(run, Run) else run.run
    base, remote = _proxy(shown.port)
    if embed is not None:
        shown.guard.allow_frame(embed)
        here = _beside(embed, shown.port) if not remote else None
        return Link(url=shown.address(run=name, base=here or _below(embed, base)), remote=remote)
    proxied = None if base is None else shown.address(run=name, base=base)
    return Link(url=shown.address(run=name), proxied=proxied, remote=remote)


def _beside(origin: str, port: int) -> str | None:
    """The dashboard under the name by which a page of this machine was reached: the browser takes both for one site."""
    parts = urlsplit(origin)
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{name}:{port}/" if parts.scheme == "http" and name in LOOPBACK else None


def _below(origin: str, proxied: str | None) -> str:
    """The dashboard as the Jupyter server passes it on."""
    if proxied is None:
        raise StateError(
            "This page reaches the dashboard only through the Jupyter server: install jupyter-server-proxy where it runs."
        )
    return f"{origin}{proxied}"


def _proxy(port: int) -> tuple[str | None, bool]:
    """The path under which the Jupyter server serves a port, if it can, and whether that server is on another machine."""
    base, remote = _jupyter()
    if base is None or find_spec("jupyter_server_proxy") is None:
        return None, False
    return f"{base.rstrip('/')}/proxy/{port}/", remote


def _jupyter() -> tuple[str | None, bool]:
    """Base path of the server that started this kernel, and whether its users come from elsewhere."""
    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if hub is not None:
        return hub, True
    try:
        from jupyter_server.serverapp import list_running_servers

        servers = [server for server in list_running_servers() if server.get("pid") == os.getppid()]
    except Exception:  # noqa: BLE001 - a foreign package, and files that others wrote
        return None, False
    if not servers:
        return None, False
    return str(servers[0].get("base_url", "/")), servers[0].get("hostname") not in {"localhost", "127.0.0.1", "::1", ""}


def _anchor(url: str, text: str) -> str:
    return f'<a href="{html.escape(url, quote=True)}" target="_blank" rel="noopener noreferrer" style="{_STYLE}">{text}</a>'


def _line(url: str, text: str, use: str) -> str:
    return f"<div>{_anchor(url, text)} {_note(use)}</div>"


def _note(text: str) -> str:
    return f'<span style="font-size:11px;opacity:.7">{text}</span>'
