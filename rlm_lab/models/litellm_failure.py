"""What went wrong with one request to an endpoint: a value that says whether to try again, and how to tell the user.

Every text that reaches a message passes `clean`: one line, short, no keys. Pure apart from reading `os.environ` for the keys
that must not be shown.
"""

from __future__ import annotations

import dataclasses
import email.utils
import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from rlm_lab.errors import (
    AuthenticationError,
    ModelError,
    ModelNotFoundError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from rlm_lab.masking import masked

Kind = Literal["key", "missing", "rate", "timeout", "refused", "failed", "unreachable", "broken"]
_LONGEST_WAIT = 60.0  # seconds; a longer Retry-After is cut to this
_DETAIL = 240  # characters of an endpoint's own words
_UNREACHABLE = {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ConnectionTimeoutError"}
_BROKEN = {"APIConnectionError", "MidStreamFallbackError", "TransportError", "ClientError"}
_CONNECTING = re.compile(r"connection error|cannot connect|connect call failed|connection refused", re.IGNORECASE)
_PREFIX = re.compile(r"\b(?:litellm\.)?\w*(?:Error: |Exception(?:: | - ))")  # the names of LiteLLM's classes


class EndpointError(Exception):
    """Carries a `Failure` from where it is seen to where it is handled; never leaves the models layer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request went, as it may be told: `base` is a URL without user, password and query."""

    name: str
    base: str
    seconds: float
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed try. `detail` is the endpoint's own words, cleaned; `retry_after` in seconds."""

    kind: Kind
    detail: str = ""
    status: int | None = None
    retry_after: float | None = None

    @property
    def again(self) -> bool:
        """Whether another try may help."""
        return self.kind in {"rate", "failed", "unreachable", "broken"}

    def wait(self, tries: int) -> float:
        """Seconds to wait after the `tries`-th failed try: what the endpoint asked for, else twice as long each time."""
        if self.retry_after is not None:
            return min(self.retry_after, _LONGEST_WAIT)
        return float(min(8.0, 0.25 * 2**tries) * random.uniform(0.75, 1.0))

    def as_error(self, target: Target, retries: int) -> ModelError:
        """The error for the user."""
        said = f" (HTTP {self.status})" if self.status else ""
        tail = f": {self.detail}" if self.detail else ""
        after = f" after {retries + 1} tries" if retries else ""
        kind, text = _WORDS[self.kind]
        near = f" Near names: {', '.join(target.near)}." if target.near and self.kind == "missing" else ""
        message = text.format(name=target.name, base=target.base, seconds=target.seconds, said=said, tail=tail, after=after) + near
        return kind(message, retries=retries)


_WORDS: dict[Kind, tuple[type[ModelError], str]] = {
    "key": (AuthenticationError, "{base} refused the key for model {name!r}{said}{tail}; set the right one in the environment."),
    "missing": (ModelNotFoundError, "{base} has no model {name!r}{said}{tail}; check the model's name and the base URL."),
    "rate": (RateLimitError, "{base} refused requests for now{said}{after}{tail}; wait, or lower max_concurrency."),
    "timeout": (ModelTimeoutError, "Model {name!r} at {base} gave no reply within {seconds:g} s; raise the time limit."),
    "refused": (ModelError, "{base} refused the request to model {name!r}{said}{tail}."),
    "failed": (ModelUnavailableError, "{base} failed{said}{after}{tail}; try later or use another model."),
    "unreachable": (ModelUnavailableError, "{base} cannot be reached{after}{tail}; check that it runs and the base URL is right."),
    "broken": (ModelUnavailableError, "{base} gave no whole reply for model {name!r}{after}{tail}; try again or check the server."),
}  # fmt: skip


def from_status(status: int, body: str, headers: Mapping[str, str], *, secret: str | None = None) -> Failure:
    """The failure that an HTTP status tells."""
    kinds: dict[int, Kind] = {401: "key", 403: "key", 404: "missing", 408: "timeout", 409: "failed", 429: "rate"}
    kind = kinds.get(status, "failed" if status >= 500 else "refused")
    return Failure(kind=kind, status=status, detail=clean(_said(body), secret), retry_after=_retry_after(headers))


def from_exception(error: Exception, *, secret: str | None = None) -> Failure:
    """The failure that an exception of LiteLLM, httpx or aiohttp tells; known by its name, as none is imported here."""
    names = {kind.__name__ for kind in type(error).__mro__}
    detail = clean(_PREFIX.sub("", str(getattr(error, "message", "") or error)), secret)
    status = getattr(error, "status_code", None)
    if names & _UNREACHABLE or (names & {"APIConnectionError", "InternalServerError"} and _CONNECTING.search(detail)):
        return Failure(kind="unreachable", detail=detail)
    if names & {"Timeout", "APITimeoutError", "TimeoutException", "TimeoutError"}:
        return Failure(kind="timeout", detail=detail)
    if names & _BROKEN:  # LiteLLM makes an APIConnectionError of whatever it cannot read
        return Failure(kind="broken", detail=detail or "the connection closed")
    if isinstance(status, int):
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        return dataclasses.replace(from_status(status, "", headers), detail=detail)
    return Failure(kind="refused", detail=f"{type(error).__name__}: {detail}")


def clean(text: str, secret: str | None = None) -> str:
    """`text` in one short line without keys.

    >>> clean("Incorrect key\\n sk-abcdef123456 given")
    'Incorrect key [key] given'
    """
    text = " ".join(masked(text, secret).split())
    return text if len(text) <= _DETAIL else text[:_DETAIL] + "…"


def safe_url(url: str) -> str:
    """The URL without user, password, query and fragment; a text that is no URL as it is.

    >>> safe_url("http://me:secret@host:8000/v1?key=abc")
    'http://host:8000/v1'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _said(body: str) -> str:
    """An endpoint's words out of `{"error": {"message": ...}}`, or the body as it is."""
    try:
        whole: Any = json.loads(body)
    except ValueError:
        return body
    error = whole.get("error", whole) if isinstance(whole, dict) else whole
    return str(error.get("message", error) if isinstance(error, dict) else error)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = str(headers.get("retry-after", "")).strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        when = email.utils.parsedate_tz(text)
        return max(0.0, email.utils.mktime_tz(when) - time.time()) if when else None
