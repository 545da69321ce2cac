"""The page of runs: a Panel template of our own with three parts, the list, a run's view and its timeline, for each browser tab.

The parts are `JSComponent`s that pass texts of JSON both ways; nothing of a run is ever put into the page's HTML. Built and
used on the dashboard's loop only.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import panel as pn
from bokeh.application.handlers import FunctionHandler, Handler
from bokeh.document import Document
from bokeh.server.tornado import BokehTornado
from panel.io.application import Application

from rlm_lab.dashboard.desk import Desk
from rlm_lab.dashboard.exporting import PATH, Export
from rlm_lab.dashboard.pages import Page, Talking
from rlm_lab.dashboard.routing import ASSET_PATTERN, ASSETS, Nonces
from rlm_lab.dashboard.source import Source
from rlm_lab.dashboard.timeline import Timeline
from rlm_lab.dashboard.viewer import Viewer

_logger = logging.getLogger(__name__)
LARGEST_MESSAGE = 4 * 1024 * 1024  # from a page


class Part(Talking):
    """A part of the page that our own script draws, in the page itself."""

    _esm = Path(ASSETS / "part.js")
    __abstract = True


class Shell(Part):
    """The bar, the list of runs and a run's settings."""


class Pane(Part):
    """The view of the chosen run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a server shows: the runs of a desk, and pages beside their list."""

    desk: Desk
    pages: Sequence[Page] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The template of a page, the kind of page that its style is told, its path."""

    name: str
    kind: str
    here: str


class Nonce(Handler):
    """Carries a request's nonce to the page that is made for it."""

    def __init__(self, nonces: Nonces) -> None:
        super().__init__()
        self._nonces = nonces

    def modify_document(self, doc: Document) -> None:
        """Nothing is added to the page here."""

    def process_request(self, request: Any) -> dict[str, Any]:
        return {"nonce": self._nonces.of(request)}


def application(shown: Shown, nonces: Nonces, secret: bytes, lifetime: int) -> BokehTornado:
    """The Bokeh server of the pages; sessions are signed, and keep nothing of the request but what makes the page."""
    made = {"/": Application(FunctionHandler(lambda doc: build(shown, doc)), Nonce(nonces))}
    for page in shown.pages:
        handler = FunctionHandler(lambda doc, page=page: build_other(shown, page, doc))  # type: ignore[misc]
        made[f"/{page.path}"] = Application(handler, Nonce(nonces))
    return BokehTornado(
        made,
        extra_patterns=[ASSET_PATTERN, (PATH, Export, {"desk": shown.desk})],
        extra_websocket_origins=["*"],  # the guard has looked at the origin, more strictly than Bokeh would
        secret_key=secret,
        sign_sessions=True,
        include_headers=[],
        include_cookies=[],
        unused_session_lifetime_milliseconds=lifetime,
        check_unused_sessions_milliseconds=lifetime // 2,
        keep_alive_milliseconds=20_000,
        stats_log_frequency_milliseconds=3_600_000,
        websocket_max_message_size_bytes=LARGEST_MESSAGE,
    )


def build(shown: Shown, doc: Document) -> None:
    """Makes the page of runs for one tab: its parts, and the viewer that serves them."""
    desk = shown.desk

    def hear_shell(message: object) -> None:
        if isinstance(message, dict) and "theme" in message:
            timeline.paint(dark=message["theme"] == "dark")
        if isinstance(message, dict) and "time" in message:
            timeline.shown = message["time"] is True
        viewer.hear_shell(message)

    def hear_pane(message: object) -> None:
        if isinstance(message, dict) and isinstance(message.get("select"), str):
            timeline.select(message["select"])
        else:
            viewer.hear_pane(message)

    shell, pane = Shell(hear_shell), Pane(hear_pane)
    timeline = Timeline(lambda node: pane.send(json.dumps({"kind": "select", "id": node})))
    viewer = Viewer(desk, pane.send, shell.send, lambda source: _on_page(doc, timeline, source))
    drawing = pn.pane.Bokeh(timeline.layout, sizing_mode="stretch_both")
    _send_page(shown, doc, Looks(name="page.html", kind="list", here=""), {"shell": shell, "pane": pane, "timeline": drawing})
    desk.viewers.add(viewer)
    doc.on_session_destroyed(lambda _: viewer.close())
    desk.wake()


def build_other(shown: Shown, page: Page, doc: Document) -> None:
    """Makes a page of the table for one tab."""
    _send_page(shown, doc, Looks(name="other.html", kind="other", here=page.path), {"content": page.made(shown.desk)})


def _send_page(shown: Shown, doc: Document, looks: Looks, parts: Mapping[str, Any]) -> None:
    """Puts the parts into a template; the header leads to all pages."""
    template = pn.Template(_template(looks.name))
    for name, part in parts.items():
        template.add_panel(name, part)
    payload = getattr(doc.session_context, "token_payload", {})
    pages = [("", "Runs"), *((page.path, page.title) for page in shown.pages)]
    for name, value in {"nonce": payload.get("nonce", ""), "kind": looks.kind, "here": looks.here, "pages": pages}.items():
        template.add_variable(name, value)
    title = next((f"{title} · rlm_lab" for path, title in pages if path and path == looks.here), "rlm_lab")
    template.server_doc(doc, title=title, location=False)
    doc.config.reconnect_session = doc.config.notify_connection_status = False  # our page tells it, and opens itself anew


def _on_page(doc: Document, timeline: Timeline, source: Source | None) -> None:
    """Draws the timeline in a turn of its own, with the page's lock."""
    if timeline.wants(source):
        doc.add_next_tick_callback(lambda: timeline.draw(source))


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ASSETS), autoescape=True)
    return environment.get_template(name)
