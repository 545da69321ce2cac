"""The stub endpoint for tests of models, and a way to await a model from a test."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlm_lab.models.base import Message, Model, Reply, Request
from rlm_lab.models.litellm_load import load
from rlm_lab.models.loop import ModelLoop

SUPPORT = Path(__file__).parents[1] / "support"


def _support(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SUPPORT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stub() -> ModuleType:
    """The module `stub_server`: `StubServer`, `StubReply`, `in_turn`."""
    return sys.modules.get("stub_server") or _support("stub_server")


@pytest.fixture
def serve(stub: ModuleType) -> Iterator[Callable[..., Any]]:
    """Start a stub endpoint that ends with the test."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(stub.StubServer(*args, **kwargs))


@pytest.fixture(scope="session")
def litellm() -> Any:
    return load()


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without anything that LiteLLM would take a key or an endpoint from."""
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_API_BASE",
        "GROQ_API_KEY",
        "HOSTED_VLLM_API_BASE",
        "ANTHROPIC_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture(scope="session")
def request_of() -> Callable[..., Request]:
    def make(*texts: str, **parameters: Any) -> Request:
        roles = ("user", "assistant")
        messages = tuple(Message(role=roles[number % 2], content=text) for number, text in enumerate(texts or ("How many?",)))  # type: ignore[arg-type]
        return Request(messages=messages, **{"seconds": 10.0, "retries": 0, **parameters})

    return make


@pytest.fixture(scope="session")
def complete() -> Callable[..., Reply]:
    """`complete(model, request, on_delta=None)`: the reply, awaited on the model loop."""

    def wait(model: Model, request: Request, on_delta: Callable[[str], None] | None = None) -> Reply:
        return ModelLoop.shared().submit(model.complete(request, on_delta)).result(30)

    return wait
