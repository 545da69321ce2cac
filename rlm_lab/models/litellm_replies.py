"""Replies of an endpoint that speaks as OpenAI does, read from the wire.

Pure: hostile bytes in, an `Answer` or an `EndpointError` out.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_lab.models.litellm_failure import EndpointError, Failure, from_status

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint gave. `usage` is its own count, `cost` what LiteLLM says of it; None where they are not known."""

    text: str
    model: str
    finish_reason: str
    usage: Mapping[str, JSON] | None = None
    cost: float | None = None


def whole(content: bytes, on_delta: Callable[[str], None] | None) -> Answer:
    """A reply that comes in one piece. A message without content is an empty text; anything else is an `EndpointError`."""
    try:
        body = json.loads(content)
        choice = body["choices"][0]
        text = _text(choice["message"]["content"])
    except (ValueError, LookupError, TypeError):
        snippet = content[:80].decode(errors="replace")
        raise EndpointError(Failure(kind="broken", detail=f"not a chat completion but {snippet!r}")) from None
    if on_delta is not None and text:
        on_delta(text)
    usage = body.get("usage")
    return Answer(
        text=text, model=str(body.get("model") or ""), finish_reason=str(choice.get("finish_reason") or "stop"), usage=usage
    )


async def streamed(chunks: AsyncIterator[bytes], on_delta: Callable[[str], None]) -> Answer:
    """A reply that comes in server-sent events; one that ends without saying so is an `EndpointError`."""
    pieces: list[str] = []
    model, finish_reason, usage = "", "", None
    async for data in _events(chunks):
        if data == b"[DONE]":
            finish_reason = finish_reason or "stop"
            break
        part = _part(data)
        model, usage = part.get("model") or model, part.get("usage") or usage
        for choice in part.get("choices") or ():
            finish_reason = choice.get("finish_reason") or finish_reason
            if text := _text((choice.get("delta") or {}).get("content")):
                pieces.append(text)
                on_delta(text)
    if not finish_reason:
        raise EndpointError(Failure(kind="broken", detail=f"the reply was cut after {sum(map(len, pieces))} characters"))
    return Answer(text="".join(pieces), model=str(model), finish_reason=finish_reason, usage=usage)


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event. A line may come in any number of chunks."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _part(data: bytes) -> dict[str, JSON]:
    try:
        part = json.loads(data)
    except ValueError:
        part = None
    text = data.decode(errors="replace")
    if not isinstance(part, dict):
        raise EndpointError(Failure(kind="broken", detail=f"a piece of the stream is not JSON: {text[:80]!r}"))
    if error := part.get("error"):
        code = error.get("code") if isinstance(error, dict) else None
        raise EndpointError(from_status(code if isinstance(code, int) and 400 <= code < 600 else 500, text, {}))
    return part


def _text(content: JSON) -> str:
    """The text of a message; some endpoints give None for an empty one, or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
