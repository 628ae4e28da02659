"""Figures of the reference contract: premiums with their stock draws, and the draws of the reduction."""

import numpy as np
from markupsafe import Markup

from tasks.report.figures.drawing import BLUE, GREY, INK, drawing, interval_rows
from tasks.schemas.scores import PremiumScores


def premiums(scores: PremiumScores) -> Markup:
    """Premium of both models and the reduction, with 95 % of the stock draws."""
    rows = {
        "base": (scores.base.premium, scores.base.premium_interval),
        "trained": (scores.trained.premium, scores.trained.premium_interval),
        "reduction": (scores.premium_reduction, scores.reduction_interval),
    }
    return interval_rows(rows, "R2 on - R2 off")


def reduction_draws(draws: np.ndarray, scores: PremiumScores) -> Markup:
    """Histogram of the reduction over the stock draws.

    Args:
        draws: (n_kept, 1 + 2 * n_models): draw number, then on and off of base, trained and any placebo.
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
