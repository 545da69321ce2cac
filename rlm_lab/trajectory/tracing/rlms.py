"""A live `rlm.RLM`, traced by its logger: what it is told of, an iteration at a time, is written at once.

For the time of a run the object has our logger and our `completion` in place of its own; its own logger is told all the same, and
both are put back. The engine's thread owns it.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rlm_lab.errors import StateError
from rlm_lab.trajectory.formats.rlms import HOLDS, NAME, Completion
from rlm_lab.trajectory.formats.values import Misfit, described
from rlm_lab.trajectory.tracing.live import LiveRun, status_of
from rlm_lab.trajectory.tree import Trajectory

_logger = logging.getLogger(__name__)


class TracedRlms:
    """Stands for an `rlm.RLM`: `completion` and all else are its own.

    Parameters
    ----------
    engine: the object.
    folder: where the logs of its runs are written.
    """

    def __init__(self, engine: Any, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._runs: list[LiveRun] = []
        self._completion: Completion | None = None
        self._inner: Any = None
        self._own: Any = None
        self._before: Any = None  # a completion that the object itself had, of another trace
        self._depth = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.completion(*args, **kwargs)

    @property
    def paths(self) -> list[Path]:
        return [run.path for run in self._runs]

    @property
    def last(self) -> Trajectory:
        if not self._runs:
            raise StateError("Nothing has run yet; call completion(...) first.")
        return self._runs[-1].trajectory

    def completion(self, prompt: Any, root_prompt: str | None = None) -> Any:
        """The engine's own completion, written as it happens."""
        with self:
            self._begin(prompt, root_prompt)
            try:
                result = self._own(prompt, root_prompt=root_prompt)
            except BaseException as error:
                self._runs[-1].finish(status_of(error), error=error)
                raise
            self._runs[-1].finish("done", getattr(result, "response", result))
            return result

    def __enter__(self) -> Self:
        if self._depth == 0:
            self._inner, self._engine.logger = self._engine.logger, self
            self._before = vars(self._engine).get("completion")
            self._own, self._engine.completion = self._engine.completion, self.completion
        self._depth += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._engine.logger = self._inner
            if self._before is None:
                vars(self._engine).pop("completion", None)  # the class's own shows again
            else:
                self._engine.completion, self._before = self._before, None
            if self._runs and not self._runs[-1].over:
                self._runs[-1].finish(status_of(error), error=error) if error is not None else self._runs[-1].end()

    # what the engine calls on its logger

    def log_metadata(self, metadata: Any) -> None:
        self._tell("log_metadata", metadata)

    def clear_iterations(self) -> None:
        self._tell("clear_iterations")

    def log(self, iteration: Any) -> None:
        """An iteration is over."""
        self._tell("log", iteration)
        try:
            self._iterated(iteration)
        except Exception as error:  # whatever the engine tells: it must not end the engine's run
            _logger.warning("An iteration of %s cannot be written as a log (%s).", NAME, error, exc_info=True)

    def _iterated(self, iteration: Any) -> None:
        if self._completion is None:
            raise Misfit("no run is under way")
        run, completion = self._runs[-1], self._completion
        told = {"type": "iteration", "timestamp": datetime.now().isoformat(), **iteration.to_dict()}
        completion.iteration(told)
        if completion.over:
            run.finish("done", completion.answer)
        else:
            run.recorder.expect()
        if run.over:
            self._completion = None

    def get_trajectory(self) -> Any:
        return self._tell("get_trajectory")

    @property
    def iteration_count(self) -> int:
        return 0 if self._inner is None else int(self._inner.iteration_count)

    def _tell(self, name: str, *args: Any) -> Any:
        return None if self._inner is None else getattr(self._inner, name)(*args)

    def _begin(self, prompt: Any, question: str | None) -> None:
        if self._runs and not self._runs[-1].over:
            self._runs[-1].end()
        engine = self._engine
        model = (engine.backend_kwargs or {}).get("model_name")
        about = {
            "question": question,
            "model": model,
            "contexts": [described("context", prompt)],
            "budget": {"steps": engine.max_iterations, "depth": engine.max_depth},
        }
        run = LiveRun(self._folder, NAME, HOLDS, about)
        self._completion = Completion(run.recorder, {"root_model": model}, question=question or "")
        self._runs.append(run)
        run.recorder.expect()
