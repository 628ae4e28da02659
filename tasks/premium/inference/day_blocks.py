"""Standard errors over days, in blocks of consecutive ones, so that the overlap of neighbouring labels stays inside."""

import numpy as np
from scipy.special import stdtrit

from tasks.sampling.arrays import FloatArray
from tasks.schemas.checks import DayEstimate
from tasks.schemas.estimates import PERCENTILES

MIN_DAYS = 10
"""Fewer days give at most two blocks, and the spread over two blocks is no estimate."""
DAYS_PER_BLOCK = 5
"""Labels of neighbouring days share a price; five days are more than an overlap of two."""


def block_error(influences: FloatArray) -> float:
    """Standard error of a mean over days, from the (n_days,) deviations, in blocks of DAYS_PER_BLOCK days."""
    sums = np.add.reduceat(influences, np.arange(0, len(influences), DAYS_PER_BLOCK))
    n_blocks = len(sums)
    return float(np.sqrt(n_blocks / (n_blocks - 1) * (sums**2).sum()) / len(influences))


def day_estimate(point: float, influences: FloatArray) -> DayEstimate:
    """A figure with its interval.

    Args:
        point: The figure.
        influences: (n_days,) by how much each day moves it, times the number of days: the figure less its true value is
            about their mean. At least MIN_DAYS.

    Examples:
        >>> days = np.tile([-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 10)
        >>> low, high = day_estimate(0.5, days).interval
        >>> round(low, 2), round(high, 2)
        (0.02, 0.98)
    """
    error = block_error(influences)
    n_blocks = -(-len(influences) // DAYS_PER_BLOCK)
    half_width = float(stdtrit(n_blocks - 1, PERCENTILES[2] / 100)) * error
    interval = (point - half_width, point + half_width)
    return DayEstimate(point=point, standard_error=error, interval=interval, n_days=len(influences))
