"""Adapters: how each system is driven, through its public calls only, with everything that can be kept warm kept warm.

Imports nothing of a system before its class is made. `run(text)` makes one run about `text` and returns its answer.
Nothing is patched; settings differ from a system's defaults only where its limits would end a run of the benchmark.
"""

from __future__ import annotations

from typing import Any, Protocol

QUESTION = "How long is the text?"
STEPS = 50
"""More than any run of the benchmark needs; few enough that a run which goes wrong is over soon."""


class Peer(Protocol):
    """One system, warm: client made, packages imported."""

    def load(self) -> None:
        """Import what the first run would import."""

    def run(self, text: str) -> str: ...
    def close(self) -> None: ...


class RlmLab:
    """`rlm_lab.ask` with LiteLLM models, each run in a namespace of its own."""

    def __init__(self, url: str, concurrency: int | None) -> None:
        import rlm_lab
        from rlm_lab.config import Budget

        limit = {} if concurrency is None else {"max_concurrency": concurrency}
        self._ask = rlm_lab.ask
        from rlm_lab.models.litellm_model import LiteLLMModel

        self._model = LiteLLMModel("openai/stub", api_base=url, api_key="none", **limit)
        self._sub_model = LiteLLMModel("openai/stub-sub", api_base=url, api_key="none", **limit)
        self._budget = Budget(steps=STEPS, calls=100_000)

    def load(self) -> None:
        self._model.check()

    def run(self, text: str) -> str:
        run = self._ask(
            QUESTION,
            context={"context": text},
            model=self._model,
            sub_model=self._sub_model,
            budget=self._budget,
            namespace={},
        )
        return str(run.answer)

    def close(self) -> None: ...


class Rlms:
    """`rlm.RLM` in its local environment. It makes new clients and a new socket server for every run, by design."""

    def __init__(self, url: str, concurrency: int | None) -> None:
        import openai  # noqa: F401 - imported by its first run otherwise
        from rlm import RLM

        self._rlm = RLM(
            backend="openai",
            backend_kwargs={"model_name": "stub", "base_url": url, "api_key": "none"},
            environment="local",
            max_iterations=STEPS,
        )

    def load(self) -> None: ...

    def run(self, text: str) -> str:
        return str(self._rlm.completion(text, root_prompt=QUESTION).response)

    def close(self) -> None:
        self._rlm.close()


class Dspy:
    """`dspy.RLM` with `LocalInterpreter`; it starts a worker process for every run, by design. The cache of replies is off."""

    def __init__(self, url: str, concurrency: int | None) -> None:
        import dspy

        dspy.configure(lm=dspy.LM("openai/stub", api_base=url, api_key="none", cache=False))
        self._rlm = dspy.RLM(
            "context, question -> answer",
            max_iters=STEPS,
            max_llm_calls=100_000,
            interpreter_factory=dspy.LocalInterpreter,
        )

    def load(self) -> None: ...

    def run(self, text: str) -> str:
        return str(self._rlm(context=text, question=QUESTION).answer)

    def close(self) -> None: ...


class RecursiveFlow:
    """`rflow.Flow` with one OpenAI client for all runs, in this process."""

    def __init__(self, url: str, concurrency: int | None) -> None:
        from rflow import Flow, OpenAIClient

        client = OpenAIClient(model="stub", base_url=url, api_key="none")
        self._flow = Flow(client, max_iters=STEPS, llm_max_concurrency=concurrency)

    def load(self) -> None: ...

    def run(self, text: str) -> str:
        return str(self._flow.run(QUESTION, {"context": text}))

    def close(self) -> None:
        self._flow.close()


CLASSES: dict[str, Any] = {"rlm_lab": RlmLab, "rlms": Rlms, "dspy": Dspy, "recursive-flow": RecursiveFlow}


def make(name: str, url: str, concurrency: int | None = None) -> Peer:
    """The adapter of `name`; raises `ImportError` or `AttributeError` where the system is missing or not finished.

    `concurrency` is handed to systems that let a user choose it; `None` leaves their default.
    """
    peer: Peer = CLASSES[name](url, concurrency)
    return peer
