"""What runs have spent so far, kept as one small node each, a parent's with its children's. One thread at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rlm_lab.trajectory import events as ev
from rlm_lab.views.nodes import Nodes, figure


@dataclass(slots=True)
class Count:
    """`held` is the time spent paused, `prompt` the root prompt's tokens of the last step."""

    steps: int = 0
    calls: int = 0
    answered: int = 0
    failed: int = 0
    tokens_in: float = 0
    tokens_out: float = 0
    cost: float | None = None
    held: float = 0.0
    prompt: float = 0
    t: float = 0.0


class Counts:
    """The counts of all runs; `settle` writes those that changed into their nodes."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._of: dict[str, Count] = {}
        self._above: dict[str, str | None] = {}
        self._changed: set[str] = set()
        self._forks: set[str] = set()

    def open(self, run: str, block: str | None) -> None:
        above = None if block is None else block.partition("s")[0]
        self._above[run] = above if above in self._of else None
        self._of[run] = Count()
        self._changed.add(run)

    def settle(self) -> None:
        for run in sorted(self._changed):
            fields = {**asdict(self._of[run])}
            fields["cost"] = None if fields["cost"] is None else round(fields["cost"], 8)
            self._nodes.put(f"{run}u", "usage", run, **fields)
        self._changed.clear()

    def at(self, run: str, t: object) -> None:
        for name in self._chain(run):
            self._of[name].t = round(figure(t) or self._of[name].t, 4)

    def reply(self, run: str, event: ev.ReplyReceived) -> None:
        self._of[run].steps += 1
        self._of[run].prompt = figure(event.prompt_tokens) or 0
        self._spend(run, event)

    def started(self, run: str) -> None:
        for name in self._chain(run):
            self._of[name].calls += 1

    def answered(self, run: str, event: ev.CallFinished) -> None:
        for name in self._chain(run):
            self._of[name].answered += 1
        self._spend(run, event)

    def failed(self, run: str) -> None:
        for name in self._chain(run):
            self._of[name].failed += 1

    def held(self, run: str, event: ev.Resumed) -> None:
        for name in self._chain(run):
            self._of[name].held += figure(event.seconds) or 0.0

    def begun(self, run: str, event: ev.RunStarted) -> None:
        if ev.forked_from(event) is not None:
            self._forks.add(run)

    def ended(self, run: str, event: ev.RunFinished) -> None:
        """The ledger's own figures, where the log has them: they know of replies that were lost, too.

        A fork's ledger knows only what came after the steps that it shares, so its figures stay those that were counted.
        """
        usage = event.usage if isinstance(event.usage, Mapping) else {}
        count = self._of[run]
        if self._above[run] is None and run not in self._forks:
            count.tokens_in = figure(usage.get("prompt_tokens")) or count.tokens_in
            count.tokens_out = figure(usage.get("completion_tokens")) or count.tokens_out
            count.calls = int(figure(usage.get("calls")) or count.calls)
            count.cost = figure(usage.get("cost")) if figure(usage.get("cost")) is not None else count.cost

    def _spend(self, run: str, event: Any) -> None:
        tokens_in, tokens_out, cost = (figure(value) for value in (event.prompt_tokens, event.completion_tokens, event.cost))
        for name in self._chain(run):
            count = self._of[name]
            count.tokens_in += tokens_in or 0
            count.tokens_out += tokens_out or 0
            if cost is not None:
                count.cost = (count.cost or 0.0) + cost

    def _chain(self, run: str) -> list[str]:
        """The run and the runs above it."""
        chain: list[str] = []
        name: str | None = run
        while name is not None:
            chain.append(name)
            self._changed.add(name)
            name = self._above[name]
        return chain
