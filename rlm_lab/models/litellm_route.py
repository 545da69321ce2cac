"""The short way through LiteLLM, for OpenAI and endpoints that speak as it does.

LiteLLM still decides provider, key, URL, parameters, form of the request and price; its own HTTP client sends. What is left out
is `acompletion`'s work around that (a thread, a log record and three cost sums per call), 5 ms where this takes 0.7. `route`
gives None where the long way is needed: other providers, or a LiteLLM that the user has given callbacks, a cache or headers.
All of it runs on the model loop's thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rlm_lab.errors import ConfigError
from rlm_lab.models.base import Request
from rlm_lab.models.litellm_failure import EndpointError, clean, from_status, safe_url
from rlm_lab.models.litellm_http import proxy_for, session
from rlm_lab.models.litellm_replies import Answer, streamed, whole

PROVIDERS = frozenset({"openai", "hosted_vllm"})
_CONNECT_SECONDS = 10.0
_HOOKS = (
    "callbacks",
    "success_callback",
    "failure_callback",
    "input_callback",
    "cache",
    "headers",
    "organization",
    "model_fallbacks",
)
_VARIABLES = ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One model at one endpoint. `config` is LiteLLM's for the provider; `headers` hold the key and are never shown."""

    model: str
    provider: str
    url: str
    address: Any = field(repr=False)  # the same, parsed once
    config: Any = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    parameters: Mapping[str, JSON] = field(repr=False)
    secret: str | None = field(repr=False)
    proxy: str | None = field(repr=False)
    optional: dict[JSON, JSON] = field(repr=False, default_factory=dict)  # LiteLLM's form of the parameters, by our own

    async def complete(self, litellm: Any, request: Request, on_delta: Callable[[str], None] | None) -> Answer:
        """One try. Raises `EndpointError`, or what the HTTP client raises."""
        import aiohttp

        body, extra = self._body(litellm, request, stream=on_delta is not None)
        timeout = aiohttp.ClientTimeout(total=request.seconds, sock_connect=min(_CONNECT_SECONDS, request.seconds))
        headers, content = {**self.headers, **extra}, json.dumps(body).encode()
        async with (
            session() as http,
            http.post(self.address, headers=headers, data=content, timeout=timeout, proxy=self.proxy) as response,
        ):
            if response.status != 200:
                text = (await response.read()).decode(errors="replace")
                raise EndpointError(from_status(response.status, text, response.headers, secret=self.secret))
            if on_delta is not None and response.content_type != "application/json":
                return await streamed(response.content.iter_any(), on_delta)
            return whole(await response.read(), on_delta)

    def _body(self, litellm: Any, request: Request, *, stream: bool) -> tuple[dict[str, JSON], dict[str, str]]:
        key = (request.temperature, request.max_tokens, request.stop, stream)
        if key not in self.optional:
            self.optional[key] = self._optional(litellm, request, stream)
        optional = dict(self.optional[key])
        more, headers = optional.pop("extra_body", None) or {}, optional.pop("extra_headers", None) or {}
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        known = {"custom_llm_provider": self.provider, "api_base": self.url}
        body = self.config.transform_request(self.model, messages, optional, known, {})
        return {**body, **more}, headers

    def _optional(self, litellm: Any, request: Request, stream: bool) -> dict[str, JSON]:
        streaming = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        given = {"temperature": request.temperature, "max_tokens": request.max_tokens, "stop": list(request.stop) or None}
        made = litellm.get_optional_params(
            model=self.model, custom_llm_provider=self.provider, drop_params=True, **{**given, **streaming, **self.parameters}
        )
        return dict(made)


def route(litellm: Any, name: str, *, api_base: str | None, api_key: str | None, parameters: Mapping[str, JSON]) -> Route | None:
    """The short way for a model, or None where it needs the long one. Raises `ConfigError` for a base URL that is none."""
    import yarl
    from litellm.llms.custom_httpx.http_handler import get_default_headers

    model, provider, found_key, found_base = litellm.get_llm_provider(name, api_base=api_base, api_key=api_key)
    if provider not in PROVIDERS or not _untouched(litellm) or {"extra_query", "extra_headers"} & set(parameters):
        return None
    config = _config(litellm, model, provider, api_base)
    if config is None:
        return None
    if provider == "openai":
        key, base = config.get_api_key(api_key), config.get_api_base(api_base)
    else:
        key, base = found_key, found_base
    if not base:
        return None
    _check_url(base)
    url = config.get_complete_url(base, key, model, {}, {}, False)
    own = {**get_default_headers(), **config.get_attribution_headers()}
    headers = config.validate_environment(own, model, [], {}, {}, key, base)
    address = yarl.URL(url)
    if key is not None:
        address = address.with_user(None)  # a key and a URL's own password do not go together: the key is sent
    return Route(
        model=model,
        provider=provider,
        url=url,
        address=address,
        config=config,
        headers=headers,
        parameters=parameters,
        secret=api_key or key,
        proxy=proxy_for(url),
    )


def _check_url(base: str) -> None:
    try:
        parts = urlsplit(base)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"The base URL {clean(safe_url(base))!r} is no URL; give one like http://127.0.0.1:8000/v1.")


def _config(litellm: Any, model: str, provider: str, api_base: str | None) -> Any:
    """LiteLLM's configuration, if it sends and reads chats just as OpenAI's does."""
    from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig
    from litellm.main import responses_api_bridge_check
    from litellm.types.utils import LlmProviders
    from litellm.utils import ProviderConfigManager

    config = ProviderConfigManager.get_provider_chat_config(model, LlmProviders(provider))
    same = ("transform_response", "get_complete_url", "validate_environment", "sign_request")
    if not isinstance(config, OpenAIGPTConfig) or any(getattr(type(config), n) is not getattr(OpenAIGPTConfig, n) for n in same):
        return None
    information, _ = responses_api_bridge_check(model=model, custom_llm_provider=provider, api_base=api_base)
    return None if information.get("mode") not in (None, "chat") else config


def _untouched(litellm: Any) -> bool:
    """Whether the user has asked nothing of LiteLLM that only `acompletion` does."""
    hooks = (
        "callbacks",
        "success_callback",
        "failure_callback",
        "input_callback",
        "cache",
        "headers",
        "organization",
        "model_fallbacks",
    )
    variables = ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
    return not any(getattr(litellm, name, None) for name in hooks) and not any(os.environ.get(name) for name in variables)
