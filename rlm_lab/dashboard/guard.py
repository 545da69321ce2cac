"""Who may talk to the dashboard: the secret, the tickets that bring it to a browser, the hosts and origins that are believed.

The secret lives in this process and in the browser's cookie, nowhere else: a link carries a *ticket*, which is good for one first
visit, so that a saved notebook or a log holds nothing that opens the page. Nothing here reads or writes a socket. The
dashboard's loop owns a `Guard`; `ticket` may be called from any thread.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Literal
from urllib.parse import urlsplit

from rlm_lab.errors import StateError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_TICKETS = 256  # links that were not used yet; the oldest are forgotten
_PATH = re.compile(r"/[A-Za-z0-9._~/@+-]*")  # of a proxy, as it may stand in a cookie
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
PROXY_PATH = "X-ProxyContextPath"  # jupyter-server-proxy says there under which path it serves us
Verdict = Literal["host", "origin", "secret"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a request says of itself. `headers` are looked up without regard to case."""

    host: str
    headers: Mapping[str, str] = field(repr=False)
    websocket: bool = False

    @property
    def proxied(self) -> str | None:
        """The path under which a proxy serves this request."""
        path = self.headers.get(PROXY_PATH) or ""
        return path if _PATH.fullmatch(path) and "//" not in path else None


class Guard:
    """The secret of one server, and what it lets in."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._secret = secrets.token_urlsafe(32)
        self._tickets: deque[str] = deque(maxlen=MOST_TICKETS)
        self._lasting: str | None = None
        self._proxies: set[str] = set()
        self._embedders: set[str] = set()

    def __repr__(self) -> str:
        return f"<Guard of port {self.port}>"

    @property
    def cookie(self) -> str:
        """The name of the cookie: cookies know no ports, and each kernel has a server of its own."""
        return f"rlm_lab_{self.port}"

    def ticket(self, *, lasting: bool = False) -> str:
        """What a link carries: good for one first visit; a `lasting` one for as many as are made while the process lives."""
        if lasting:
            self._lasting = self._lasting or secrets.token_urlsafe(32)
            return self._lasting
        made = secrets.token_urlsafe(32)
        self._tickets.append(made)
        return made

    def allow_frame(self, origin: str) -> None:
        """Lets pages of one origin hold the page in a frame: the Jupyter server's own, told by who makes a link.

        Raises `StateError` for what is no origin.
        """
        if not _ORIGIN.fullmatch(origin):
            raise StateError(f"{origin[:200]!r} is no origin of a page; such as http://localhost:8888 is one.")
        self._embedders.add(origin)

    @property
    def embedders(self) -> tuple[str, ...]:
        """The origins whose pages may hold the page in a frame."""
        return tuple(sorted(self._embedders))

    def refuses(self, visit: Visit) -> Verdict:
        """What is wrong with a request, None where it may pass."""
        if not self._is_own_host(visit):
            return "host"
        if not self._is_own_origin(visit):
            return "origin"
        return None if self._has_secret(visit) else "secret"

    def admit(self, visit: Visit, ticket: str) -> str | None:
        """The `Set-Cookie` that a right ticket is worth; None for a wrong one. Uses the ticket up.

        The host is believed from now on where a proxy brought the ticket: only its user can have known it.
        """
        if not (visit.host in self._hosts() or visit.proxied) or not self._is_own_origin(visit) or not self._takes(ticket):
            return None
        if visit.proxied:
            self._proxies.add(visit.host)
        secure = "; Secure" if visit.headers.get("X-Forwarded-Proto", "") == "https" else ""
        return f"{self.cookie}={self._secret}; Path={visit.proxied or '/'}; HttpOnly; SameSite=Strict{secure}"

    def _takes(self, ticket: str) -> bool:
        if self._lasting is not None and _same(ticket, self._lasting):
            return True
        found = [known for known in list(self._tickets) if _same(ticket, known)]
        for known in found:
            self._tickets.remove(known)
        return bool(found)

    def _hosts(self) -> set[str]:
        return {f"{name}:{self.port}" for name in LOOPBACK}

    def _is_own_host(self, visit: Visit) -> bool:
        """A name that an attacker had point to loopback (DNS rebinding) is none of these."""
        return visit.host in self._hosts() or visit.host in self._proxies

    def _is_own_origin(self, visit: Visit) -> bool:
        """Browsers send it with a websocket always, with a page never; where it is sent it must be our own page's."""
        origin = visit.headers.get("Origin") or visit.headers.get("Sec-WebSocket-Origin")
        if origin is None:
            return not visit.websocket
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return (
            parts.scheme in {"http", "https"} and parts.netloc == visit.host and visit.headers.get("Sec-Fetch-Site") != "cross-site"
        )

    def _has_secret(self, visit: Visit) -> bool:
        try:
            cookies = SimpleCookie(visit.headers.get("Cookie") or "")
        except CookieError:
            return False
        return self.cookie in cookies and _same(cookies[self.cookie].value, self._secret)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), known.encode())
