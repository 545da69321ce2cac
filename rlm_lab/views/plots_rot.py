"""A Bokeh figure of context rot: quality, tokens and cost against the length of the data. Bokeh is loaded with this module only.

A function of plain values; nothing is shown or served here. Any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from bokeh.layouts import column
from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter
from bokeh.models.annotations import Legend, TeeHead, Whisker
from bokeh.models.ranges import Range1d
from bokeh.plotting import figure

_COLOURS = ("#2f7fd6", "#c8662a", "#8a63d2", "#1f9088", "#d0463c", "#998500", "#808894", "#c0579a")  # on a light and a dark page
_DASHES = ("solid", "dashed", "dotted", "dotdash")
_MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex")
_BESIDE = 0.05  # share of a length by which lines are drawn beside each other, so that none hides another
_LONGEST_NAME = 40
_INK = "#777c85"  # on white and on a dark page
_PANELS = (("right", "right answers"), ("tokens", "tokens"), ("cost", "US dollars"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How a line is drawn: `beside` is what its lengths are multiplied by."""

    colour: str
    marker: str
    dash: str
    beside: float


def rot_figure(groups: Sequence[Mapping[str, Any]], *, width: int = 460) -> Any:
    """A column of panels over one axis of lengths, a line for each method and model.

    Parameters
    ----------
    groups: mappings with `length`, `method`, `model`, `right`, `low`, `high`, `tokens` and `cost`, as `Group` has them.
    width: of a panel's frame, in pixels.

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
    plot = figure(frame_width=width, frame_height=170, x_axis_type="log", title=title, tools="pan,wheel_zoom,reset,save")
    plot.toolbar_location = None
    _style(plot)
    lines = sorted({(group["method"], group["model"]) for group in groups})
    methods = sorted({method for method, _ in lines})
    dashes = dict(zip(sorted({model for _, model in lines}), cycle(_DASHES), strict=False))
    items = []
    for number, (method, model) in enumerate(lines):
        own = [group for group in groups if (group["method"], group["model"]) == (method, model) and group[what] is not None]
        look = _Look(
            colour=_COLOURS[methods.index(method) % len(_COLOURS)],
            marker=_MARKERS[methods.index(method) % len(_MARKERS)],
            dash=dashes[model],
            beside=1 + _BESIDE * (number - (len(lines) - 1) / 2),
        )
        if own:
            items.append((_name(method, model if len(dashes) > 1 else ""), _line(plot, what, own, look)))
    if what == "right":
        plot.y_range = Range1d(start=-0.05, end=1.05)
        plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    plot.add_layout(Legend(items=items, label_text_color=_INK, background_fill_alpha=0, border_line_alpha=0), "right")
    return plot


def _name(method: str, model: str) -> str:
    text = f"{method}, {model}" if model else method
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."


def _line(plot: Any, what: str, groups: Sequence[Mapping[str, Any]], look: _Look) -> list[Any]:
    names = ("length", "right", "low", "high", "tokens", "cost", "method", "model", "runs")
    columns: dict[str, Any] = {name: [group[name] for group in groups] for name in names}
    source = ColumnDataSource(columns | {"x": [group["length"] * look.beside for group in groups]})
    line = plot.line("x", what, source=source, color=look.colour, line_dash=look.dash, line_width=2)
    dots = plot.scatter("x", what, source=source, color=look.colour, marker=look.marker, size=9)
    if what == "right":
        bounds = Whisker(base="x", lower="low", upper="high", source=source, line_color=look.colour, line_alpha=0.5)
        bounds.upper_head, bounds.lower_head = TeeHead(size=6, line_color=look.colour), TeeHead(size=6, line_color=look.colour)
        plot.add_layout(bounds)
    tips = [("length", "@length{0,0}"), ("method", "@method"), ("model", "@model"), (what, f"@{what}"), ("runs", "@runs")]
    plot.add_tools(HoverTool(renderers=[dots], tooltips=tips))
    return [line, dots]


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
