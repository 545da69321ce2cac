"""A sweep as static HTML and as text: a table with a line for runs that differ only in their repeat. No scripts; all is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from rlm_lab.kernel.tables import Table
from rlm_lab.views import figures
from rlm_lab.views.clean import escaped, plain

if TYPE_CHECKING:
    from rlm_lab.evaluate.results import Group, Sweep

_MOST_LINES, _MOST_ANSWERS, _MOST_CAUSES = 200, 4, 3
_RIGHT = (
    "Right: mean score of the runs that got a reply, with Wilson's interval of 95 %; the figures of a line are medians of its runs."
)
_HEADS = ("question", "method", "model", "settings", "runs", "right", "answers", "steps", "calls", "tokens", "cost", "time")
_NUMBERS = frozenset({"runs", "right", "steps", "calls", "tokens", "cost", "time"})


def sweep_html(sweep: Sweep) -> str:
    """The table, and a line that says what all runs have taken and which were not made."""
    groups = sweep.groups()
    heads = [head for head in _HEADS if head != "settings" or any(group.settings for group in groups)]
    top = "".join(f'<th style="{_style(head)}">{head}</th>' for head in heads)
    body = "".join(_line(group, heads) for group in groups[:_MOST_LINES])
    return (
        f'<div class="mathjax_ignore tex2jax_ignore"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
        f"{''.join(f'<p>{escaped(line)}</p>' for line in _notes(sweep, len(groups) - _MOST_LINES))}</div>"
    )


def sweep_text(sweep: Sweep) -> str:
    """The same table as plain text, and the same line below it."""
    groups = sweep.groups()
    heads = [head for head in _HEADS if head != "settings" or any(group.settings for group in groups)]
    heads = [head for head in heads if head != "question" or len({group.case for group in groups}) > 1]
    rows = [tuple(_cells(group)[head] for head in heads) for group in groups[:_MOST_LINES]]
    alone = "" if "question" in heads or not groups else f": {_cut(groups[0].case)}"
    title, note = f"Sweep of {figures.counted(len(sweep.rows), 'run')}{alone}", "\n".join(_notes(sweep, len(groups) - _MOST_LINES))
    return Table(title=title, head=tuple(heads), rows=rows, note=note).text()


def _style(head: str) -> str:
    return "text-align: right; white-space: nowrap" if head in _NUMBERS else "text-align: left"


def _line(group: Group, heads: list[str]) -> str:
    cells = _cells(group)
    return "<tr>" + "".join(f'<td style="{_style(head)}">{escaped(cells[head])}</td>' for head in heads) + "</tr>"


def _cells(group: Group) -> dict[str, str]:
    right = "" if group.right is None else f"{group.right:.0%} ({group.low:.0%}–{group.high:.0%})"
    many = len(group.answers) - _MOST_ANSWERS
    failed = [f"{group.failed:,} failed"] if group.failed else []
    answers = [f"{text} ×{times}" if times > 1 else text for text, times in group.answers[:_MOST_ANSWERS]]
    return {
        "question": _cut(group.case),
        "method": group.method,
        "model": group.model,
        "settings": group.settings,
        "runs": f"{group.runs:,}",
        "right": right,
        "answers": " · ".join([*answers, *([f"{many:,} more"] if many > 0 else []), *failed]),
        "steps": _figure(group.steps, "{:g}".format),
        "calls": _figure(group.calls, "{:g}".format),
        "tokens": _figure(group.tokens, figures.thousands),
        "cost": _figure(group.cost, figures.money),
        "time": _figure(group.seconds, figures.seconds),
    }


def _figure(value: float | None, told: Callable[[float], str]) -> str:
    return "" if value is None else told(value)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _notes(sweep: Sweep, hidden: int) -> list[str]:
    """What stands below the table, a line each: why runs failed, the most frequent first, and what all have taken."""
    causes = Counter(row.error for row in sweep.rows if row.status == "failed" and row.error).most_common()
    told = [f"{many:,} failed: {plain(' '.join(cause.split()))}" for cause, many in causes[:_MOST_CAUSES]]
    more = sum(many for _, many in causes[_MOST_CAUSES:])
    return [*told, *([f"{more:,} more failed for other reasons."] if more else []), _foot(sweep, hidden)]


def _foot(sweep: Sweep, hidden: int) -> str:
    made, all_runs, spent = len(sweep.runs), len(sweep.rows), sweep.spent
    took = f"{figures.thousands(spent.tokens)} tokens, {spent.calls:,} calls, {figures.money(spent.cost)}"
    parts = [f"{made:,} of {all_runs:,} runs; {took} in all."]
    parts += [_recordings(sweep)] if any(run.cassette for run in sweep.runs) else []
    parts += [sweep.stopped] if sweep.stopped else []
    parts += [f"{hidden:,} more lines are in summary()."] if hidden > 0 else []
    return " ".join([*parts, _RIGHT])


def _recordings(sweep: Sweep) -> str:
    """Whose recording was played, and from which day; the times of such runs are those of the playing."""
    labels = {f"{run.cassette.get('model')}, {run.cassette.get('recorded')}" for run in sweep.runs if run.cassette}
    return f"Played from recordings ({'; '.join(sorted(labels))}): the times are those of playing."
