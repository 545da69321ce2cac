"""Models of every provider, through LiteLLM.

`LiteLLMModel` may be made on any thread and costs nothing until it is used; LiteLLM is imported on first use. Requests run on the
model loop's thread. No key is ever part of a repr, a log or a message.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from rlm_lab.errors import ConfigError
from rlm_lab.models.base import Reply, Request, Usage
from rlm_lab.models.litellm_facts import BASES, Facts, check_key, find, near_names
from rlm_lab.models.litellm_failure import EndpointError, Failure, Target, from_exception, safe_url
from rlm_lab.models.litellm_load import load
from rlm_lab.models.litellm_replies import Answer
from rlm_lab.models.litellm_route import Route, route
from rlm_lab.models.usage import estimate_prompt, estimate_usage

_DEFAULT_WINDOW = 32_000
_WATCHED = (*BASES, "OPENAI_API_KEY", "HOSTED_VLLM_API_KEY")  # a route is made anew when one of them changes
JSON = Any


class LiteLLMModel:
    """A model that LiteLLM reaches.

    Parameters
    ----------
    name: as LiteLLM names it, `provider/model`, e.g. `openai/gpt-4o`, `ollama/llama3`, `hosted_vllm/my-model`.
    api_base: URL of the endpoint; without it LiteLLM's own for the provider.
    api_key: without it LiteLLM looks into the environment. It is never shown.
    context_window: in tokens; without it LiteLLM's figure for the model, else 32,000.
    max_concurrency: requests in flight at once; more wait.
    parameters: further parameters of LiteLLM for every request, such as `top_p`; `input_cost_per_token` and
        `output_cost_per_token` set the price in US dollars.

    `complete` raises `ModelNotFoundError`, `AuthenticationError`, `RateLimitError`, `ModelTimeoutError`,
    `ModelUnavailableError`, or plain `ModelError` for a request that the endpoint refuses.

    >>> LiteLLMModel("openai/gpt-4o", api_key="sk-secret")
    LiteLLMModel('openai/gpt-4o')
    """

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        context_window: int | None = None,
        max_concurrency: int = 128,
        parameters: Mapping[str, JSON] | None = None,
    ) -> None:
        self.name = name
        self.max_concurrency = max_concurrency
        self._base = api_base
        self._key = api_key
        self._window = context_window
        given = dict(parameters or {})
        prices = (given.pop("input_cost_per_token", None), given.pop("output_cost_per_token", None))
        self._prices: tuple[float, float] | None = None if None in prices else (float(prices[0] or 0), float(prices[1] or 0))
        self._parameters = given
        self._facts: Facts | None = None
        self._route: tuple[tuple[str | None, ...], Route | None] | None = None
        self._places: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    def __repr__(self) -> str:
        base = f", api_base={safe_url(self._base)!r}" if self._base else ""
        return f"LiteLLMModel({self.name!r}{base})"

    def __getstate__(self) -> dict[str, Any]:
        """What goes with the model into another process: never a key, and nothing that belongs to a loop."""
        if self._key:
            raise ConfigError(
                f"The model {self.name!r} holds a key, which is not sent to another process; give its name, and set the key there."
            )
        return {**self.__dict__, "_facts": None, "_route": None, "_places": None}

    @property
    def context_window(self) -> int:
        """In tokens. Imports LiteLLM where it was not given."""
        if self._window is None:
            self._window = self._find(load()).window or _DEFAULT_WINDOW
        return self._window

    def check(self, *, here: bool = True) -> None:
        """Find what is wrong before anything is sent: `ModelNotFoundError`, `AuthenticationError`, `ConfigError` (a base URL).

        Where another machine will send it (`here` is False), its environment is not known: then only the name is looked at.
        """
        litellm = load()
        self._find(litellm)
        if not here:
            return
        self._short_way(litellm)
        if not self._key and not self._base:
            check_key(litellm, self.name)

    def estimate(self, request: Request) -> Usage:
        """The prompt's tokens, and what they cost where LiteLLM is loaded and knows."""
        tokens = estimate_prompt(request)
        price = self._prices[0] if self._prices else self._facts.price if self._facts else None
        return Usage(prompt_tokens=tokens, completion_tokens=1, cost=None if price is None else price * tokens)

    async def complete(self, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        """One reply; failed tries are repeated up to `request.retries` times. A try after a cut stream is not streamed again."""
        litellm = load()
        self._find(litellm)
        async with self._limit():
            began = time.perf_counter()
            tries = 0
            while True:
                outcome = await self._try(litellm, request, on_delta)
                if isinstance(outcome, Answer):
                    return self._reply(litellm, request, outcome, seconds=time.perf_counter() - began, retries=tries)
                if not outcome.again or tries >= request.retries:
                    break
                if outcome.kind == "broken":
                    on_delta = None  # a view has seen half of that reply already
                await asyncio.sleep(outcome.wait(tries))
                tries += 1
        raise outcome.as_error(self._target(litellm, request, outcome), tries)

    async def _try(self, litellm: Any, request: Request, on_delta: Callable[[str], None] | None) -> Answer | Failure:
        short = self._short_way(litellm)
        secret = short.secret if short else self._key
        try:
            async with asyncio.timeout(request.seconds):
                if short is not None:
                    return await short.complete(litellm, request, on_delta)
                return await self._long_way(litellm, request, on_delta)
        except EndpointError as error:
            return error.failure
        except Exception as error:  # noqa: BLE001 - LiteLLM and the provider's client
            return from_exception(error, secret=secret)

    async def _long_way(self, litellm: Any, request: Request, on_delta: Callable[[str], None] | None) -> Answer:
        from rlm_lab.models.litellm_full import complete

        given = {"model": self.name, "api_base": self._base, "api_key": self._key, **self._parameters}
        return await complete(litellm, given, request, on_delta)

    def _short_way(self, litellm: Any) -> Route | None:
        now = tuple(os.environ.get(name) for name in _WATCHED)
        if self._route is None or self._route[0] != now:
            made = route(litellm, self.name, api_base=self._base, api_key=self._key, parameters=self._parameters)
            self._route = (now, made)
        return self._route[1]

    def _reply(self, litellm: Any, request: Request, answer: Answer, *, seconds: float, retries: int) -> Reply:
        usage = self._usage(litellm, request, answer)
        model, finish_reason = answer.model or self.name, answer.finish_reason
        return Reply(text=answer.text, model=model, usage=usage, seconds=seconds, retries=retries, finish_reason=finish_reason)

    def _usage(self, litellm: Any, request: Request, answer: Answer) -> Usage:
        told = answer.usage or {}
        guess = estimate_usage(request, answer.text)
        prompt, completion = told.get("prompt_tokens"), told.get("completion_tokens")
        prompt = prompt if isinstance(prompt, int) else guess.prompt_tokens
        completion = completion if isinstance(completion, int) else guess.completion_tokens
        if self._prices is not None:
            cost: float | None = self._prices[0] * prompt + self._prices[1] * completion
        else:
            cost = answer.cost if answer.cost is not None else self._find(litellm).cost(litellm, prompt, completion, told)
        return Usage(prompt_tokens=prompt, completion_tokens=completion, cost=cost)

    def _find(self, litellm: Any) -> Facts:
        if self._facts is None:
            self._facts = find(litellm, self.name, self._base)
        return self._facts

    def _target(self, litellm: Any, request: Request, failure: Failure) -> Target:
        short = self._short_way(litellm)
        base = self._base or (short.url.removesuffix("/chat/completions") if short else None)
        shown = safe_url(base) if base else f"The endpoint of {self._find(litellm).provider}"
        near = near_names(litellm, self.name) if failure.kind == "missing" and not self._base else ()
        return Target(name=self.name, base=shown, seconds=request.seconds, near=near)

    def _limit(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if self._places is None or self._places[0] is not loop:
            self._places = (loop, asyncio.Semaphore(self.max_concurrency))
        return self._places[1]
