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

    run: str = ""
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
        self._chains: dict[str, tuple[Count, ...]] = {}  # the counts of a run, and of the runs above it
        self._changed: set[str] = set()  # runs; those above them have changed, too
        self._forks: set[str] = set()
        self._by_user = 0  # calls that the user answered, which no ledger counts

    def open(self, run: str, block: str | None) -> None:
        above = () if block is None else self._chains.get(block.partition("s")[0], ())
        self._chains[run] = (Count(run=run), *above)
        self._changed.add(run)

    def settle(self) -> None:
        changed = {count.run: count for run in self._changed for count in self._chains[run]}
        for run, count in sorted(changed.items()):
            cost = None if count.cost is None else round(count.cost, 8)
            fields = {**asdict(count), "run": None, "cost": cost, "t": round(figure(count.t) or 0.0, 4)}
            self._nodes.put(f"{run}u", "usage", run, **fields)
        self._changed.clear()

    def at(self, run: str, t: object) -> None:
        self._changed.add(run)
        if isinstance(t, (int, float)):
            for count in self._chains[run]:
                count.t = t or count.t

    def reply(self, run: str, event: ev.ReplyReceived) -> None:
        own = self._chains[run][0]
        own.steps += 1
        own.prompt = figure(event.prompt_tokens) or 0
        self._spend(run, event)

    def started(self, run: str) -> None:
        for count in self._chains[run]:
            count.calls += 1

    def answered(self, run: str, event: ev.CallFinished) -> None:
        self._by_user += event.model == "user" and not event.source
        for count in self._chains[run]:
            count.answered += 1
        self._spend(run, event)

    def failed(self, run: str) -> None:
        for count in self._chains[run]:
            count.failed += 1

    def held(self, run: str, event: ev.Resumed) -> None:
        for count in self._chains[run]:
            count.held += figure(event.seconds) or 0.0

    def begun(self, run: str, event: ev.RunStarted) -> None:
        if ev.forked_from(event) is not None:
            self._forks.add(run)

    def ended(self, run: str, event: ev.RunFinished) -> None:
        """The ledger's own figures, where the log has them: they know of replies that were lost, too.

        A fork's ledger knows only what came after the steps that it shares, so its figures stay those that were counted.
        """
        usage = event.usage if isinstance(event.usage, Mapping) else {}
        count, *above = self._chains[run]
        if not above and run not in self._forks:
            count.tokens_in = figure(usage.get("prompt_tokens")) or count.tokens_in
            count.tokens_out = figure(usage.get("completion_tokens")) or count.tokens_out
            count.calls = int((figure(usage.get("calls")) or (count.calls - self._by_user)) + self._by_user)
            count.cost = figure(usage.get("cost")) if figure(usage.get("cost")) is not None else count.cost

    def _spend(self, run: str, event: Any) -> None:
        tokens_in, tokens_out, cost = (figure(value) for value in (event.prompt_tokens, event.completion_tokens, event.cost))
        for count in self._chains[run]:
            count.tokens_in += tokens_in or 0
            count.tokens_out += tokens_out or 0
            if cost is not None:
                count.cost = (count.cost or 0.0) + cost
