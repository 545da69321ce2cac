"""The long way through LiteLLM: `acompletion`, which knows every provider. Runs on the model loop's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rlm_lab.models.base import Request
from rlm_lab.models.litellm_failure import EndpointError, Failure
from rlm_lab.models.litellm_load import hush
from rlm_lab.models.litellm_replies import Answer

JSON = Any


async def complete(litellm: Any, given: Mapping[str, JSON], request: Request, on_delta: Callable[[str], None] | None) -> Answer:
    """One try: our own loop counts and waits, so LiteLLM's retries are off. Raises what LiteLLM raises."""
    options: dict[str, JSON] = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop) or None,
        "timeout": request.seconds,
        "num_retries": 0,
        "max_retries": 0,
        "drop_params": True,
        **given,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
    }
    hush()
    if on_delta is None:
        return _answer(await litellm.acompletion(**options))
    stream = await litellm.acompletion(**options, stream=True, stream_options={"include_usage": True})
    return await _streamed(stream, on_delta)


def _answer(response: Any) -> Answer:
    try:
        choice = response.choices[0]
        text = choice.message.content or ""
    except (AttributeError, IndexError, TypeError):
        raise EndpointError(Failure(kind="broken", detail="the reply holds no message")) from None
    cost = (getattr(response, "_hidden_params", None) or {}).get("response_cost")
    return Answer(
        text=str(text),
        model=str(response.model or ""),
        finish_reason=str(choice.finish_reason or "stop"),
        usage=_usage(getattr(response, "usage", None)),
        cost=float(cost) if cost else None,
    )


async def _streamed(stream: Any, on_delta: Callable[[str], None]) -> Answer:
    pieces: list[str] = []
    model, finish_reason, usage = "", "", None
    async for part in stream:
        model = part.model or model
        usage = _usage(getattr(part, "usage", None)) or usage
        for choice in part.choices or ():
            finish_reason = choice.finish_reason or finish_reason
            if text := getattr(choice.delta, "content", None):
                pieces.append(text)
                on_delta(text)
    # At the end of any stream LiteLLM makes up a finish_reason; this attribute holds only one that was received.
    if not finish_reason or getattr(stream, "received_finish_reason", finish_reason) is None:
        raise EndpointError(Failure(kind="broken", detail=f"the reply was cut after {sum(map(len, pieces))} characters"))
    return Answer(text="".join(pieces), model=model, finish_reason=finish_reason, usage=usage)


def _usage(usage: Any) -> dict[str, JSON] | None:
    return {name: value for name, value in dict(usage).items() if value is not None} if usage else None
