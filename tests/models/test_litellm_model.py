"""Models through LiteLLM, against a real HTTP endpoint: replies, streams, usage, cost, limits, the long way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from rlm_lab.errors import ConfigError, ModelNotFoundError, ModelUnavailableError
from rlm_lab.models.base import Message, Model, Reply, Request
from rlm_lab.models.litellm_model import LiteLLMModel
from rlm_lab.models.loop import ModelLoop

Serve = Callable[..., Any]
Complete = Callable[..., Reply]
Ask = Callable[..., Request]

WAYS = ["openai/stub", "hosted_vllm/stub", "lm_studio/stub"]  # two short ways and a long one


@pytest.mark.parametrize("name", WAYS)
def test_a_reply_comes_with_its_text_and_usage(name: str, serve: Serve, complete: Complete, request_of: Ask) -> None:
    model = LiteLLMModel(name, api_base=serve("Four hundred.").base_url, api_key="sk-test")
    reply = complete(model, request_of("one two three"))
    assert (reply.text, reply.finish_reason, reply.retries) == ("Four hundred.", "stop", 0)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.cost) == (3, 2, None)


@pytest.mark.parametrize("name", WAYS)
def test_a_streamed_reply_is_the_same_in_pieces(name: str, serve: Serve, complete: Complete, request_of: Ask) -> None:
    pieces: list[str] = []
    model = LiteLLMModel(name, api_base=serve("a reply of five words").base_url, api_key="sk-test")
    reply = complete(model, request_of("hi"), pieces.append)
    assert "".join(pieces) == reply.text == "a reply of five words"
    assert len(pieces) >= 5
    assert reply.usage.completion_tokens == 5


def test_messages_and_parameters_arrive(serve: Serve, complete: Complete) -> None:
    server = serve("ok")
    model = LiteLLMModel("openai/my/model", api_base=server.base_url, api_key="sk-test", parameters={"top_p": 0.5, "top_k": 7})
    messages = (Message(role="system", content="Be short."), Message(role="user", content="Hi «ü»"))
    complete(model, Request(messages=messages, temperature=0.2, max_tokens=9, stop=("END",)))
    body, headers = server.requests[0].body, server.requests[0].headers
    assert body["messages"] == [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi «ü»"}]
    assert (body["model"], body["temperature"], body["stop"], body["top_p"], body["top_k"]) == ("my/model", 0.2, ["END"], 0.5, 7)
    assert headers["authorization"] == "Bearer sk-test"


def test_an_endpoint_without_a_key_is_asked_without_one(serve: Serve, complete: Complete, request_of: Ask, no_keys: Any) -> None:
    server = serve("ok")
    complete(LiteLLMModel("openai/stub", api_base=server.base_url), request_of())
    assert "authorization" not in server.requests[0].headers


def test_usage_is_estimated_where_the_endpoint_is_silent(
    stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    server = serve(stub.StubReply(text="x" * 40, usage=False))
    model = LiteLLMModel("openai/stub", api_base=server.base_url, api_key="sk-test")
    assert complete(model, request_of("y" * 400)).usage.tokens == 101 + 11
    assert complete(model, request_of("y" * 400), lambda text: None).usage.tokens == 101 + 11


@pytest.mark.parametrize("on_delta", [None, lambda text: None], ids=["whole", "streamed"])
def test_the_cost_is_litellms_where_the_price_is_known(on_delta: Any, serve: Serve, complete: Complete, request_of: Ask) -> None:
    model = LiteLLMModel("openai/gpt-4o", api_base=serve("one two").base_url, api_key="sk-test")
    usage = complete(model, request_of("one two three four"), on_delta).usage
    assert usage.cost == pytest.approx(4 * 2.5e-6 + 2 * 1e-5)
    assert model.estimate(request_of("a" * 40)).cost == pytest.approx(11 * 2.5e-6)


def test_a_price_can_be_given(serve: Serve, complete: Complete, request_of: Ask) -> None:
    price = {"input_cost_per_token": 0.5, "output_cost_per_token": 2}
    model = LiteLLMModel("openai/stub", api_base=serve("one two").base_url, api_key="sk-test", parameters=price)
    assert complete(model, request_of("one")).usage.cost == 4.5


def test_a_model_without_content_gives_an_empty_text(stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask) -> None:
    server = serve(stub.StubReply(text=None, finish_reason="length"))
    reply = complete(LiteLLMModel("openai/stub", api_base=server.base_url), request_of())
    assert (reply.text, reply.finish_reason) == ("", "length")


def test_an_endpoint_that_does_not_stream_is_read_all_the_same(
    stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask
) -> None:
    raw = b'{"model": "m", "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}'
    pieces: list[str] = []
    model = LiteLLMModel("openai/stub", api_base=serve(stub.StubReply(raw=raw)).base_url, api_key="sk-test")
    assert complete(model, request_of(), pieces.append).text == "whole"
    assert pieces == ["whole"]


def test_at_most_max_concurrency_requests_are_in_flight(serve: Serve, request_of: Ask) -> None:
    server = serve("ok", latency=0.02)
    model = LiteLLMModel("openai/stub", api_base=server.base_url, api_key="sk-test", max_concurrency=5)
    futures = [ModelLoop.shared().submit(model.complete(request_of())) for _ in range(30)]
    assert [future.result(10).text for future in futures] == ["ok"] * 30
    assert server.most_in_flight == 5


def test_a_hundred_requests_are_in_flight_by_default(serve: Serve, request_of: Ask) -> None:
    server = serve("ok", latency=0.5)
    model = LiteLLMModel("openai/stub", api_base=server.base_url, api_key="sk-test")
    futures = [ModelLoop.shared().submit(model.complete(request_of())) for _ in range(100)]
    assert all(future.result(20).text == "ok" for future in futures)
    assert server.most_in_flight == 100


def test_connections_are_kept(serve: Serve, complete: Complete, request_of: Ask) -> None:
    server = serve("ok")
    for _ in range(5):
        complete(LiteLLMModel("openai/stub", api_base=server.base_url, api_key="sk-test"), request_of())
    assert server.connections == 1


def test_cancelling_gives_the_place_in_flight_to_the_next(stub: ModuleType, serve: Serve, request_of: Ask) -> None:
    answers, arrived = stub.in_turn(stub.StubReply(hang=True), "ok"), threading.Event()

    def answer(request: Any) -> Any:
        arrived.set()
        return answers(request)

    model = LiteLLMModel("openai/stub", api_base=serve(answer).base_url, api_key="sk-test", max_concurrency=1)
    first = ModelLoop.shared().submit(model.complete(request_of()))
    assert arrived.wait(10)
    second = ModelLoop.shared().submit(model.complete(request_of()))
    assert first.cancel()
    assert second.result(10).text == "ok"


def test_callbacks_of_litellm_take_the_long_way(
    litellm: Any, serve: Serve, complete: Complete, request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(litellm, "input_callback", [lambda details: seen.append(details["model"])])
    model = LiteLLMModel("openai/stub", api_base=serve("ok").base_url, api_key="sk-test")
    assert complete(model, request_of()).text == "ok"
    assert seen == ["stub"]


def test_the_window_is_litellms_figure_or_a_default() -> None:
    assert LiteLLMModel("openai/gpt-4o").context_window == 128_000
    assert LiteLLMModel("openai/stub").context_window == 32_000
    assert LiteLLMModel("openai/gpt-4o", context_window=5).context_window == 5


def test_an_unknown_name_shows_near_ones() -> None:
    with pytest.raises(ModelNotFoundError, match=r"There is no model 'gpt-4oo'; did you mean gpt-4o"):
        LiteLLMModel("gpt-4oo").check()
    with pytest.raises(ModelNotFoundError, match="a name is PROVIDER/MODEL"):
        LiteLLMModel("zzzzzzzzzzzz").check()


def test_a_base_that_is_no_url_is_refused() -> None:
    with pytest.raises(ConfigError, match="'localhost:8000' is no URL"):
        LiteLLMModel("openai/stub", api_base="localhost:8000", api_key="sk-test").check()


def test_a_key_is_not_in_the_repr() -> None:
    model = LiteLLMModel("openai/stub", api_base="http://me:pass@host/v1?key=abc", api_key="sk-secret")
    assert repr(model) == "LiteLLMModel('openai/stub', api_base='http://host/v1')"
    assert isinstance(model, Model)


FIRST_USE = """
import asyncio, sys
from rlm_lab.errors import ModelError
from rlm_lab.models.base import Message, Request
from rlm_lab.models.litellm_model import LiteLLMModel
from rlm_lab.models.loop import ModelLoop
assert "litellm" not in sys.modules
request = Request(messages=(Message(role="user", content="hi"),), retries=0)
for name in ("openai/stub", "lm_studio/stub"):
    model = LiteLLMModel(name, api_base=sys.argv[1], api_key="sk-test")
    for on_delta in (None, lambda text: None):
        assert ModelLoop.shared().submit(model.complete(request, on_delta)).result(60).text == "ok"
try:
    LiteLLMModel("no-such-model").check()
except ModelError:
    pass
asyncio.run(LiteLLMModel("openai/stub", api_base=sys.argv[1]).complete(request))
"""


def test_first_use_and_exit_are_silent(serve: Serve) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LITELLM", "PYTHONWARN"))}
    command = [sys.executable, "-c", FIRST_USE, serve("ok").base_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_reply_whose_form_is_strange_is_unavailable(stub: ModuleType, serve: Serve, complete: Complete, request_of: Ask) -> None:
    server = serve(stub.StubReply(raw=b'{"choices": []}'))
    with pytest.raises(ModelUnavailableError, match="not a chat completion"):
        complete(LiteLLMModel("openai/stub", api_base=server.base_url), request_of())
