"""The embedded model as a `Model`: LiteLLM in front of our own server process.

The server starts with the first `complete`, on a worker thread, so that the model loop goes on. `complete` runs on the model
loop's thread; everything else may be called from anywhere and returns at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rlm_lab.config import Settings
from rlm_lab.errors import ConfigError, ModelUnavailableError
from rlm_lab.models.base import Model, Reply, Request, Usage
from rlm_lab.models.local.catalog import EmbeddedModel, embedded
from rlm_lab.models.local.server import Endpoint, LocalServer
from rlm_lab.models.usage import estimate_prompt

if TYPE_CHECKING:
    from rlm_lab.models.litellm_model import LiteLLMModel

PREFIX = "local:"


class LocalModel:
    """A model on this machine.

    Parameters
    ----------
    server: which serves it, started with the first request.
    name: what the model is called: `local`, `local-small`, or `local:` and a file.
    info: the one line that `%rlm models` shows.
    """

    def __init__(self, server: LocalServer, *, name: str = "local", info: str = "") -> None:
        self.server = server
        self.name = name
        self.info = info
        self._made: tuple[Endpoint, LiteLLMModel] | None = None

    def __repr__(self) -> str:
        return f"LocalModel({self.name!r}, {self.server!r})"

    @property
    def context_window(self) -> int:
        return self.server.options.context_tokens

    @property
    def max_concurrency(self) -> int:
        """As many as the server answers at once: a request that waits here does not use up its time limit."""
        return self.server.options.slots

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        """The reply; it costs nothing. A server that died is started again, once."""
        try:
            reply = await (await self._ready()).complete(request, on_delta)
        except ModelUnavailableError:
            if self.server.running:
                raise
            reply = await (await self._ready()).complete(request, on_delta)
        return replace(reply, usage=replace(reply.usage, cost=0.0))

    def estimate(self, request: Request) -> Usage:
        """The prompt's tokens and one of the reply, at no cost."""
        return Usage(prompt_tokens=estimate_prompt(request), completion_tokens=1, cost=0.0)

    async def _ready(self) -> LiteLLMModel:
        endpoint = await asyncio.to_thread(self.server.endpoint)
        if self._made is None or self._made[0] != endpoint:
            self._made = (endpoint, await asyncio.to_thread(self._connect, endpoint))
        return self._made[1]

    def _connect(self, endpoint: Endpoint) -> LiteLLMModel:
        from rlm_lab.models.litellm_model import LiteLLMModel

        return LiteLLMModel(
            f"openai/{self.server.path.stem}",
            api_base=endpoint.api_base,
            api_key=endpoint.key,
            context_window=self.context_window,
            max_concurrency=self.max_concurrency,
        )


def local_model(small: bool = False, settings: Settings | None = None) -> Model:
    """The embedded default model, or the small one. Raises `ConfigError` where its file is not installed."""
    chosen = embedded(small)
    if not chosen.path.is_file():
        raise ConfigError(f"The embedded model is not installed: {install_command(chosen)}")
    info = f"{chosen.title}, {chosen.licence}, on this machine"
    return LocalModel(LocalServer.shared(chosen.path), name=chosen.name, info=info)


def gguf_model(spec: str) -> Model:
    """The model of `local:/path/to/file.gguf`. Raises `ConfigError` where there is no such file."""
    path = Path(spec.removeprefix(PREFIX)).expanduser()
    if not path.is_file():
        raise ConfigError(f"There is no file {path}; give local: and the path of a GGUF file.")
    return LocalModel(LocalServer.shared(path), name=f"{PREFIX}{path}", info=f"{path.name}, on this machine")


def install_command(model: EmbeddedModel) -> str:
    """The command that installs `model`.

    >>> install_command(embedded(small=True))
    'rlm-lab model install --small'
    """
    return "rlm-lab model install" + (" --small" if model == embedded(small=True) else "")
