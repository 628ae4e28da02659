"""Drawing figures as SVG text: the same numbers give the same bytes, and nothing is loaded from elsewhere."""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

GREY, BLUE, GREEN, OCHRE, INK, LINE = "#8a8f98", "#2f6690", "#4d7c59", "#b7791f", "#2b2f36", "#c9cdd3"
MODEL_COLOURS = {"base": GREY, "trained": BLUE, "placebo": GREEN}
OTHER_COLOURS = (GREY, BLUE, GREEN, OCHRE, "#7b5ea7", "#b5525c", "#3f8f8f", "#8a6d3b", "#5b6abf", "#a05195")
"""Of an audit's models in their order; more models begin again."""
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


def mark(
    axes: Axes,
    height: float,
    point: float | None,
    ends: tuple[float, float] | None,
    colour: str,
    median: float | None = None,
) -> None:
    """A point as a circle, its 95 % interval as a line, a median as a tick; nothing where there is no point."""
    if point is None:
        return
    if ends:
        axes.plot(ends, [height, height], color=colour, linewidth=3, solid_capstyle="round")
    if median is not None:
        axes.plot([median], [height], marker="|", markersize=11, markeredgewidth=2, color=colour)
    axes.plot([point], [height], marker="o", markersize=7, color="white", markeredgecolor=colour, markeredgewidth=2.5)


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
    text = re.sub(r'<g id="\w+_\d+">', "<g>", text[text.index("<svg") :])
    return Markup(text)  # noqa: S704  matplotlib escapes whatever text it draws
