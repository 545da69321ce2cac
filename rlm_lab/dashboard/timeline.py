"""The timeline of a run as two Bokeh figures over one axis: steps, code, child runs and calls in lanes; prompt tokens and cost.

One for each tab, fed in batches from the run's `Lanes`. It has no script and loads nothing; the page's theme paints it. Only
the dashboard's loop touches it, with the page's lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from bokeh.layouts import column
from bokeh.models import (
    CategoricalColorMapper,
    ColumnDataSource,
    DataRange1d,
    HoverTool,
    LinearAxis,
    NumeralTickFormatter,
    PrintfTickFormatter,
    Range1d,
)
from bokeh.models import TapTool as Tap
from bokeh.plotting import figure as bokeh_figure

from rlm_lab.dashboard.lanes import CALL_HEIGHT, CHILD_LANE, FIRST_LANE, MOST_LANES, Bar, Lanes
from rlm_lab.dashboard.source import Source

figure: Any = bokeh_figure  # its parameters are told by overloads of hundreds of lines
PERIOD = 0.25  # seconds between two batches
FEWEST_LANES = 3  # that there is room for, so that few bars are not drawn as blocks
MOST_NUMBERS = 30  # of steps, that there is room for in a line
HIGHEST = -0.95  # where the upper figure begins: there is room for numbers above the steps
KINDS = ("think", "code", "call", "child", "retried", "failed")
LIGHT = {
    "ink": "#1a1d21", "ink-2": "#4b5158", "grid": "#e3e5e8", "think": "#ffffff", "code": "#4a4a4f", "call": "#6238b0",
    "child": "#0b6762", "retried": "#ad2018", "failed": "#ad2018", "you": "#855000", "here": "#0a5bb5",
}  # fmt: skip
DARK = {
    "ink": "#e8eaed", "ink-2": "#b3b8be", "grid": "#33373c", "think": "#17191c", "code": "#9aa0a6", "call": "#bda8f7",
    "child": "#5fc9bf", "retried": "#ff9488", "failed": "#ff9488", "you": "#e5b25c", "here": "#82b7ff",
}  # fmt: skip
COLUMNS = ("left", "right", "bottom", "top", "kind", "label", "seconds", "id")
TOOLTIP = '<div class="rlm-tip">@label, @seconds{0.0} s</div>'


class Timeline:
    """`layout` is the model to show; `chosen` is told the node of the bar that was clicked."""

    def __init__(self, chosen: Callable[[str], None]) -> None:
        self.shown = True
        self._chosen = chosen
        self._bars: Any = ColumnDataSource({name: [] for name in COLUMNS}, name="bars")  # found by its name in the page
        self._tokens: Any = ColumnDataSource({"t": [], "tokens": []})
        self._cost: Any = ColumnDataSource({"t": [], "cost": []})
        self._acts: Any = ColumnDataSource({"t": [], "lane": [], "label": []})
        self._numbers: Any = ColumnDataSource({"t": [], "label": []})
        self._colours = CategoricalColorMapper(factors=list(KINDS), palette=[LIGHT[kind] for kind in KINDS])
        self._lines = CategoricalColorMapper(factors=list(KINDS), palette=[LIGHT["ink-2"]] * 6)
        self._x = Range1d(start=0, end=1)
        self._upper, self._lower = self._made_upper(), self._made_lower()
        self.layout = column(self._upper, self._lower, sizing_mode="stretch_both")
        self._bars.selected.on_change("indices", self._picked)
        self._lanes: Lanes | None = None
        self._drawn = 0.0
        self._end = 0.0
        self._picking = False
        self._version = self._bar_version = -1
        self._shift = 0.0  # by which calls stand higher where there are no child runs
        self.paint(dark=False)

    def wants(self, source: Source | None) -> bool:
        """Whether a batch is due."""
        if source is None or source.lanes is not self._lanes:
            return self._lanes is not None or source is not None
        if not self.shown or time.monotonic() - self._drawn < PERIOD:
            return False
        source.lanes.take()
        return source.lanes.version != self._version

    def draw(self, source: Source | None) -> None:
        """Draws what is new; another run's timeline is begun anew."""
        lanes = None if source is None else source.lanes
        if lanes is not self._lanes:
            self._begin(lanes)
        if lanes is None or not self.shown:
            return
        self._drawn, self._version = time.monotonic(), lanes.version
        self._send_bars(lanes)
        self._tokens.stream(_new(self._tokens, "tokens", lanes.tokens))
        self._cost.stream(_new(self._cost, "cost", lanes.cost))
        fresh = lanes.acts[len(self._acts.data["t"]) :]
        self._acts.stream({"t": [t for t, _ in fresh], "lane": [-0.55] * len(fresh), "label": [label for _, label in fresh]})
        self._fit(lanes)

    def select(self, node: str) -> None:
        """Marks the bar of a node that was chosen elsewhere; none where it has none."""
        place = None if self._lanes is None else self._lanes.place_of(node)
        known = place is not None and place < len(self._bars.data["id"])
        self._picking = True  # what is marked here is not told as chosen
        try:
            self._bars.selected.indices = [place] if known else []
        finally:
            self._picking = False

    def paint(self, *, dark: bool) -> None:
        """Light or dark, as the page is."""
        tokens = DARK if dark else LIGHT
        self._colours.palette = [tokens[kind] for kind in KINDS]
        self._lines.palette = [tokens["ink-2"], *(tokens[kind] for kind in KINDS[1:])]
        for plot in (self._upper, self._lower):
            for axis in (*plot.xaxis, *plot.yaxis):
                axis.major_label_text_color = axis.axis_label_text_color = tokens["ink-2"]
            plot.grid.grid_line_color = tokens["grid"]
        for renderer, token in ((self._token_line, "ink"), (self._cost_line, "ink-2")):
            renderer.glyph.line_color = tokens[token]
        self._act_marks.glyph.fill_color = tokens["you"]
        self._token_dots.glyph.fill_color = tokens["ink"]
        self._number_texts.glyph.text_color = tokens["ink-2"]
        self._quads.selection_glyph.line_color = tokens["here"]

    # figures

    def _made_upper(self) -> Any:
        plot = _plot(self._x, Range1d(start=3.4, end=HIGHEST))
        self._quads = plot.quad(
            left="left", right="right", bottom="bottom", top="top", source=self._bars, line_width=1,
            fill_color={"field": "kind", "transform": self._colours}, line_color={"field": "kind", "transform": self._lines},
            nonselection_alpha=1.0,
        )  # fmt: skip
        self._quads.selection_glyph = self._quads.glyph.clone(line_width=3)
        self._quads.nonselection_glyph = None
        self._act_marks = plot.scatter("t", "lane", source=self._acts, marker="inverted_triangle", size=9, line_color=None)
        self._number_texts = plot.text(
            "t", -0.45, text="label", source=self._numbers, text_font_size="11px", text_baseline="bottom", x_offset=1
        )
        plot.add_tools(Tap(renderers=[self._quads]), HoverTool(renderers=[self._quads], tooltips=TOOLTIP))
        plot.add_tools(HoverTool(renderers=[self._act_marks], tooltips='<div class="rlm-tip">@label</div>'))
        plot.xaxis.visible = False
        plot.ygrid.visible = False
        return plot

    def _made_lower(self) -> Any:
        plot = _plot(self._x, DataRange1d(start=0, range_padding=0.15), height=86, sizing_mode="stretch_width")
        self._token_line = plot.step("t", "tokens", source=self._tokens, mode="after", line_width=1.5)
        self._token_dots = plot.scatter("t", "tokens", source=self._tokens, size=4, line_color=None)  # one alone makes no line
        plot.extra_y_ranges = {"cost": DataRange1d(start=0, range_padding=0.15, renderers=[])}
        self._cost_line = plot.line("t", "cost", source=self._cost, line_dash="dotted", line_width=1.5, y_range_name="cost")
        plot.y_range.renderers = [self._token_line]
        plot.extra_y_ranges["cost"].renderers = [self._cost_line]
        self._cost_axis = LinearAxis(y_range_name="cost", axis_label="USD")
        plot.add_layout(self._cost_axis, "right")
        plot.yaxis.axis_line_color = plot.yaxis.major_tick_line_color = plot.yaxis.minor_tick_line_color = None
        plot.yaxis[0].formatter = NumeralTickFormatter(format="0.[0] a")
        plot.yaxis[0].axis_label = "tokens"
        for axis in plot.yaxis:
            axis.ticker.desired_num_ticks = 2
            axis.axis_label_text_font_size, axis.axis_label_text_font_style = "11px", "normal"
        return plot

    # data

    def _begin(self, lanes: Lanes | None) -> None:
        self._lanes, self._version, self._bar_version, self._end = lanes, -1, -1, 0.0
        for source in (self._bars, self._tokens, self._cost, self._acts, self._numbers):
            source.selected.indices = []
            source.data = {name: [] for name in source.data}

    def _send_bars(self, lanes: Lanes) -> None:
        """New bars are streamed, those that changed are patched; with the first child run the calls make room for it."""
        shift = 0.0 if lanes.children else FIRST_LANE - 0.75
        if shift != self._shift:
            self._shift, self._bars.data = shift, {name: [] for name in COLUMNS}
        known = len(self._bars.data["id"])
        fresh = lanes.bars[known:]
        changed = [place for place, version in lanes.changes.items() if place < known and version > self._bar_version]
        self._bar_version = lanes.version
        if changed:
            rows = [(place, _columns([lanes.bars[place]], shift)) for place in sorted(changed)]
            self._bars.patch({name: [(place, row[name][0]) for place, row in rows] for name in COLUMNS})
        if fresh:
            self._bars.stream(_columns(fresh, shift))

    def _fit(self, lanes: Lanes) -> None:
        """The axis grows by quarters, so that it does not creep with each event."""
        if lanes.now > self._end or not self._end:
            self._end = max(lanes.now * (1.0 if lanes.over else 1.25), 0.1)
        if lanes.over:
            self._end = max(lanes.now, 0.01)
        if self._x.end != self._end * 1.01:
            self._x.end = self._end * 1.01
            self._lower.xaxis.formatter = _clock(self._end)
        first = FIRST_LANE - self._shift
        bottom = first + max(lanes.lanes, FEWEST_LANES) * CALL_HEIGHT
        if self._upper.y_range.start != bottom:
            self._upper.y_range.start = bottom
        self._name_rows(lanes, first)
        self._cost_axis.visible = bool(lanes.cost)
        shown = _spaced(lanes.steps, self._end / MOST_NUMBERS)
        if shown != list(zip(self._numbers.data["t"], self._numbers.data["label"], strict=True)):
            self._numbers.data = {"t": [t for t, _ in shown], "label": [number for _, number in shown]}

    def _name_rows(self, lanes: Lanes, first: float) -> None:
        """The rows that there are, by their names."""
        more = "+" if lanes.lanes == MOST_LANES else ""
        calls = f"calls, {lanes.lanes}{more} at once" if lanes.lanes > 1 else "calls"
        names = {0: "steps"} | ({CHILD_LANE: "child runs"} if lanes.children else {}) | ({first: calls} if lanes.lanes else {})
        if self._upper.yaxis[0].major_label_overrides != names:
            self._upper.yaxis.ticker = list(names)
            self._upper.yaxis.major_label_overrides = names

    def _picked(self, _name: str, _old: object, indices: Sequence[int]) -> None:
        if not self._picking and self._lanes is not None and indices and indices[0] < len(self._lanes.bars):
            self._chosen(self._lanes.bars[indices[0]].id)


