"""What tests share: every test keeps its runs in a folder of its own, and asks scripted models."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlm_lab import Run, ScriptedModel, ask
from rlm_lab.engine.run import paused_runs


@pytest.fixture(autouse=True)
def _own_runs_folder(tmp_path, monkeypatch):
    """A folder of the test's own; what it leaves paused is stopped, so that the next test finds no paused run."""
    monkeypatch.setenv("RLM_LAB_RUNS", str(tmp_path / "runs"))
    yield
    for run in paused_runs():
        run.stop()


def as_reply(code: str) -> str:
    """A reply with one block."""
    return f"I look at the data.\n\n```repl\n{code}\n```"


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    """Makes a root model that replies with these blocks, one a step."""
    return lambda *blocks, **options: ScriptedModel([as_reply(block) for block in blocks], **options)


@pytest.fixture
def echo() -> ScriptedModel:
    """A sub-model that answers with what it was asked, in capitals."""
    return ScriptedModel(lambda messages: messages[-1].content.upper(), name="echo")


@pytest.fixture
def asked(scripted, echo) -> Callable[..., Run]:
    """Asks a question whose root model replies with these blocks, in a namespace of its own."""

    def asking(*blocks: str, **parameters: Any) -> Run:
        parameters.setdefault("namespace", {})
        parameters.setdefault("model", scripted(*blocks))
        parameters.setdefault("sub_model", echo)
        return ask(parameters.pop("question", "What is it?"), **parameters)

    return asking


@pytest.fixture(scope="session")
def films() -> ModuleType:
    """The module `films`: runs made of events."""
    return _support("films")


@pytest.fixture(scope="session")
def flights() -> ModuleType:
    """The module `flights`: eight runs of one question, to be compared."""
    return _support("flights")


def _support(name: str) -> ModuleType:
    path = Path(__file__).parent / "support" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
