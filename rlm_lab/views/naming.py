"""The ids of nodes: what comes again after a rewind gets another id than what was put aside. One thread at a time."""

from __future__ import annotations

from typing import Any

from rlm_lab.views.nodes import Nodes


class Names:
    """Ids by the names that events give: run, number of the step, of the block, of the call."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._renamed: dict[str, str] = {}
        self._aside: set[str] = set()
        self._again = 0

    def step(self, run: str, event: Any) -> str:
        return self.key(f"{run}s{event.step}")

    def block(self, run: str, event: Any) -> str:
        return f"{self.step(run, event)}b{event.block}"

    def key(self, name: str) -> str:
        """The id that a name has now."""
        return self._renamed.get(name, name)

    def fresh(self, name: str) -> str:
        """The id of something new: its name, or another where that is taken by what was put aside."""
        return self.again(name) if self.key(name) in self._nodes else self.key(name)

    def again(self, name: str) -> str:
        self._again += 1
        self._renamed[name] = f"{name}v{self._again}"
        return self._renamed[name]

    def put_aside(self, step: str) -> bool:
        """Whether a step was put aside."""
        return step in self._aside

    def put_aside_from(self, run: str, number: int) -> list[str]:
        """Puts aside the steps of a run from this one on; gives their ids."""
        found = []
        while (step := self.key(f"{run}s{number}")) in self._nodes:
            found.append(step)
            number += 1
        self._aside.update(found)
        return found

    def is_aside(self, run: str) -> bool:
        """Whether a child run stands in a step that was put aside."""
        return str(self._nodes.get(run).get("parent")).partition("b")[0] in self._aside
