"""Models for sweeps: functions that make them, so that each run, here or in another process, has its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from rlm_lab import ScriptedModel, Sweep, sweep

Maker = Callable[[], ScriptedModel]


@pytest.fixture
def writes() -> Callable[..., Maker]:
    """Makes a model that replies with these blocks, one a step."""
    return lambda *blocks, **options: partial(ScriptedModel, [f"```repl\n{block}\n```" for block in blocks], **options)


@pytest.fixture
def says() -> Callable[..., Maker]:
    """Makes a model that says the same whatever it is asked."""
    return lambda text, times=200: partial(ScriptedModel, [text] * times)


@pytest.fixture
def swept(tmp_path) -> Callable[..., Sweep]:
    """Sweeps in a folder of the test's own, without a bar."""

    def sweeping(question: Any = "How many letters?", **parameters: Any) -> Sweep:
        parameters.setdefault("context", {"word": "tomato"})
        parameters.setdefault("folder", tmp_path / "sweep")
        return sweep(question, progress=False, **parameters)

    return sweeping
