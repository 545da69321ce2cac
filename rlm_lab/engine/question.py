"""What a run is made from: its question, and what all runs of a tree share. Plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.config import Budget, Settings
from rlm_lab.engine.context import ContextInfo
from rlm_lab.engine.gates import Gates
from rlm_lab.engine.host import Host
from rlm_lab.engine.ledger import Ledger
from rlm_lab.engine.playback import Playback
from rlm_lab.engine.profiles import Profile
from rlm_lab.engine.recorded import Recorded
from rlm_lab.engine.schema import Schema
from rlm_lab.engine.traffic import Traffic
from rlm_lab.models.base import Model
from rlm_lab.trajectory.events import BudgetWarned
from rlm_lab.trajectory.store import EventLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What all runs of a tree share."""

    log: EventLog
    ledger: Ledger
    traffic: Traffic
    settings: Settings
    host: Host
    resolve: Callable[[str], Model]
    profile_of: Callable[[Model], Profile]
    gates: Gates
    recorded: Recorded
    playback: Playback

    @classmethod
    def make(cls, log: EventLog, run: str, budget: Budget, **parts: Any) -> Engine:
        """An engine with a log and a ledger of its own; `parts` are the other fields but for ledger and traffic."""
        ledger = Ledger(budget, lambda limit, used, most: _warn(log, run, limit, used, most))
        recorded: Recorded = parts.setdefault("recorded", Recorded())
        parts.setdefault("playback", Playback())
        return cls(log=log, ledger=ledger, traffic=Traffic(log, ledger, parts["settings"], recorded), **parts)

    def again(self, log: EventLog, run: str, budget: Budget, **changes: Any) -> Engine:
        """The same for another run: its own log, ledger, gates and record."""
        parts = {name: getattr(self, name) for name in ("settings", "host", "resolve", "profile_of")}
        return Engine.make(log, run, budget, **(parts | {"gates": Gates()} | changes))


def _warn(log: EventLog, run: str, limit: str, used: float, maximum: float) -> None:
    log.append(BudgetWarned(run=run, limit=limit, used=used, maximum=maximum))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one run is asked. `contexts` and `tools` map names to values; `namespace` is where its blocks run."""

    run: str
    text: str
    model: Model
    sub_model: Model
    contexts: Mapping[str, Any]
    namespace: dict[str, Any]
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    sub_tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    schema: Schema | None = None
    parent: str | None = None
    depth: int = 0
    cassette: dict[str, Any] | None = None
    infos: tuple[ContextInfo, ...] | None = None  # what the contexts are, where that was asked already
    origin: dict[str, Any] | None = None

    def inner(self, text: str, context: Any, model: Model | None) -> Question:
        """What a child run of this one is asked, in a namespace of its own."""
        return Question(
            run=self.run,
            text=text,
            model=model or self.model,
            sub_model=self.sub_model,
            contexts={"context": context},
            namespace={"__name__": "__main__"},
            tools={**self.tools, **self.sub_tools},
            sub_tools=self.sub_tools,
        )
