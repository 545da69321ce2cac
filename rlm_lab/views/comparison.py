"""`Comparison`: runs held against each other, two of them step by step; what `rlm_lab.compare` gives.

Reads trajectories, changes nothing. A pair is aligned when it is first asked for. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm_lab.analysis.alignment import Row
from rlm_lab.analysis.comparing import By, Pair, RunFacts, answers_of, facts_of, frame_of, groups_of, pair_of
from rlm_lab.analysis.divergence import Divergence
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.tree import Trajectory
from rlm_lab.views.comparison_html import comparison_html
from rlm_lab.views.comparison_text import pair_text, table_text

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """Two or more runs, side by side.

    `runs` are their trajectories, `facts` a line on each; `rows` and `divergence` are those of the first two. In a notebook it
    shows them; `to_html` writes a page in which any two can be chosen.

    >>> run = Trajectory(run="a", status="done", answer_text="EV")
    >>> both = Comparison(runs=(run, run))
    >>> both.rows, both.divergence, both.answers()
    ((), None, [('EV', (0, 1))])
    """

    runs: tuple[Trajectory, ...]
    tags: dict[str, Sequence[str]] = field(default_factory=dict)
    _known: dict[Any, Any] = field(default_factory=dict, compare=False)

    @property
    def facts(self) -> tuple[RunFacts, ...]:
        """A line of facts on each run."""
        if "facts" not in self._known:
            self._known["facts"] = facts_of(self.runs, self.tags)
        found: tuple[RunFacts, ...] = self._known["facts"]
        return found

    def pair(self, i: int = 0, j: int = 1) -> Pair:
        """The runs at two places, from 0, aligned. Raises `UsageError` for a place where no run is."""
        for place in (i, j):
            if not -len(self.runs) <= place < len(self.runs):
                raise UsageError(f"There is no run at place {place}; there are {len(self.runs)}, from 0.")
        key = (i % len(self.runs), j % len(self.runs))
        if key not in self._known:
            self._known[key] = pair_of(self.runs[i], self.runs[j])
        found: Pair = self._known[key]
        return found

    @property
    def rows(self) -> tuple[Row, ...]:
        """The aligned steps of the first two runs."""
        return self.pair().rows

    @property
    def divergence(self) -> Divergence | None:
        """Where the first two runs part, and why."""
        return self.pair().divergence

    def table(self) -> tuple[RunFacts, ...]:
        """A line of facts on each run, the same as `facts`."""
        return self.facts

    def frame(self) -> pandas.DataFrame:
        """A dataframe with a row for each run: question, model, answer, figures, and how many steps did what.

        Raises `UsageError` where pandas is not installed.
        """
        return frame_of(self.facts)

    def groups(self, by: By = "model") -> dict[str, tuple[int, ...]]:
        """The places of runs with the same model, question, tag, status or answer."""
        return groups_of(self.facts, by)

    def answers(self) -> list[tuple[str, tuple[int, ...]]]:
        """Each answer with the places of the runs that gave it, the commonest first."""
        return answers_of(self.facts)

    def plot(self, *, dark: bool = False) -> Any:
        """Bokeh figures of all runs: answers, what each model spent, each run as a strip; `bokeh.io.show` shows them."""
        from rlm_lab.views.plots import plots_of  # Bokeh is heavy

        return plots_of(self.facts, dark=dark)

    def to_html(self, path: str | Path) -> Path:
        """Writes the comparison as one HTML page that needs no network, in which any two runs can be chosen."""
        from rlm_lab.views.comparison_page import save_comparison  # it needs this class

        return save_comparison(self, path)

    def text(self, width: int = 100) -> str:
        """The first two side by side, and all in a table where there are more, as plain text."""
        parts = [pair_text(self.pair(), self.facts[:2], width)] if len(self.runs) > 1 else []  # type: ignore[arg-type]
        if len(self.runs) != 2:
            parts.append(table_text(self.facts, (0, 1) if parts else (), width))
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.runs)} runs: {', '.join(one.name for one in self.facts[:6])}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else self.text())

    def _repr_html_(self) -> str:
        return comparison_html(self.pair() if len(self.runs) > 1 else None, self.facts)
