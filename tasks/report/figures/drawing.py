"""Drawing figures as SVG text: the same numbers give the same bytes, and nothing is loaded from elsewhere.

Colours are those of Okabe and Ito (2008), Color Universal Design, which colour-blind readers tell apart; models also
differ in the shape of their marks. A page's style sheet replaces colours in dark mode, so that each is a CSS variable.
"""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.common.text import Row, bounds, signed

GREY, BLUE, GREEN, ORANGE, PURPLE, SKY, AMBER = (
    *("#6f757e", "#0072b2", "#009e73", "#d55e00"),
    *("#cc79a7", "#56b4e9", "#e69f00"),
)
INK, LINE, WASH, PAPER = "#2b2f36", "#c9cdd3", "#c6d6e3", "#ffffff"
VARIABLES = {
    **{GREY: "grey", BLUE: "blue", GREEN: "green", ORANGE: "orange", PURPLE: "purple", SKY: "sky", AMBER: "amber"},
    **{INK: "ink", LINE: "rule", WASH: "fill", PAPER: "paper"},
}
"""Names of the style sheet's variables, by the colour that a figure has without one."""
MODEL_COLOURS = {"base": GREY, "trained": BLUE, "placebo": GREEN}
OTHER_COLOURS = (GREY, BLUE, GREEN, ORANGE, PURPLE, SKY, AMBER)
"""Of an audit's models in their order; more models begin again."""
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Shapes of models' marks, in the same order; colours and shapes begin again at different models."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "hindsight",
    # Text stays text: in the page's own font, selectable and small.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH_INCHES = 5.4
"""Narrow, so that text stays readable on a phone."""
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@dataclass
class Drawing:
    """A figure while it is drawn, and its SVG afterwards."""

    figure: Figure
    axes: Axes
    svg: Markup = field(default=Markup(), init=False)


@contextmanager
def drawing(height: float) -> Iterator[Drawing]:
    """Draw on one set of axes, `height` in inches; `svg` is set when the block ends."""
    with mpl.rc_context(STYLE):
        # Not by pyplot, which keeps every figure in a global list of the worker's process.
        figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        drawn = Drawing(figure, axes)
        yield drawn
        drawn.svg = _svg(figure)


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """A colour for each model; those of leakage-premium always have the same."""
    names = list(models)
    if set(names) <= MODEL_COLOURS.keys():
        return {name: MODEL_COLOURS[name] for name in names}
    return dict(zip(names, cycle(OTHER_COLOURS), strict=False))


@dataclass(frozen=True)
class Plot:
    """A figure and the numbers it shows.

    Args:
        svg: The figure.
        rows: Its table.
    """

    svg: Markup
    rows: list[Row]


def row_of(name: str, point: float | None, ends: tuple[float, float] | None) -> Row:
    """A figure's row for one mark: name, value and 95 % interval."""
    return {"figure": name, "value": signed(point), "95 %": bounds(ends)}


def n_bins(n_values: int) -> int:
    """Bins of a histogram of so many values."""
    return min(40, max(10, n_values // 5))


def bin_rows(counts: Any, edges: Any) -> list[Row]:
    """A histogram's table, without empty bins.

    Args:
        counts: (n_bins,) as `Axes.hist` returns them for one set of values.
        edges: (n_bins + 1,)
    """
    return [
        {"from": f"{low:+.3g}", "to": f"{high:+.3g}", "draws": f"{n:,.0f}"}
        for n, (low, high) in zip(counts, pairwise(edges), strict=True)
        if n
    ]


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """A shape for each model."""
    return dict(zip(models, cycle(MARKERS), strict=False))


def mark(
    axes: Axes,
    height: float,
    point: float | None,
    ends: tuple[float, float] | None,
    colour: str,
    median: float | None = None,
    marker: str = "o",
) -> None:
    """A point as a marker, its 95 % interval as a line, a median as a tick; nothing where there is no point."""
    if point is None:
        return
    if ends:
        axes.plot(ends, [height, height], color=colour, linewidth=3, solid_capstyle="round")
    if median is not None:
        axes.plot([median], [height], marker="|", markersize=11, markeredgewidth=2, color=colour)
    axes.plot([point], [height], marker=marker, markersize=7, color=PAPER, markeredgecolor=colour, markeredgewidth=2.5)


def name_rows(axes: Axes, names: list[str]) -> None:
    """Name the rows at the left, the first on top, and draw a line at zero."""
    axes.axvline(0, color=LINE, linewidth=1, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=6)


def _svg(figure: Figure) -> Markup:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=NO_METADATA)
    text = stream.getvalue()
    # Without the XML head, whose DTD is a URL; without group ids, which repeat from figure to figure.
    text = re.sub(r'<g id="[^"]+"', "<g", text[text.index("<svg") :])
    for colour, name in VARIABLES.items():
        text = text.replace(f": {colour}", f": var(--{name}, {colour})")
    text = text.replace("<svg ", '<svg role="img" ', 1)
    return Markup(text)  # noqa: S704  matplotlib escapes whatever text it draws
