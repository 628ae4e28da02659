"""Figures as SVG text: the same numbers give the same bytes, and nothing is loaded from elsewhere."""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from tasks.artifacts import Interval, PremiumScores

GREY, BLUE, INK = "#8a8f98", "#2f6690", "#2b2f36"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "hindsight",
    # Letters stay letters: the page's own font, selectable and small.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": "#c9cdd3",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH_INCHES = 6.8
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def premium_intervals(scores: PremiumScores) -> str:
    """Premium of both models and the reduction: point as a dot, 95 % of the draws as a line, their median as a tick."""
    marks = [
        ("reduction", scores.premium_reduction, scores.reduction_interval, INK),
        ("trained", scores.trained.premium, scores.trained.premium_interval, BLUE),
        ("base", scores.base.premium, scores.base.premium_interval, GREY),
    ]
    with mpl.rc_context(STYLE):
        figure, axes = _canvas(height=2.2)
        for height, (_, point, interval, colour) in enumerate(marks):
            _dot_and_interval(axes, height, point, interval, colour)
        axes.axvline(0, color="#c9cdd3", linewidth=1, zorder=0)
        axes.set_yticks(range(len(marks)), [name for name, *_ in marks])
        axes.set_ylim(-0.6, len(marks) - 0.4)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("R2 on - R2 off")
        return _svg(figure)


def reduction_draws(draws: np.ndarray, scores: PremiumScores) -> str:
    """Histogram of the draws' reductions.

    Args:
        draws: (n_kept, 5) draw, base on, base off, trained on, trained off.
        scores: For the point estimate and the interval.
    """
    reductions = (draws[:, 1] - draws[:, 2]) - (draws[:, 3] - draws[:, 4])
    with mpl.rc_context(STYLE):
        figure, axes = _canvas(height=2.4)
        axes.hist(reductions, bins=min(40, max(10, len(draws) // 5)), color="#c6d6e3", edgecolor="white")
        axes.axvline(0, color=GREY, linewidth=1)
        axes.axvline(scores.premium_reduction, color=INK, linewidth=1.5)
        for end in (scores.reduction_interval.p2_5, scores.reduction_interval.p97_5):
            axes.axvline(end, color=BLUE, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("premium of base - premium of trained")
        axes.set_ylabel("draws")
        return _svg(figure)


def training_loss(curve: Sequence[tuple[float, float]]) -> str:
    """Training loss over tokens seen.

    Args:
        curve: (tokens seen, loss) pairs in the order of training.
    """
    tokens, losses = zip(*curve, strict=True)
    with mpl.rc_context(STYLE):
        figure, axes = _canvas(height=2.4)
        axes.plot(tokens, losses, color=BLUE, linewidth=1.5, marker="o" if len(curve) < 40 else "", markersize=3)
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.set_xlabel("tokens seen")
        axes.set_ylabel("training loss, nats per token")
        return _svg(figure)


def _dot_and_interval(axes: Axes, height: int, point: float, interval: Interval, colour: str) -> None:
    axes.plot([interval.p2_5, interval.p97_5], [height, height], color=colour, linewidth=3, solid_capstyle="round")
    axes.plot([interval.p50], [height], marker="|", markersize=13, markeredgewidth=2, color=colour)
    axes.plot([point], [height], marker="o", markersize=8, color="white", markeredgecolor=colour, markeredgewidth=2.5)


def _canvas(height: float) -> tuple[Figure, Axes]:
    # A Figure of its own: pyplot would keep it in a global list of the worker's process.
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def _svg(figure: Figure) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=NO_METADATA)
    text = stream.getvalue()
    # Without the XML head, whose DTD is an address; without group ids, which would repeat from figure to figure.
    return re.sub(r'<g id="\w+_\d+">', "<g>", text[text.index("<svg") :])
