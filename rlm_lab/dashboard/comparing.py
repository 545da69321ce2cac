"""The Compare page: two runs or more, chosen in the list of runs, side by side.

The page's script names runs by their ids in the address; files are read and aligned on a thread of their own, so that the loop goes
on. What the script says is hostile until it is read. Owned by the dashboard's loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from panel.viewable import Viewable

from rlm_lab.dashboard.desk import Desk
from rlm_lab.dashboard.pages import Module
from rlm_lab.engine.run import known_runs
from rlm_lab.errors import RLMError
from rlm_lab.trajectory.formats import load
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.comparing import comparison_json, pair_json, steps_json
from rlm_lab.views.comparison import Comparison

_logger = logging.getLogger(__name__)
MOST = 60  # runs at once
Found = Callable[[], Trajectory]


def compare_page(desk: Desk) -> Viewable:
    """The page of one tab."""

    def send(text: str) -> None:
        module.send(text)

    comparer = Comparer(desk, send)
    module = Module(comparer.hear, bundle="compare", sizing_mode="stretch_both")
    return module


class Comparer:
    """What one tab compares; `send` takes texts of JSON for it."""

    def __init__(self, desk: Desk, send: Callable[[str], None]) -> None:
        self._desk = desk
        self._send_text = send
        self._comparison: Comparison | None = None
        self._work: set[asyncio.Task[None]] = set()

    def hear(self, message: object) -> None:
        """What the page says: {compare: [ids]}, {pair: [i, j]}; anything else is passed over."""
        if not isinstance(message, Mapping):
            return
        if isinstance(names := message.get("compare"), list):
            self._do(self._begin([str(name) for name in names[:MOST]]))
        elif isinstance(pair := message.get("pair"), list) and len(pair) == 2 and all(type(place) is int for place in pair):
            self._do(self._pair(pair[0], pair[1]))

    def _do(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _begin(self, names: list[str]) -> None:
        """Reads the runs, and sends them with their first pair."""
        self._desk.listed()  # nobody may have looked at the list yet
        found = [(name, self._finder(name)) for name in dict.fromkeys(names)]
        missing = [name for name, finder in found if finder is None]
        kept = [(name, finder) for name, finder in found if finder is not None]

        def made() -> tuple[Comparison, dict[str, Any]]:
            comparison = Comparison(runs=tuple(finder() for _, finder in kept))
            return comparison, comparison_json(comparison, all_pairs=False)

        try:
            self._comparison, told = await asyncio.to_thread(made)
        except RLMError as error:
            self._send({"kind": "trouble", "text": str(error)})
            return
        for run, (name, _) in zip(told["runs"], kept, strict=True):
            run["link"] = name
        trouble = {"text": f"There is no run {', '.join(missing)[:300]} any more."} if missing else {}
        self._send(told | trouble)

    async def _pair(self, i: int, j: int) -> None:
        """Sends two runs of those that are compared, aligned."""
        comparison = self._comparison
        if comparison is None or not 0 <= i < j < len(comparison.runs):
            return

        def made() -> dict[str, Any]:
            steps = {str(place): steps_json(comparison.runs[place]) for place in (i, j)}
            return {"kind": "pair", "pairs": {f"{i}-{j}": pair_json(comparison, i, j)}, "steps": steps}

        self._send(await asyncio.to_thread(made))

    def _finder(self, name: str) -> Found | None:
        """How a run is read: from its file, or from this process where it keeps none; None where there is no such run."""
        path = self._desk.path_of(name)
        if path is not None:
            return lambda: load(path)
        held = next((run for run in known_runs() if run.id == name), None)
        return None if held is None else lambda: held.trajectory

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._send_text(json.dumps(message))
        except Exception:  # a page that has gone is the page's trouble
            _logger.debug("A page that compares runs is not served any more.", exc_info=True)
