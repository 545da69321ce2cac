"""Bokeh figures of many runs: how often each answer came, what runs of each model spent, and each run as a strip of its steps.

Only this module of the views loads Bokeh, and it is only loaded on use. Colours are those of the other views; none of them stands
alone. All texts are drawn as text. May be used from any thread.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from bokeh.layouts import column, gridplot
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, NumeralTickFormatter, Range1d
from bokeh.plotting import figure as bokeh_figure

from rlm_lab.analysis.acts import clipped
from rlm_lab.analysis.comparing import RunFacts, answers_of, groups_of
from rlm_lab.views.clean import plain
from rlm_lab.views.differing import NO_ANSWER, figure_text

figure: Any = bokeh_figure  # its parameters are told by overloads of hundreds of lines
LIGHT = {"ink": "#1a1d21", "ink-3": "#6b7077", "ground": "#ffffff", "grid": "#e3e5e8", "plain": "#d5d7da", "bar": "#4a4a4f"} | {
    "delegate": "#cfc3e8", "answer": "#bfdcc9", "failed": "#efc6c3",
}  # fmt: skip
DARK = {"ink": "#e8eaed", "ink-3": "#a3a8af", "ground": "#17191c", "grid": "#33373c", "plain": "#3d4147", "bar": "#c3c5c8"} | {
    "delegate": "#4d4468", "answer": "#31543d", "failed": "#6a3d39",
}  # fmt: skip
LETTERS = {"look": "L", "search": "S", "split": "P", "delegate": "D", "compute": "C", "combine": "M", "check": "K"} | {
    "answer": "A", "think": "T", "failed": "×",
}  # fmt: skip
SPENT = {"steps": "steps", "calls": "calls", "tokens": "tokens", "cost": "cost, USD", "seconds": "time, s"}
MOST_ANSWERS = 20
MOST_STRIPS = 100
MOST_CELLS = 60  # of a strip
_ROW = 22  # pixels


def plots_of(facts: Sequence[RunFacts], *, dark: bool = False) -> Any:
    """All three, one below the other; `bokeh.io.show` shows them.

    >>> from rlm_lab.analysis.comparing import facts_of
    >>> from rlm_lab.trajectory.tree import Trajectory
    >>> len(plots_of(facts_of([Trajectory(run="a", status="done")])).children)
    3
    """
    tokens = DARK if dark else LIGHT
    return column(answers_figure(facts, tokens), spent_figures(facts, tokens), strips_figure(facts, tokens))


def answers_figure(facts: Sequence[RunFacts], tokens: dict[str, str]) -> Any:
    """How many runs gave each answer."""
    found = answers_of(facts)[:MOST_ANSWERS]
    names = _factors([answer or NO_ANSWER for answer, _ in found])
    counts = [len(places) for _, places in found]
    drawn = _figure("How often each answer came", names, tokens, width=820)
    runs = [", ".join(plain(facts[place].name) for place in places[:12]) for _, places in found]
    source = ColumnDataSource({"name": names, "count": counts, "text": [f" {count}" for count in counts], "runs": runs})
    fill = [tokens["bar"] if answer else tokens["ground"] for answer, _ in found]
    source.add(fill, "fill")
    drawn.hbar(y="name", right="count", height=0.6, source=source, fill_color="fill", line_color=tokens["bar"])
    drawn.text(
        x="count", y="name", text="text", source=source, text_baseline="middle", text_font_size="12px", text_color=tokens["ink"]
    )
    drawn.add_tools(HoverTool(tooltips=[("answer", "@name"), ("runs", "@runs")]))
    drawn.x_range = Range1d(start=0, end=max(counts, default=1) * 1.15)
    return drawn


def spent_figures(facts: Sequence[RunFacts], tokens: dict[str, str]) -> Any:
    """Steps, calls, tokens, cost and time of each run by its model, with the median of each model as a line."""
    groups = groups_of(facts, "model")
    names = _factors([model or "no model" for model in groups])
    shared = FactorRange(factors=names[::-1])
    drawn = [_spent(facts, dict(zip(names, groups.values(), strict=True)), name, tokens) for name in SPENT]
    for number, one in enumerate(drawn):
        one.y_range = shared
        one.yaxis.visible = number == 0
        one.width = 220 if number == 0 else 150
    return gridplot([drawn], toolbar_location=None)


def _spent(facts: Sequence[RunFacts], groups: dict[str, tuple[int, ...]], name: str, tokens: dict[str, str]) -> Any:
    drawn = _figure(SPENT[name], list(groups), tokens, width=150)
    known = [
        (model, facts[place]) for model, places in groups.items() for place in places if getattr(facts[place], name) is not None
    ]
    source = ColumnDataSource({
        "value": [getattr(one, name) for _, one in known],
        "model": [model for model, _ in known],
        "run": [plain(one.name) for _, one in known],
        "text": [figure_text(one, name) for _, one in known],
    })  # fmt: skip
    medians = {
        model: statistics.median(values) for model in groups if (values := [v for m, v in _values(known, name) if m == model])
    }
    drawn.scatter(x="value", y="model", source=source, size=9, fill_alpha=0.45, fill_color=tokens["bar"], line_color=tokens["bar"])
    middle = ColumnDataSource({"value": list(medians.values()), "model": list(medians)})
    drawn.scatter(x="value", y="model", source=middle, marker="dash", angle=1.5708, size=22, line_width=2, line_color=tokens["ink"])
    drawn.add_tools(HoverTool(tooltips=[("run", "@run"), (SPENT[name], "@text")], renderers=drawn.renderers[:1]))
    most = max(source.data["value"], default=1) or 1
    drawn.x_range = Range1d(start=-0.04 * most, end=most * 1.12)
    drawn.xaxis.ticker.desired_num_ticks = 3
    drawn.xaxis.formatter = NumeralTickFormatter(format="0.[000]a")
    return drawn


def _values(known: Sequence[tuple[str, RunFacts]], name: str) -> list[tuple[str, float]]:
    return [(model, getattr(one, name)) for model, one in known]


def strips_figure(facts: Sequence[RunFacts], tokens: dict[str, str]) -> Any:
    """Each run as a strip with a cell for each step, in it the letter of what it did."""
    shown = facts[:MOST_STRIPS]
    names = _factors([one.name for one in shown])
    cells = [
        (name, place, _act(one, place))
        for name, one in zip(names, shown, strict=True)
        for place in range(len(one.acts[:MOST_CELLS]))
    ]
    source = ColumnDataSource({
        "run": [name for name, _, _ in cells],
        "step": [place + 1 for _, place, _ in cells],
        "act": [act for _, _, act in cells],
        "letter": [LETTERS.get(act, "?") for _, _, act in cells],
        "fill": [tokens.get(act, tokens["plain"]) for _, _, act in cells],
    })  # fmt: skip
    cut = f"; the first {MOST_CELLS} steps" if any(len(one.acts) > MOST_CELLS for one in shown) else ""
    cut += f"; {len(facts) - MOST_STRIPS:,} more runs are not drawn" if len(facts) > MOST_STRIPS else ""
    drawn = _figure(f"What the steps did{cut}", names, tokens, width=820)
    drawn.rect(x="step", y="run", width=0.92, height=0.82, source=source, fill_color="fill", line_color=None)
    small = {"text_align": "center", "text_baseline": "middle", "text_font_size": "11px", "text_color": tokens["ink"]}
    drawn.text(x="step", y="run", text="letter", source=source, **small)
    drawn.add_tools(HoverTool(tooltips="step @step of @run: @act", renderers=drawn.renderers[:1]))
    longest = max((len(one.acts[:MOST_CELLS]) for one in shown), default=1)
    drawn.x_range = Range1d(start=0.4, end=max(longest, 20) + 0.6)
    drawn.xaxis.axis_label = " · ".join(f"{letter} {act}" for act, letter in LETTERS.items())
    return drawn


def _act(one: RunFacts, place: int) -> str:
    return "failed" if place in one.failed else one.acts[place]


def _factors(texts: Sequence[str]) -> list[str]:
    """Short names, each once; no text of a run is read as a formula."""
    names: list[str] = []
    for text in texts:
        name = clipped(plain(text), 40).replace("$$", "$ $") or "–"
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names


def _figure(title: str, names: Sequence[str], tokens: dict[str, str], width: int) -> Any:
    """An empty figure with a line for each name, from the top."""
    height = max(len(names), 1) * _ROW + 80
    drawn = figure(
        title=title, y_range=FactorRange(factors=list(names)[::-1]), width=width, height=height, toolbar_location=None, tools=""
    )
    drawn.background_fill_color = drawn.border_fill_color = tokens["ground"]
    drawn.outline_line_color = drawn.ygrid.grid_line_color = None
    drawn.xgrid.grid_line_color = tokens["grid"]
    drawn.title.text_color = tokens["ink"]
    drawn.title.text_font_size = "13px"
    for axis in (drawn.xaxis, drawn.yaxis):
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = tokens["ink-3"]
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "11px"
        axis.axis_label_text_font_style = "normal"
    return drawn
