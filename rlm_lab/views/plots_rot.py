"""A Bokeh figure of context rot: quality, tokens and cost against the length of the data. Bokeh is loaded with this module only.

A function of plain values; nothing is shown or served here. Any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from bokeh.layouts import column
from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter
from bokeh.models.annotations import Legend, Whisker
from bokeh.models.ranges import Range1d
from bokeh.plotting import figure

_COLOURS = ("#0a5bb5", "#b8591b", "#6238b0", "#0b6762", "#ad2018", "#7a6a00", "#5b6470", "#a03a7a")
_DASHES = ("solid", "dashed", "dotted", "dotdash")
_INK = "#777c85"  # on white and on a dark page
_PANELS = (("right", "right answers"), ("tokens", "tokens"), ("cost", "US dollars"))


def rot_figure(groups: Sequence[Mapping[str, Any]], *, width: int = 720) -> Any:
    """A column of panels over one axis of lengths, a line for each method and model.

    Parameters
    ----------
    groups: mappings with `length`, `method`, `model`, `right`, `low`, `high`, `tokens` and `cost`, as `Group` has them.
    width: in pixels.

    A panel that would be empty is left out: quality where nothing is scored, money where nothing costs any.
    """
    placed = sorted((group for group in groups if group["length"] is not None and group["runs"]), key=lambda group: group["length"])
    panels = [panel for panel in _PANELS if any(group[panel[0]] for group in placed)]
    if any(group["right"] is not None for group in placed) and panels[:1] != [_PANELS[0]]:
        panels.insert(0, _PANELS[0])  # all answers are wrong: that is a finding, too
    plots = [_panel(what, title, placed, width) for what, title in panels]
    for plot in plots[1:]:
        plot.x_range = plots[0].x_range
    if plots:
        plots[-1].xaxis.axis_label = "length of the data"
    return column(*plots)


def _panel(what: str, title: str, groups: Sequence[Mapping[str, Any]], width: int) -> Any:
    plot = figure(width=width, height=230, x_axis_type="log", title=title, tools="pan,wheel_zoom,reset,save", toolbar_location=None)
    _style(plot)
    lines = sorted({(group["model"], group["method"]) for group in groups})
    methods = sorted({method for _, method in lines})
    dashes = dict(zip(sorted({model for model, _ in lines}), cycle(_DASHES), strict=False))
    items = []
    for model, method in lines:
        own = [group for group in groups if (group["model"], group["method"]) == (model, method) and group[what] is not None]
        if own:
            colour = _COLOURS[methods.index(method) % len(_COLOURS)]
            name = f"{method}, {model}" if len(dashes) > 1 else method
            items.append((name, [*_line(plot, what, own, (colour, dashes[model]))]))
    plot.add_layout(Legend(items=items, label_text_color=_INK, background_fill_alpha=0, border_line_alpha=0), "right")
    if what == "right":
        plot.y_range = Range1d(start=-0.05, end=1.05)
        plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    return plot


def _line(plot: Any, what: str, groups: Sequence[Mapping[str, Any]], look: tuple[str, str]) -> tuple[Any, Any]:
    colour, dash = look
    names = ("length", "right", "low", "high", "tokens", "cost", "method", "model", "runs")
    source = ColumnDataSource({name: [group[name] for group in groups] for name in names})
    line = plot.line("length", what, source=source, color=colour, line_dash=dash, line_width=2)
    dots = plot.scatter("length", what, source=source, color=colour, size=8)
    if what == "right":
        plot.add_layout(Whisker(base="length", lower="low", upper="high", source=source, line_color=colour, line_alpha=0.5))
    tips = [("length", "@length{0,0}"), ("method", "@method"), ("model", "@model"), (what, f"@{what}"), ("runs", "@runs")]
    plot.add_tools(HoverTool(renderers=[dots], tooltips=tips))
    return line, dots


def _style(plot: Any) -> None:
    """Readable on a light and on a dark page: no ground of its own, ink between the two."""
    plot.background_fill_alpha = plot.border_fill_alpha = 0
    plot.outline_line_alpha = 0
    plot.title.text_color = _INK
    plot.xgrid.grid_line_alpha = plot.ygrid.grid_line_alpha = 0.25
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.axis_label_text_color = axis.major_label_text_color = _INK
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = _INK
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
