"""LiteLLM's own HTTP connections (aiohttp, up to 500 an endpoint, its TLS settings), kept between runs; owned by the model loop."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from rlm_lab.models.loop import ModelLoop

_transports: dict[ModelLoop, Any] = {}  # a parent process's stay here: closing them in a child would disturb the parent


def usable() -> bool:
    """Whether LiteLLM would send over aiohttp; a user can tell it not to."""
    import litellm
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    return bool(AsyncHTTPHandler.should_use_aiohttp_transport()) and not litellm.force_ipv4


@contextlib.asynccontextmanager
async def session() -> AsyncIterator[Any]:
    """An aiohttp session: the one that is kept on the model loop, or one for this request alone on any other loop."""
    shared = ModelLoop.shared()
    if shared.here:
        yield _kept(shared).get_valid_client_session()
        return
    transport = _make()
    try:
        yield transport.get_valid_client_session()
    finally:
        await transport.aclose()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url`."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _kept(loop: ModelLoop) -> Any:
    if loop not in _transports:
        _transports[loop] = _make()
        loop.on_close(_transports[loop].aclose)
    return _transports[loop]


def _make() -> Any:
    import ssl

    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, get_ssl_configuration

    secure = get_ssl_configuration()
    return AsyncHTTPHandler.create_aiohttp_transport(
        ssl_context=secure if isinstance(secure, ssl.SSLContext) else None,
        ssl_verify=secure if isinstance(secure, bool) else None,
    )