def _plot(x: Range1d, y: Any, **options: Any) -> Any:
    options = {"sizing_mode": "stretch_both", "min_height": 60} | options
    plot = figure(
        x_range=x, y_range=y, tools="xpan,xwheel_zoom,reset", active_scroll=None, toolbar_location=None, output_backend="canvas",
        background_fill_alpha=0, border_fill_alpha=0, outline_line_color=None, min_border_left=96, min_border_right=58, **options,
    )  # fmt: skip
    plot.axis.axis_line_color = plot.axis.major_tick_line_color = plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_font_size = "11px"
    plot.min_border_top = plot.min_border_bottom = 4
    return plot


def _clock(end: float) -> Any:
    """Times with their unit: seconds, from two minutes on hours, minutes and seconds."""
    if end >= 120:
        return NumeralTickFormatter(format="00:00:00")
    return PrintfTickFormatter(format="%d s" if end >= 10 else "%.1f s" if end >= 1 else "%.2f s")


def _spaced(points: Sequence[tuple[float, str]], least: float) -> list[tuple[float, str]]:
    """Those points that stand far enough from the one before.

    >>> _spaced([(0.0, "1"), (0.5, "2"), (1.0, "3")], 1.0)
    [(0.0, '1'), (1.0, '3')]
    """
    shown: list[tuple[float, str]] = []
    for point in points:
        if not shown or point[0] - shown[-1][0] >= least:
            shown.append(point)
    return shown


def _columns(bars: Sequence[Bar], shift: float) -> dict[str, list[Any]]:
    lanes = [bar.lane - (shift if bar.lane >= FIRST_LANE else 0.0) for bar in bars]
    return {
        "left": [bar.left for bar in bars],
        "right": [bar.right for bar in bars],
        "bottom": [lane + _half(bar) for lane, bar in zip(lanes, bars, strict=True)],
        "top": [lane - _half(bar) for lane, bar in zip(lanes, bars, strict=True)],
        "kind": [bar.kind for bar in bars],
        "label": [bar.label for bar in bars],
        "seconds": [bar.right - bar.left for bar in bars],
        "id": [bar.id for bar in bars],
    }


def _half(bar: Bar) -> float:
    return 0.36 if bar.lane < FIRST_LANE else CALL_HEIGHT * 0.4


def _new(source: ColumnDataSource, name: str, points: Sequence[tuple[float, Any]]) -> dict[str, list[Any]]:
    fresh = points[len(source.data["t"]) :]
    return {"t": [t for t, _ in fresh], name: [value for _, value in fresh]}
