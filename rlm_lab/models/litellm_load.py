"""LiteLLM, imported once, on first use, without noise and without a request to anyone.

The import takes seconds and happens on whatever thread asks first; others wait for it. LiteLLM's cost map is the one in its
package, its telemetry is off, and its loggers are silent unless the user set `LITELLM_LOG`. Keys come from the environment, or
from a `.env` file in the working directory, which LiteLLM adds to it.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from pathlib import Path
from typing import Any

from rlm_lab.errors import ConfigError
from rlm_lab.models.loop import ModelLoop

_lock = threading.Lock()
_loaded: Any = None
_LIBRARIES = r"(litellm|pydantic|openai|httpx|aiohttp|asyncio)\b"


def loaded() -> Any:
    """The module if it is imported already, else None."""
    return _loaded


def load() -> Any:
    """The module `litellm`. Raises `ConfigError` where it cannot be imported."""
    global _loaded  # noqa: PLW0603 - one import per process
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _import()
    return _loaded


def hush() -> None:
    """Let the libraries below LiteLLM warn no user: called before each use, as a block or a test may reset the filters."""
    known = warnings.filters[0] if warnings.filters else None
    if known is None or getattr(known[3], "pattern", None) != _LIBRARIES:
        warnings.filterwarnings("ignore", module=_LIBRARIES)


def _import() -> Any:
    from dotenv import load_dotenv

    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # LiteLLM reads it at import and would fetch the map otherwise
    load_dotenv(Path.cwd() / ".env")  # LiteLLM does so itself, but finds the file only in a notebook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import litellm
        except Exception as error:
            raise ConfigError(
                f"LiteLLM cannot be imported ({type(error).__name__}: {error}); install it again with pip."
            ) from error
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    if "LITELLM_LOG" not in os.environ:
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    loop = ModelLoop.shared()
    loop.on_close(_close_clients)
    loop.close_first()
    return litellm


async def _close_clients() -> None:
    from litellm.llms.custom_httpx.async_client_cleanup import close_litellm_async_clients

    await close_litellm_async_clients()  # type: ignore[no-untyped-call]
