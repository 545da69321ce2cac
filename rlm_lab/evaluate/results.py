"""What came of a sweep: a row a run, groups of equal runs, a dataframe, a table. Plain values; nothing is run here."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm_lab.engine.ledger import Spent
from rlm_lab.errors import ConfigError
from rlm_lab.evaluate.cases import Score, score_of
from rlm_lab.trajectory.tree import Call, Trajectory

if TYPE_CHECKING:
    import pandas

NOT_RUN = "not run"
LEFT_OUT = "left_out"  # the variable in which a baseline keeps the share of the text that its model did not see


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run. `status` is that of the run, `not run`, or `failed` with `error`; `score` is from 0 to 1, None where unknown.

    `sent` counts the characters of all prompts of calls, `left_out` is the share of the text that a baseline's model did not see.
    `cost` is in US dollars, `seconds` is the run's time.
    """

    case: str
    question: str
    length: int | None
    method: str
    model: str
    settings: Mapping[str, str] = field(default_factory=dict)
    repeat: int = 1
    status: str = NOT_RUN
    answer: Any = None
    score: float | None = None
    steps: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    sent: int = 0
    left_out: float | None = None
    error: str = ""
    trajectory: Trajectory | None = None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs that differ only in their repeat. `right` is the mean score, `low` and `high` its bounds, None where nothing is scored.

    The bounds are Wilson's score interval of 95 % (E. B. Wilson, 1927), fit for few runs that are each right or wrong; a run that
    failed after a reply is not right, one that failed before any is not counted. The other figures are medians of the runs that
    did not fail, None where all did.
    """

    case: str
    length: int | None
    method: str
    model: str
    settings: str
    runs: int
    done: int
    failed: int
    right: float | None
    low: float | None
    high: float | None
    steps: float | None
    calls: float | None
    tokens: float | None
    cost: float | None
    seconds: float | None
    answers: tuple[tuple[str, int], ...]


class Sweep:
    """What came of a sweep.

    `rows` has one entry a run, in the order of the plan, those that were not run included; `runs` are the trajectories, for views
    and comparisons. `spent` is what all runs have taken, `stopped` why not all were run, `folder` where the logs are.
    """

    def __init__(self, *, folder: Path, rows: tuple[Row, ...], spent: Spent, stopped: str = "") -> None:
        self.folder = folder
        self.rows = rows
        self.spent = spent
        self.stopped = stopped

    def __repr__(self) -> str:
        made, failed = len(self.runs), sum(row.status == "failed" for row in self.rows)
        told = f", {failed:,} failed" if failed else ""
        return f"<Sweep {made} of {len(self.rows)} runs{told}, {self.spent.tokens:,} tokens, in {str(self.folder)!r}>"

    @property
    def runs(self) -> list[Trajectory]:
        """The trajectories of the runs that were made."""
        return [row.trajectory for row in self.rows if row.trajectory is not None]

    @property
    def left(self) -> tuple[Row, ...]:
        """The runs that were not made, or have left no log."""
        return tuple(row for row in self.rows if row.trajectory is None)

    def groups(self) -> tuple[Group, ...]:
        """The rows, those that differ only in their repeat together."""
        together: dict[tuple[Any, ...], list[Row]] = {}
        for row in self.rows:
            together.setdefault((row.case, row.length, row.method, row.model, _words(row.settings)), []).append(row)
        return tuple(_group(key, rows) for key, rows in together.items())

    def frame(self) -> pandas.DataFrame:
        """A pandas dataframe with a row a run. Raises `ConfigError` where pandas is missing."""
        return _frame([_cells(row) for row in self.rows])

    def summary(self) -> pandas.DataFrame:
        """A pandas dataframe with a row for runs that differ only in their repeat; see `Group`."""
        return _frame([asdict(group) | {"answers": _told(group.answers)} for group in self.groups()])

    def text(self) -> str:
        """The summary as plain text, and what all runs have taken."""
        from rlm_lab.evaluate.table import sweep_text

        return sweep_text(self)

    def _repr_html_(self) -> str:
        from rlm_lab.evaluate.table import sweep_html

        return sweep_html(self)


def row_of(planned: Mapping[str, Any], found: Trajectory | None, error: str, right: tuple[Any, Score | None]) -> Row:
    """The row of one run: as planned, and what its log tells, if there is one; `right` is what is expected and how it is scored."""
    scored = right[1] is not None or _expects(right[0])
    if found is None:
        return Row(**planned, status="failed" if error else NOT_RUN, error=error)
    scored = scored and (found.status != "failed" or _replied(found))  # a failure of a key or a network is no wrong answer
    usage = found.usage
    return Row(
        **planned,
        status=found.status,
        answer=found.answer if found.answer is not None else found.answer_text,
        score=score_of(found.answer, found.answer_text, *right) if scored else None,
        steps=usage.steps,
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=usage.cost,
        seconds=usage.seconds,
        sent=sum(len(call.prompt) for call in calls_of(found)),
        left_out=_left_out(found),
        error=found.error or error,
        trajectory=found,
    )


def _expects(expected: Any) -> bool:
    from rlm_lab.evaluate.cases import NOT_GIVEN

    return expected is not NOT_GIVEN


def calls_of(trajectory: Trajectory) -> list[Call]:
    """All calls of a run and its child runs."""
    blocks = [block for step in trajectory.steps for block in step.blocks]
    return [
        *(call for block in blocks for call in block.calls),
        *(c for b in blocks for child in b.children for c in calls_of(child)),
    ]


def _replied(trajectory: Trajectory) -> bool:
    """Whether a model has said anything in a run; a baseline's program is none."""
    written = _is_written(trajectory)
    return any(call.status == "answered" for call in calls_of(trajectory)) or any(
        step.reply is not None and not written for step in trajectory.steps
    )


