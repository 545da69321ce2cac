"""One run of another engine while it is written: a `Recorder` whose events go into a log at once. Used by the engine's threads."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlm_lab.errors import LogError
from rlm_lab.masking import masked
from rlm_lab.trajectory.events import Event
from rlm_lab.trajectory.fold import fold
from rlm_lab.trajectory.formats.recorder import Recorder
from rlm_lab.trajectory.store import SUFFIX, EventLog
from rlm_lab.trajectory.tree import Trajectory

_logger = logging.getLogger(__name__)


class LiveRun:
    """A run that has begun; its log is made with the first event.

    Parameters
    ----------
    folder: where its log is written.
    format: the engine.
    holds: the facts that it tells.
    about: what is known at its start, as `Recorder.start` takes it.
    """

    def __init__(self, folder: Path, format: str, holds: Iterable[str], about: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        self.name = f"{format}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self.path = folder / f"{self.name}{SUFFIX}"
        self.recorder = Recorder(self.name, format=format, file="", holds=holds)
        self.over = False
        self._began = time.perf_counter()
        self._t = 0.0
        self._log = EventLog(self.path, clock=lambda: self._t)
        self.recorder.start(began=now.timestamp(), **about)
        self.recorder.to(self._write)

    def tick(self) -> None:
        """Goes on to the time that it is."""
        self.recorder.now = max(self.recorder.now, time.perf_counter() - self._began)

    def finish(self, status: str, answer: Any = None, *, error: BaseException | None = None) -> None:
        """Ends the run; does nothing when it is over."""
        if self.over:
            return
        self.tick()
        self.recorder.finish(status, answer, error=error_of(error))
        self.end()

    def end(self) -> None:
        """Closes the log: without an end the run is one that was interrupted."""
        self.over = True
        self._log.close()

    @property
    def trajectory(self) -> Trajectory:
        """The run as far as it has come."""
        unfinished = "interrupted" if self.over else "running"
        return dataclasses.replace(fold(self._log.events, unfinished=unfinished), path=self.path)

    def _write(self, event: Event) -> None:
        self._t = event.t
        try:
            self._log.append(event)
        except LogError as error:
            _logger.warning("%s", error)


def error_of(error: BaseException | None) -> str | None:
    """What a log says of an error of the engine, without keys: providers repeat the key that they refuse."""
    return None if error is None else masked(f"{type(error).__name__}: {error}")


def status_of(error: BaseException) -> str:
    """How a run ended that raised: an interrupt is a person's."""
    return "failed" if isinstance(error, Exception) else "stopped"
