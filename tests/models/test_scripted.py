"""The scripted model: texts in order, functions, failures, streaming, latency."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rlm_lab.errors import ModelError, RateLimitError
from rlm_lab.models.base import Message, Model, Reply, Request, Usage
from rlm_lab.models.loop import ModelLoop
from rlm_lab.models.scripted import ScriptedModel

Complete = Callable[..., Reply]
Ask = Callable[..., Request]


def test_texts_come_in_order(complete: Complete, request_of: Ask) -> None:
    model = ScriptedModel(["one", "two"])
    assert [complete(model, request_of()).text for _ in range(2)] == ["one", "two"]


def test_used_up_texts_say_how_many_were_asked_for(complete: Complete, request_of: Ask) -> None:
    model = ScriptedModel(["one"])
    complete(model, request_of())
    with pytest.raises(ModelError, match="has 1 scripted replies and was asked for reply 2"):
        complete(model, request_of())


def test_a_function_answers_from_the_messages(complete: Complete, request_of: Ask) -> None:
    def answer(messages: tuple[Message, ...]) -> str:
        return messages[-1].content.upper()

    assert complete(ScriptedModel(answer), request_of("loud")).text == "LOUD"


def test_a_function_may_give_a_whole_reply(complete: Complete, request_of: Ask) -> None:
    whole = Reply(text="cut", model="other", usage=Usage(prompt_tokens=9), finish_reason="length")
    reply = complete(ScriptedModel(lambda messages: whole), request_of())
    assert (reply.model, reply.usage.prompt_tokens, reply.finish_reason) == ("other", 9, "length")


def test_a_model_error_of_a_function_passes_through(complete: Complete, request_of: Ask) -> None:
    def refuse(messages: tuple[Message, ...]) -> str:
        raise RateLimitError("slow down", retries=2)

    with pytest.raises(RateLimitError, match="slow down") as caught:
        complete(ScriptedModel(refuse), request_of())
    assert caught.value.retries == 2


def test_another_error_of_a_function_becomes_a_model_error(complete: Complete, request_of: Ask) -> None:
    with pytest.raises(ModelError, match=r"script of model 'scripted' raised ZeroDivisionError"):
        complete(ScriptedModel(lambda messages: str(1 / 0)), request_of())


def test_what_is_no_text_is_refused(complete: Complete, request_of: Ask) -> None:
    with pytest.raises(ModelError, match="gave int"):
        complete(ScriptedModel(lambda messages: 3), request_of())  # type: ignore[arg-type, return-value]


def test_a_reply_is_streamed_in_a_few_pieces(complete: Complete, request_of: Ask) -> None:
    pieces: list[str] = []
    reply = complete(ScriptedModel(["a text of some length"]), request_of(), pieces.append)
    assert "".join(pieces) == reply.text
    assert len(pieces) > 1


def test_requests_and_usage_are_kept(complete: Complete, request_of: Ask) -> None:
    model, request = ScriptedModel(["x" * 40]), request_of("y" * 400, temperature=0.3)
    reply = complete(model, request)
    assert model.requests == [request]
    assert reply.usage == Usage(prompt_tokens=101, completion_tokens=11, cost=0.0)
    assert model.estimate(request).prompt_tokens == 101


def test_latencies_of_requests_in_flight_overlap(request_of: Ask) -> None:
    model, loop = ScriptedModel(lambda messages: "ok", latency=0.05), ModelLoop.shared()
    replies = [future.result(10) for future in [loop.submit(model.complete(request_of())) for _ in range(50)]]
    assert all(0.05 <= reply.seconds < 1.0 for reply in replies)


def test_it_is_a_model() -> None:
    assert isinstance(ScriptedModel([]), Model)
