"""The events of one run, told to its log: the only place where the engine's main thread makes them.

The teller also knows where the run stands, since every event says so. Main thread only, but for `output`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rlm_lab._version import __version__
from rlm_lab.config import Budget
from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.ledger import Spent
from rlm_lab.engine.observation import BlockReport
from rlm_lab.engine.output import Piece
from rlm_lab.engine.question import Question
from rlm_lab.engine.recorded import KnownReply
from rlm_lab.engine.traffic import Origin
from rlm_lab.models.base import Message
from rlm_lab.trajectory import events
from rlm_lab.trajectory.store import EventLog

_VERSIONS = {"rlm_lab": __version__, "python": sys.version.split()[0]}
_LIMITS = ("steps", "calls", "tokens", "cost", "seconds", "depth")


class Teller:
    """Tells what happens in one run. `step` and `block` count from 1; 0 is before the first."""

    def __init__(self, log: EventLog, run: str, depth: int) -> None:
        self._log = log
        self._run = run
        self.depth = depth
        self.step = 0
        self.block = 0

    @property
    def run(self) -> str:
        return self._run

    @property
    def origin(self) -> Origin:
        return Origin(run=self._run, step=self.step)

    def started(self, asked: Question, contexts: Sequence[ContextInfo], budget: Budget, profile: str) -> None:
        self._log.append(
            events.RunStarted(
                run=self._run,
                question=asked.text,
                model=asked.model.name,
                sub_model=asked.sub_model.name,
                contexts=[info.as_json() for info in contexts],
                budget={name: getattr(budget, name) for name in _LIMITS},
                started=datetime.now(UTC).isoformat(timespec="milliseconds"),
                profile=profile,
                parent=asked.parent,
                depth=asked.depth,
                schema=None if asked.schema is None else asked.schema.as_json(),
                tools=sorted(asked.tools),
                cassette=asked.cassette,
                origin=asked.origin,
                versions=_VERSIONS,
            )
        )

    def step_started(self, new: Sequence[Message], dropped: int, temperature: float | None) -> None:
        self.step += 1
        self.block = 0
        messages = [{"role": message.role, "content": message.content} for message in new]
        self._log.append(
            events.StepStarted(run=self._run, step=self.step, messages=messages, dropped=dropped, temperature=temperature)
        )

    def reply_known(self, reply: KnownReply) -> None:
        """A reply that was received in an earlier pass; it costs nothing."""
        self._log.append(
            events.ReplyReceived(
                run=self._run,
                step=self.step,
                text=reply.text,
                model=reply.model,
                prompt_tokens=0,
                completion_tokens=0,
                finish_reason=reply.finish_reason,
                source="record",
            )
        )

    def block_started(self, code: str, state: dict[str, Any]) -> None:
        self.block += 1
        self._log.append(events.BlockStarted(run=self._run, step=self.step, block=self.block, code=code, state=state))

    def output(self, piece: Piece) -> None:
        """From any thread: a block's threads print too."""
        self._log.append(
            events.Output(
                run=self._run,
                step=self.step,
                block=self.block,
                kind=piece.kind,
                text=piece.text,
                data=piece.data,
                cut=piece.cut,
            )
        )

    def block_finished(self, report: BlockReport, seconds: float, digest: str) -> None:
        self._log.append(
            events.BlockFinished(
                run=self._run,
                step=self.step,
                block=self.block,
                seconds=seconds,
                variables=report.variables,
                digest=digest,
                error=None if report.error is None else report.error.as_json(),
            )
        )

    def batch_of_children(self, batch: int, size: int, line: int | None) -> None:
        self._log.append(
            events.BatchStarted(run=self._run, step=self.step, block=self.block, batch=batch, size=size, line=line, children=True)
        )

    def child_started(self, child: str, line: int | None, batch: int | None, index: int | None) -> None:
        self._log.append(
            events.ChildStarted(run=self._run, step=self.step, block=self.block, child=child, line=line, batch=batch, index=index)
        )

    def child_finished(self, child: str, status: str) -> None:
        self._log.append(events.ChildFinished(run=self._run, child=child, status=status))

    def edited(self, what: str, before: Any, after: Any, by: str) -> None:
        block = self.block + 1 if what == "code" else self.block or None  # code is changed before its block begins
        self._log.append(events.Edited(run=self._run, step=self.step, block=block, what=what, before=before, after=after, by=by))

    def flagged(self, flag: str, message: str) -> None:
        self._log.append(events.Flagged(run=self._run, step=self.step, flag=flag, message=message))

    def finished(self, *, spent: Spent, **outcome: Any) -> None:
        """`outcome` holds the fields of `RunFinished`, but for what was spent."""
        usage = {name: getattr(spent, name) for name in ("steps", "calls", "prompt_tokens", "completion_tokens", "cost")}
        self._log.append(events.RunFinished(run=self._run, seconds=spent.seconds, usage=usage, **outcome))
