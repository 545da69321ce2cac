"""The way of a request: the guard first, then a short list of paths; what leaves gets the headers that bind the browser.

Whatever is not on the list is not there, with or without the secret. Nothing here logs a path, a header or a cookie. Owned by
the dashboard's loop.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import Router
from tornado.web import Application, OutputTransform, RequestHandler, StaticFileHandler

from rlm_lab.dashboard.guard import Guard, Verdict, Visit

ASSETS = Path(__file__).parent / "assets"
SERVED = ("page.css", "theme.js", "boot.js", "shell.js", "pane.js")  # of our own files
BUNDLES = ("view.js", "editor.js", "compare.js", "lesson.js")  # of the component's
# Panel's and Bokeh's: the pages need no more of them.
OFFERED = re.compile(
    r"/export|/assets/[a-z.]+|/static/js/bokeh(-widgets|-tables)?\.min\.js"
    r"|/static/extensions/panel/(panel\.min\.js|(css|bundled/theme)/[a-z_]+\.css)"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), clipboard-read=()",
}
_REASONS = {
    "host": (421, "This address is not the dashboard's."),
    "origin": (403, "The dashboard answers its own page only."),
    "secret": (403, "The dashboard needs its link: run %rlm dashboard in the notebook for one."),
}


class Nonces:
    """A fresh number for each request, which marks the scripts that we wrote."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[HTTPServerRequest, str] = WeakKeyDictionary()

    def of(self, request: HTTPServerRequest) -> str:
        return self._known.setdefault(request, secrets.token_urlsafe(16))


NOBODY = "'none'"


