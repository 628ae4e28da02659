"""Figure of the two-way draws of a pair's lookahead."""

import numpy as np

from tasks.report.figures.drawing import BLUE, GREY, INK, PAPER, WASH, Plot, bin_rows, drawing, n_bins
from tasks.schemas.draws import figure_on_draws
from tasks.schemas.estimates import FitName
from tasks.schemas.scores import RobustScores, models_of

FIT: FitName = "standardized"


def lookahead_draws(two_way: np.ndarray, robust: RobustScores, pair: str) -> Plot | None:
    """Histogram of a pair's lookahead over the two-way draws, columns standardized; None without a figure.

    Args:
        two_way: (n_kept, n_columns) as in the premium artifact.
        robust: Scores of the same artifact.
        pair: Such as `base - trained`.
    """
    found = robust.difference(pair)[FIT].lookahead
    if found.point is None or not len(two_way):
        return None
    one, other = models_of(pair)
    values = figure_on_draws(two_way, {(one, "disjoint"): 1, (other, "disjoint"): -1}, robust, FIT)
    values = values[np.isfinite(values)]
    with drawing(height=2.2) as drawn:
        axes = drawn.axes
        counts, edges, _ = axes.hist(values, bins=n_bins(len(values)), color=WASH, edgecolor=PAPER)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.axvline(found.point, color=INK, linewidth=2)
        for end in found.interval or ():
            axes.axvline(end, color=BLUE, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel(f"lookahead, {pair}")
        axes.set_ylabel("draws of stocks and days")
        axes.locator_params(axis="x", nbins=5)
    return Plot(drawn.svg, bin_rows(counts, edges))
