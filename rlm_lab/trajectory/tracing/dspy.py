"""A live `dspy.RLM`, traced by callbacks of DSPy: each reply, block, call and batch is written when it begins and ends.

Calls come from several threads at once; a lock orders them. A callback of ours never raises into DSPy.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rlm_lab.errors import StateError
from rlm_lab.masking import masked
from rlm_lab.trajectory.formats.dspy import NAME, answer_of
from rlm_lab.trajectory.formats.recorder import Asked, Spent
from rlm_lab.trajectory.formats.values import Record, described, number, record, text
from rlm_lab.trajectory.tracing.live import LiveRun, error_of, status_of
from rlm_lab.trajectory.tree import Trajectory

HOLDS = ("answer", "question", "times", "tokens", "calls", "prompts", "contexts", "model")
_QUESTIONS = ("question", "query")
_inside: ContextVar[tuple[AbstractContextManager[Any], ...]] = ContextVar("inside", default=())  # blocks of this thread or task
_RECENT = 200  # entries of a model's history among which one is looked for


@dataclass(slots=True)
class Open:
    """A request under way."""

    model: Any
    prompt: Any
    messages: Any
    began: float
    batch: int | None = None


class TracedDspy:
    """Stands for a `dspy.RLM`: calling it, and all else, is its own.

    Parameters
    ----------
    engine: the module.
    folder: where the logs of its runs are written.
    """

    def __init__(self, engine: Any, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._runs: list[LiveRun] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._traced():
            return self._engine(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """The module's own `acall`, written as it happens."""
        with self._traced():
            return await self._engine.acall(*args, **kwargs)

    @property
    def paths(self) -> list[Path]:
        return [run.path for run in self._runs]

    @property
    def last(self) -> Trajectory:
        if not self._runs:
            raise StateError("Nothing has run yet; call the module first.")
        return self._runs[-1].trajectory

    def __enter__(self) -> Self:
        inside = self._traced()
        inside.__enter__()
        _inside.set((*_inside.get(), inside))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        *others, inside = _inside.get()
        _inside.set(tuple(others))
        inside.__exit__(kind, error, traceback)

    def _traced(self) -> AbstractContextManager[Any]:
        """DSPy's settings with a callback that knows one run, in place of that of a block around this one."""
        import dspy

        known = dspy.settings.get("callbacks", []) or []
        others = [one for one in known if not (isinstance(one, Callback) and one.runs is self._runs)]
        context: AbstractContextManager[Any] = dspy.context(callbacks=[*others, Callback(self._engine, self._folder, self._runs)])
        return context


class Callback:
    """What DSPy calls. Callbacks that are not named here do nothing."""

    def __init__(self, engine: Any, folder: Path, runs: list[LiveRun]) -> None:
        self._engine = engine
        self._folder = folder
        self.runs = runs
        self._run: LiveRun | None = None
        self._call = ""  # the id of the run's own call
        self._thinking = ""  # of the call in which the root model is asked
        self._executing = ""
        self._began = 0.0
        self._open: dict[str, Open] = {}
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda **_: None

    def on_module_start(self, call_id: str, instance: Any, inputs: Record) -> None:
        with self._lock:
            if self._run is None and instance is self._engine:
                self._call, self._run = call_id, self._begun(record(inputs.get("kwargs"), "kwargs"))
            elif self._run is not None and (instance is self._engine.generate_action or instance is self._engine.extract):
                self._thinking = call_id
                self._run.tick()

    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        with self._lock:
            if call_id == self._thinking:
                self._thinking = ""
            elif call_id == self._call and self._run is not None:
                run, self._run = self._run, None
                answer = None if outputs is None else answer_of(dict(outputs.items()))
                run.finish("done" if exception is None else status_of(exception), answer, error=exception)

    def on_lm_start(self, call_id: str, instance: Any, inputs: Record) -> None:
        with self._lock:
            if self._run is None:
                return
            self._run.tick()
            prompt, messages = inputs.get("prompt"), inputs.get("messages")
            self._open[call_id] = Open(instance, prompt, messages, time.perf_counter())
            if self._thinking and not self._executing:
                self._run.recorder.step(messages or prompt)

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        with self._lock:
            asked = self._open.pop(call_id, None)
            if self._run is None or asked is None:
                return
            self._run.tick()
            spent, said = self._spent(asked), _said(outputs)
            model = getattr(asked.model, "model", None)
            if self._executing:
                begin = self._run.recorder.now - (number(spent.seconds) or 0.0)
                prompt = asked.prompt if asked.prompt is not None else _last(asked.messages)
                self._run.recorder.call(
                    Asked(prompt=prompt, answer=said, error=error_of(exception), model=model, spent=spent, at=max(begin, 0.0))
                )
            elif exception is None:
                self._run.recorder.replied(said, model=model, spent=spent)

    def on_interpreter_execute_start(self, call_id: str, instance: Any, inputs: Record) -> None:
        with self._lock:
            if self._run is not None and not self._executing and self._run.recorder.steps:
                self._run.tick()
                self._executing, self._began = call_id, time.perf_counter()
                self._run.recorder.block(inputs.get("code"))

    def on_interpreter_execute_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        with self._lock:
            if self._run is None or call_id != self._executing:
                return
            self._run.tick()
            self._executing = ""
            fields = getattr(outputs, "output", None)
            self._run.recorder.output(outputs if fields is None else f"FINAL: {fields}")
            told = type(exception).__name__ == "CodeExecutionError"  # names the error of the code itself
            error = masked(str(exception)) if told else error_of(exception)
            self._run.recorder.end_block(took=time.perf_counter() - self._began, error=error)

    def _begun(self, inputs: Record) -> LiveRun:
        question = next((inputs[name] for name in _QUESTIONS if isinstance(inputs.get(name), str)), "")
        contexts = [described(name, value) for name, value in inputs.items() if value is not question]
        import dspy

        root = getattr(self._engine.generate_action, "lm", None) or dspy.settings.lm
        sub = self._engine.sub_lm or dspy.settings.lm
        about = {
            "question": question or text(self._engine.signature.instructions),
            "model": getattr(root, "model", None),
            "sub_model": getattr(sub, "model", None),
            "contexts": contexts,
            "budget": {"steps": self._engine.max_iters, "calls": self._engine.max_llm_calls},
        }
        run = LiveRun(self._folder, NAME, HOLDS, about)
        self.runs.append(run)
        return run

    def _spent(self, asked: Open) -> Spent:
        """A request's usage, from the model's own history: found by what was asked, for threads write into it at once."""
        entries = list(getattr(asked.model, "history", []))[-_RECENT:]
        for entry in reversed(entries):
            if (asked.prompt is not None and entry.get("prompt") == asked.prompt) or (
                asked.prompt is None and entry.get("messages") == asked.messages
            ):
                usage = entry.get("usage") or {}
                tokens = {"tokens_in": usage.get("prompt_tokens"), "tokens_out": usage.get("completion_tokens")}
                return Spent(**tokens, cost=entry.get("cost"), seconds=time.perf_counter() - asked.began)
        return Spent(seconds=time.perf_counter() - asked.began)


def _said(outputs: Any) -> str:
    """The text of a reply: of a list of texts the first."""
    first = outputs[0] if isinstance(outputs, list) and outputs else outputs
    return text(first.get("text") if isinstance(first, dict) else getattr(first, "text", first))


def _last(messages: Any) -> Any:
    return messages[-1].get("content") if isinstance(messages, list) and messages and isinstance(messages[-1], dict) else messages
