"""The seed's figures and the training's."""

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import EngFormatter

from tasks.report.figures.drawing import BLUE, GREY, INK, MODEL_COLOURS, drawing, mark, name_rows
from tasks.report.tables.provenance import Curve
from tasks.schemas.scores import PremiumScores

LINE_STYLES = ("-", (0, (4, 2)), (0, (1, 1)))


def premium_intervals(scores: PremiumScores) -> Markup:
    """The seed's premium of both models and the reduction, with 95 % of the stock draws."""
    marks = [
        ("base", scores.base.premium, scores.base.premium_interval),
        ("trained", scores.trained.premium, scores.trained.premium_interval),
        ("reduction", scores.premium_reduction, scores.reduction_interval),
    ]
    with drawing(height=2.0) as drawn:
        for height, (name, point, interval) in enumerate(marks):
            mark(drawn.axes, height, point, interval, MODEL_COLOURS.get(name, INK))
        name_rows(drawn.axes, [name for name, *_ in marks])
        drawn.axes.set_xlabel("R2 on - R2 off")
    return drawn.svg


def reduction_draws(draws: np.ndarray, scores: PremiumScores) -> Markup:
    """Histogram of the stock draws' reductions.

    Args:
        draws: (n_kept, 1 + 2 * n_models) draw, then on and off of base, trained and any placebo.
        scores: For the point estimate and the interval.
    """
    reductions = (draws[:, 1] - draws[:, 2]) - (draws[:, 3] - draws[:, 4])
    with drawing(height=2.2) as drawn:
        axes = drawn.axes
        axes.hist(reductions, bins=min(40, max(10, len(draws) // 5)), color="#c6d6e3", edgecolor="white")
        axes.axvline(0, color=GREY, linewidth=1)
        axes.axvline(scores.premium_reduction, color=INK, linewidth=1.5)
        for end in (scores.reduction_interval.p2_5, scores.reduction_interval.p97_5):
            axes.axvline(end, color=BLUE, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("premium of base - premium of trained")
        axes.set_ylabel("stock draws")
    return drawn.svg


def training_loss(curves: Mapping[str, Curve]) -> Markup:
    """Training loss over tokens seen.

    Args:
        curves: Pairs in the order of training, by the name of the training.
    """
    with drawing(height=2.2) as drawn:
        for number, (name, curve) in enumerate(curves.items()):
            tokens, losses = zip(*curve, strict=True)
            style = LINE_STYLES[number % len(LINE_STYLES)]
            marker = "o" if len(curve) < 40 else ""
            drawn.axes.plot(tokens, losses, color=BLUE, linestyle=style, marker=marker, markersize=3, label=name)
        if len(curves) > 1:
            drawn.axes.legend(frameon=False)
        drawn.axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        drawn.axes.set_xlabel("tokens seen")
        drawn.axes.set_ylabel("loss, nats per token")
    return drawn.svg
