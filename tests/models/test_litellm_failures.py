"""Endpoints that refuse, fail, cut, hang or are not there: what is tried again, and what the user is told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from rlm_lab.errors import (
    AuthenticationError,
    ModelError,
    ModelNotFoundError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from rlm_lab.models.base import Reply, Request
from rlm_lab.models.litellm_failure import Failure, clean, from_status
from rlm_lab.models.litellm_model import LiteLLMModel

Serve = Callable[..., Any]
Complete = Callable[..., Reply]
Ask = Callable[..., Request]

KEY = "sk-very-secret-123456"
WAYS = ["openai/stub", "lm_studio/stub"]  # the short way and the long one
way = pytest.mark.parametrize("name", WAYS)


def model_at(name: str, server: Any) -> LiteLLMModel:
    return LiteLLMModel(name, api_base=server.base_url, api_key=KEY)


@way
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, ModelNotFoundError),
        (429, RateLimitError),
        (500, ModelUnavailableError),
        (503, ModelUnavailableError),
        (400, ModelError),
    ],
)
def test_a_status_becomes_an_error_of_one_line_without_the_key(
    name: str, status: int, kind: type[ModelError], stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    server = serve(stub.StubReply(status=status, message=f"bad\nkey {KEY} for you"))
    with pytest.raises(kind) as caught:
        complete(model_at(name, server), request_of())
    assert type(caught.value) is kind
    assert server.base_url in str(caught.value)
    assert f"HTTP {status}" in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


@way
def test_a_rate_limit_is_waited_out_and_counted(
    name: str, stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    slow = stub.StubReply(status=429, headers={"retry-after": "0.01"})
    server = serve(stub.in_turn(slow, slow, "ok"))
    reply = complete(model_at(name, server), request_of(retries=3))
    assert (reply.text, reply.retries, len(server.requests)) == ("ok", 2, 3)


@way
def test_retries_end_and_are_told(name: str, stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask) -> None:
    server = serve(stub.StubReply(status=503, headers={"retry-after": "0"}))
    with pytest.raises(ModelUnavailableError, match="after 3 tries") as caught:
        complete(model_at(name, server), request_of(retries=2))
    assert caught.value.retries == 2
    assert len(server.requests) == 3


def test_a_wrong_key_is_not_tried_again(stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask) -> None:
    server = serve(stub.StubReply(status=401))
    with pytest.raises(AuthenticationError):
        complete(model_at("openai/stub", server), request_of(retries=3))
    assert len(server.requests) == 1


@way
@pytest.mark.parametrize("cut", ["drop", "clean"])
def test_a_reply_cut_in_mid_stream_is_no_short_answer(
    name: str, cut: str, stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    server = serve(stub.StubReply(text="one two three four five six", cut=cut))
    with pytest.raises(ModelUnavailableError, match=r"gave no whole reply|cannot be reached"):
        complete(model_at(name, server), request_of(), lambda text: None)


@way
def test_a_whole_reply_that_is_cut_is_no_answer(
    name: str, stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    server = serve(stub.StubReply(text="one two three", cut="drop"))
    with pytest.raises(ModelUnavailableError):
        complete(model_at(name, server), request_of())


def test_a_cut_stream_is_tried_again_and_its_text_not_streamed_twice(
    stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    pieces: list[str] = []
    server = serve(stub.in_turn(stub.StubReply(text="one two three", cut="clean"), "one two three"))
    reply = complete(model_at("openai/stub", server), request_of(retries=1), pieces.append)
    assert (reply.text, reply.retries) == ("one two three", 1)
    assert "".join(pieces) == "one two "


@way
@pytest.mark.parametrize("raw", [b"<html>502</html>", b'{"unexpected": 1}', b"[]", b"", b"\xff\xfe"])
def test_garbage_is_no_answer(name: str, raw: bytes, stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask) -> None:
    with pytest.raises(ModelUnavailableError):
        complete(model_at(name, serve(stub.StubReply(raw=raw))), request_of())


def test_an_error_in_a_stream_is_an_error(stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask) -> None:
    raw = b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'
    server = serve(stub.StubReply(raw=raw, headers={"content-type": "text/event-stream"}))
    with pytest.raises(ModelUnavailableError, match="overloaded"):
        complete(model_at("openai/stub", server), request_of(), lambda text: None)


@way
def test_a_hanging_endpoint_meets_the_time_limit(
    name: str, stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    model = model_at(name, serve(stub.StubReply(hang=True)))
    with pytest.raises(ModelTimeoutError, match=r"no reply within 0\.2 s"):
        complete(model, request_of(seconds=0.2, retries=3))


@way
def test_a_dead_endpoint_is_named_without_its_password(name: str, complete: Complete, request_of: Ask) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody answers there
        port = taken.getsockname()[1]
        model = LiteLLMModel(name, api_base=f"http://me:password@127.0.0.1:{port}/v1", api_key=KEY)
        with pytest.raises(ModelUnavailableError, match=f"http://127.0.0.1:{port}/v1 cannot be reached") as caught:
            complete(model, request_of())
    assert "password" not in str(caught.value)


def test_a_model_that_the_provider_lacks_shows_near_names(
    stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask, no_keys: pytest.MonkeyPatch
) -> None:
    no_keys.setenv("OPENAI_API_KEY", KEY)
    no_keys.setenv("OPENAI_BASE_URL", serve(stub.StubReply(status=404, message="no such model")).base_url)
    with pytest.raises(ModelNotFoundError, match=r"Near names: .*gpt-4o"):
        complete(LiteLLMModel("openai/gpt-4oo"), request_of())


def test_waits_grow_and_follow_the_endpoint() -> None:
    failure = Failure(kind="failed")
    assert 0.15 < failure.wait(0) <= 0.25 < failure.wait(2) <= 1.0 < failure.wait(9) <= 8.0
    assert from_status(429, "", {"retry-after": "7"}).wait(0) == 7
    assert from_status(429, "", {"retry-after": "9999"}).wait(0) == 60
    assert from_status(429, "", {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}).wait(0) == 0


def test_keys_of_the_environment_are_taken_out_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PROVIDER_TOKEN", "correct-horse-battery")
    assert clean("token correct-horse-battery refused") == "token [key] refused"
    assert len(clean("word " * 1000)) < 300