def _is_written(trajectory: Trajectory) -> bool:
    return trajectory.model.endswith("(a program)")


def _left_out(trajectory: Trajectory) -> float | None:
    """What a baseline's block has kept in its variable; of runs whose code a model wrote nothing is known."""
    if not _is_written(trajectory):
        return None
    blocks = [block for step in trajectory.steps for block in step.blocks]
    told = [block.variables.get("added", {}).get(LEFT_OUT, {}).get("repr") for block in blocks]
    try:
        return next((float(text) for text in told if text), None)
    except ValueError:
        return None


def _group(key: tuple[Any, ...], rows: Sequence[Row]) -> Group:
    made = [row for row in rows if row.status != NOT_RUN]  # also those that failed before they had a log
    scores = [row.score for row in made if row.score is not None]
    right = statistics.fmean(scores) if scores else None
    low, high = (None, None) if right is None else wilson(right, len(scores))
    well = [row for row in made if row.status != "failed"]
    return Group(
        case=key[0],
        length=key[1],
        method=key[2],
        model=key[3],
        settings=key[4],
        runs=len(made),
        done=sum(row.status == "done" for row in made),
        failed=len(made) - len(well),
        right=right,
        low=low,
        high=high,
        steps=_median([row.steps for row in well]),
        calls=_median([row.calls for row in well]),
        tokens=_median([row.tokens for row in well]),
        cost=_median([row.cost for row in well if row.cost is not None]),
        seconds=_median([row.seconds for row in well]),
        answers=tuple(Counter(_short(row.answer) for row in well).most_common()),
    )


def wilson(share: float, many: int) -> tuple[float, float]:
    """The bounds of a share that was seen in so many trials, at 95 %.

    >>> tuple(round(bound, 2) for bound in wilson(1.0, 3))
    (0.44, 1.0)
    """
    z = 1.959964
    middle = (share + z * z / (2 * many)) / (1 + z * z / many)
    half = z / (1 + z * z / many) * math.sqrt(share * (1 - share) / many + z * z / (4 * many * many))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _words(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _short(answer: Any) -> str:
    text = " ".join(str(answer).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _told(answers: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{text} ×{many}" if many > 1 else text for text, many in answers)


def _cells(row: Row) -> dict[str, Any]:
    path = row.trajectory.path if row.trajectory is not None else None
    left = ("trajectory", "settings")
    cells = {name: getattr(row, name) for name in Row.__dataclass_fields__ if name not in left}
    run = {} if row.trajectory is None else {"run": row.trajectory.run, "path": str(path)}
    return {**cells, "tokens": row.tokens, **row.settings, **run}


def _frame(rows: list[dict[str, Any]]) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError:
        raise ConfigError("A dataframe needs pandas: python -m pip install pandas.") from None
    return pandas.DataFrame(rows)