def policy(nonce: str, host: str, embedders: Sequence[str] = ()) -> str:
    """The Content-Security-Policy; `embedders` are the origins whose pages may hold this one in a frame, none by default.

    Scripts: ours by number, and what they load themselves (`strict-dynamic`: Panel imports a component as a blob). There is no
    `unsafe-eval`: only Bokeh's CustomJS would need it, and the page has none. Styles: `unsafe-inline`, as Bokeh writes `style`
    elements into its shadow roots; with no other host to load from, a style can tell nobody what it saw. Frames: only `srcdoc`.
    """
    return "; ".join((
        "default-src 'none'",
        f"script-src 'nonce-{nonce}' 'strict-dynamic'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        f"connect-src 'self'{_sockets(host)}",
        "frame-src 'none'",
        f"frame-ancestors {' '.join(embedders) or NOBODY}",
        "form-action 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    ))  # fmt: skip


def _sockets(host: str) -> str:
    """Older browsers do not count a websocket to the same host as `self`."""
    return f" ws://{host} wss://{host}" if re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", host) else ""


class Gatekeeper(Router):
    """Lets a request through to the Bokeh server, or to the door, where a ticket is exchanged for the cookie."""

    def __init__(self, guard: Guard, inside: Application, nonces: Nonces, pages: Sequence[str] = ()) -> None:
        self._guard = guard
        self._pages = {"/", *(f"/{path}" for path in pages)}
        self._offered = self._pages | {f"{path.rstrip('/')}/ws" for path in self._pages}  # each page has a websocket
        self._inside = inside
        self._door = Application(
            [
                (r"/[a-z]*", Door, {"guard": guard, "nonces": nonces}),
                (r".*", Refusal),
            ],
            log_function=_silent,
        )
        for application in (inside, self._door):
            application.settings["log_function"] = _silent
            application.add_transform(binding(nonces, guard))

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate:
        visit = visit_of(request)
        verdict = self._guard.refuses(visit)
        if request.path == "/enter" or (request.path in self._pages and _is_for_the_door(request, visit, verdict)):
            return self._door.find_handler(request)
        if verdict is not None:
            return self._door.get_handler_delegate(request, Refusal, {"verdict": verdict})
        if request.path not in self._offered and not OFFERED.fullmatch(request.path):
            return self._door.get_handler_delegate(request, Refusal)
        return self._inside.find_handler(request)


def _is_for_the_door(request: HTTPServerRequest, visit: Visit, verdict: Verdict) -> bool:
    """Who has no cookie yet, or brings a ticket; by a proxy's name, which is not known before a ticket came by it, too."""
    return verdict == "secret" or "token" in request.arguments or (verdict == "host" and visit.proxied is not None)


class Door(RequestHandler):
    """Exchanges a ticket for the cookie: from the link's fragment by a small script, or from `?token=`."""

    def initialize(self, guard: Guard, nonces: Nonces) -> None:
        self._guard = guard
        self._nonces = nonces

    def get(self) -> None:
        """A page of our own, not a redirect: the browser would not send a strict cookie after a link from another site."""
        if self.request.path == "/enter":
            raise_refusal(self, "secret")
            return
        cookie = self._admitted(self.get_query_argument("token", ""))
        if "token" in self.request.arguments and (cookie or self._guard.refuses(visit_of(self.request)) is None):
            self._send("entered.html")
        else:
            self.set_status(403)
            self._send("door.html")

    def post(self) -> None:
        if self._admitted(self.request.body[:200].decode("ascii", "replace")) is None:
            raise_refusal(self, "secret")
        else:
            self.set_status(204)

    def _admitted(self, ticket: str) -> str | None:
        cookie = self._guard.admit(visit_of(self.request), ticket)
        if cookie is not None:
            self.set_header("Set-Cookie", cookie)
        return cookie

    def _send(self, name: str) -> None:
        text = (ASSETS / name).read_text(encoding="utf-8")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(text.replace("{{ nonce }}", self._nonces.of(self.request)))


class Refusal(RequestHandler):
    """Says no, in one line, to every method."""

    def initialize(self, verdict: str | None = None) -> None:
        self._verdict = verdict

    def prepare(self) -> None:
        if self._verdict is None:
            self.set_status(404)
            self.finish("There is nothing here.\n")
        else:
            raise_refusal(self, self._verdict)


class Assets(StaticFileHandler):
    """Our own files, by name: `SERVED`, and the modules that draw runs."""

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        return str(Path(root) / path if path in SERVED else bundle(path) if path in BUNDLES else Path(root) / "none")

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        return super().validate_absolute_path(str(Path(absolute_path).parent), absolute_path)


def bundle(name: str) -> Path:
    """An ES module that draws runs."""
    import rlm_lab.views

    return Path(rlm_lab.views.__file__).parent / "component" / "dist" / name


def visit_of(request: HTTPServerRequest) -> Visit:
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket" or request.path.endswith("/ws")
    return Visit(host=request.host, headers=request.headers, websocket=upgrade)


def binding(nonces: Nonces, guard: Guard) -> type[OutputTransform]:
    """A transform that gives every response the headers that bind the browser."""

    class Binding(OutputTransform):
        def __init__(self, request: HTTPServerRequest) -> None:
            self._request = request

        def transform_first_chunk(
            self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
        ) -> tuple[int, HTTPHeaders, bytes]:
            for name, value in _HEADERS.items():
                headers[name] = value
            if guard.embedders:
                headers.pop("X-Frame-Options", None)  # which knows none or all of its own origin; the policy names whom
            headers["Content-Security-Policy"] = policy(nonces.of(self._request), self._request.host, guard.embedders)
            headers["Cache-Control"] = "no-store" if "." not in self._request.path else "private, no-cache"
            headers.pop("Server", None)
            return status_code, headers, chunk

    return Binding


def raise_refusal(handler: RequestHandler, verdict: str) -> None:
    status, text = _REASONS[verdict]
    handler.set_status(status)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(f"{text}\n")


def _silent(_: RequestHandler) -> None:
    """Requests are not logged: a path may hold a ticket."""


Pattern = tuple[str, type[RequestHandler], dict[str, Any]]
ASSET_PATTERN: Pattern = (r"/assets/([a-z.]+)", Assets, {"path": str(ASSETS)})
Page = Callable[[Any], None]
