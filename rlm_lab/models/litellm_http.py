"""LiteLLM's own HTTP connections (aiohttp, up to 500 an endpoint, its TLS settings), kept between runs; owned by the model loop."""

from __future__ import annotations

import asyncio
import atexit
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from rlm_lab.models.loop import ModelLoop

_transport: tuple[asyncio.AbstractEventLoop, Any] | None = None  # the loop it belongs to, LiteLLM's transport


def usable() -> bool:
    """Whether LiteLLM would send over aiohttp; a user can tell it not to."""
    import litellm
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    return bool(AsyncHTTPHandler.should_use_aiohttp_transport()) and not litellm.force_ipv4


def session() -> Any:
    """The aiohttp session of the running loop."""
    global _transport  # noqa: PLW0603 - connections are kept between runs
    loop = asyncio.get_running_loop()
    if _transport is None or _transport[0] is not loop:
        _transport = (loop, _make())
        atexit.register(_forget)
        shared = ModelLoop.shared()
        if shared.here:
            shared.on_close(_transport[1].aclose)
    return _transport[1].get_valid_client_session()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url`."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _make() -> Any:
    import ssl

    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, get_ssl_configuration

    secure = get_ssl_configuration()
    return AsyncHTTPHandler.create_aiohttp_transport(
        ssl_context=secure if isinstance(secure, ssl.SSLContext) else None,
        ssl_verify=secure if isinstance(secure, bool) else None,
    )


def _forget() -> None:
    """Connections of a loop that the user closed are disposed of while Python can still do it without noise."""
    global _transport  # noqa: PLW0603
    _transport = None
