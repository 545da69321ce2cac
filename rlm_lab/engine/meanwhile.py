"""What the user does while a run is paused: the cells that were run, and what became of the variables.

The sources are kept cut and without keys (`masking`); of a variable with a telling name only its type is. Of a value that
was changed in place only growth is seen. Main thread only, but for `note`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlm_lab.engine.variables import Snapshot
from rlm_lab.masking import is_telling, masked, masked_code

MOST_CELLS = 50
LONGEST = 4_000  # characters of a cell that are kept


@dataclass(slots=True)
class Meanwhile:
    """One pause after the other; `own` are names that the notebook's face binds itself, which are no doing of the user's."""

    own: set[str] = field(default_factory=set)
    _before: Snapshot | None = None
    _cells: list[dict[str, Any]] = field(default_factory=list)
    _more: int = 0

    def begin(self, namespace: Mapping[str, Any], hidden: frozenset[str]) -> None:
        """The run is paused, and its namespace is the user's."""
        self._before = Snapshot.take(namespace, hidden=hidden | self.own)
        self._cells, self._more = [], 0

    def note(self, source: str) -> None:
        """A cell is run."""
        if self._before is None:
            return
        if len(self._cells) < MOST_CELLS:
            self._cells.append(_kept(source))
        else:
            self._more += 1

    def end(self, namespace: Mapping[str, Any]) -> dict[str, Any] | None:
        """What was done since `begin`: the fields of `Intervened`, None where it was nothing."""
        before, self._before = self._before, None
        if before is None:
            return None
        delta = before.delta(namespace)
        for described in (delta["added"], delta["changed"]):
            for name, about in described.items():
                about["repr"] = f"<{about['type']}>" if is_telling(name) else masked(about["repr"])
        if not self._cells and not any(delta.values()):
            return None
        return {"cells": self._cells, "more": self._more, "variables": delta}


def _kept(source: str) -> dict[str, Any]:
    text = masked_code(source)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return {"source": text[:LONGEST], "cut": max(len(text) - LONGEST, 0), "digest": digest}
