"""Context rot: how quality, tokens and cost change as the same question's data grows, for one's own data.

The name is from Chroma's report "Context Rot" (K. Hong, A. Troynikov, J. Huber, 2025): models answer worse the longer their prompt
is, also where the question stays as easy. Main thread only, as all sweeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rlm_lab.errors import UsageError
from rlm_lab.evaluate.cases import NOT_GIVEN, Case
from rlm_lab.evaluate.cutting import cut_to
from rlm_lab.evaluate.results import Sweep
from rlm_lab.evaluate.sweep import sweep
from rlm_lab.trajectory.tree import Trajectory

if TYPE_CHECKING:
    import pandas


class ContextRot:
    """What came of a question at several lengths of its data: `sweep` holds it all, a case for each length."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep

    def __repr__(self) -> str:
        lengths = sorted({row.length for row in self.sweep.rows if row.length is not None})
        return f"<ContextRot at lengths {', '.join(f'{length:,}' for length in lengths)}: {self.sweep!r}>"

    @property
    def runs(self) -> list[Trajectory]:
        """The trajectories of the runs that were made."""
        return self.sweep.runs

    def frame(self) -> pandas.DataFrame:
        """A pandas dataframe with a row a run."""
        return self.sweep.frame()

    def summary(self) -> pandas.DataFrame:
        """A pandas dataframe with a row for each length, method and model."""
        return self.sweep.summary()

    def figure(self) -> Any:
        """A Bokeh figure: quality, tokens and cost against the length of the data, a line for each method and model."""
        from rlm_lab.views.plots_rot import rot_figure

        return rot_figure([asdict(group) for group in self.sweep.groups()])

    def _repr_html_(self) -> str:
        return self.sweep._repr_html_()


def context_rot(
    question: str,
    data: Any,
    *,
    lengths: Sequence[int],
    keep: Sequence[Any] = (),
    truth: Callable[[Any], Any] | None = None,
    **parameters: Any,
) -> ContextRot:
    """Asks one question of data at several lengths, by several methods.

    Parameters
    ----------
    question: what is asked.
    data: a text, list or frame, which is cut to each length; or a function from a length to data of it. A mapping with one entry
        names it, as in `{"report": text}`.
    lengths: in characters of a text, rows of a frame, items of a list, or whatever the function counts.
    keep: what must stay when it is cut: texts of a text, positions of rows or items.
    truth: a function from the data at a length to the right answer; or give `expected`, where it is the same at each.
    parameters: those of `sweep`; the methods are by default `rlm` and `direct`.

    Raises what `sweep` raises, and `UsageError` for lengths that the data does not have.

    >>> import tempfile
    >>> from rlm_lab import ScriptedModel, context_rot
    >>> model = {"m": lambda: ScriptedModel(["```repl\\nFINAL(len(words))\\n```"])}
    >>> how = {"model": model, "method": "rlm", "folder": tempfile.mkdtemp(), "progress": False}
    >>> rot = context_rot("How many words?", {"words": ["a", "b", "c", "d"]}, lengths=[2, 4], truth=len, **how)
    >>> [(row.length, row.answer, row.score) for row in rot.sweep.rows]
    [(2, 2, 1.0), (4, 4, 1.0)]
    """
    if not lengths or len(set(lengths)) < len(lengths):
        raise UsageError(f"The lengths are {list(lengths)!r:.80}; give at least one, each once.")
    name, source = next(iter(data.items())) if isinstance(data, Mapping) and len(data) == 1 else ("context", data)
    expected = parameters.pop("expected", NOT_GIVEN)
    cases = []
    for length in lengths:
        cut = source(length) if callable(source) else cut_to(source, length, keep)
        right = expected if truth is None else truth(cut)
        cases.append(Case(question=question, context={name: cut}, expected=right, name=f"at {length:,}", length=length))
    return ContextRot(sweep(cases, **{"method": ("rlm", "direct")} | parameters))
