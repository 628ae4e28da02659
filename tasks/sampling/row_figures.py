"""A figure of a panel's rows with its intervals by date and two-way, from draws of both kinds."""

import numpy as np
from scipy.special import stdtrit

from tasks.sampling.arrays import FloatArray
from tasks.sampling.two_way import MIN_DRAWS, rescaled
from tasks.schemas.direction import Figure
from tasks.schemas.estimates import PERCENTILES

RUNS_PER_HORIZON = 2
"""Labels of days less than a horizon apart overlap. Runs of one horizon would miss a third of a mean's variance."""
MIN_RUNS = 3
"""With two, the spread over runs says nothing."""
FLAT = 1e-12
"""Draws that differ by no more than rounding."""
NO_SPREAD = "its rows score the same, and their spread is no measure of error"
NO_ROW = "no such row is kept, or none is traded"


def figure_of(
    point: float,
    draws: tuple[FloatArray, FloatArray],
    n_runs: int,
    n_names: int,
    days_per_run: int,
    no_row: str = NO_ROW,
) -> Figure:
    """A figure with its intervals, or the reason why it has none.

    Args:
        point: The figure on all rows; NaN where it is not defined.
        draws: (n_draws,) the figure in each draw of days, and in each two-way draw.
        n_runs: Runs of days that its rows fill.
        n_names: Stocks, or currencies, of the panel.
        days_per_run: Days of a run.
        no_row: Why a point that is NaN is not defined.

    Returns:
        Intervals of point -/+ Student's quantile times the standard deviation of the rescaled draws.
    """
    if not np.isfinite(point):
        return Figure(point=None, why_none=no_row)
    if n_runs < MIN_RUNS:
        why = f"its days fill {n_runs} runs of {days_per_run} days, and an interval needs {MIN_RUNS}"
        return Figure(point=float(point), why_none=why)
    by_date, two_way = (own[np.isfinite(own)] for own in draws)
    if min(len(by_date), len(two_way)) < MIN_DRAWS:
        return Figure(point=float(point), why_none=f"fewer than {MIN_DRAWS} draws hold one of its rows")
    if not min(np.ptp(by_date), np.ptp(two_way)) > FLAT:
        return Figure(point=float(point), why_none=NO_SPREAD)
    return Figure(
        point=float(point),
        by_date=_interval(float(point), by_date, n_runs - 1),
        two_way=_interval(float(point), two_way, min(n_runs, n_names) - 1),
    )


def clipped(figure: Figure, bounds: tuple[float, float]) -> Figure:
    """The figure with intervals that do not go beyond what it can be."""
    ends = {name: _within(getattr(figure, name), bounds) for name in ("by_date", "two_way")}
    return figure.model_copy(update=ends)


def _interval(point: float, draws: FloatArray, freedom: int) -> tuple[float, float]:
    """Point -/+ Student's quantile times the standard deviation of the rescaled draws."""
    deviation = float(np.std(rescaled(draws, point), ddof=1))
    half_width = float(stdtrit(freedom, PERCENTILES[2] / 100)) * deviation
    return point - half_width, point + half_width


def _within(ends: tuple[float, float] | None, bounds: tuple[float, float]) -> tuple[float, float] | None:
    return ends and (max(ends[0], bounds[0]), min(ends[1], bounds[1]))
