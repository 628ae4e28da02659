"""Windows of risk measures that sums and extremes alone do not give."""

import numpy as np

from tasks.formulas.operators.registry import QUANTILE, FloatArray, lags, operator, window
from tasks.formulas.operators.rolling import rolling


@operator("max_drawdown", group="window", constants=(window(2),))
def max_drawdown(x: FloatArray, d: int) -> FloatArray:
    """Greatest loss from a peak to a later value in a window, as a share of the peak."""
    peak = np.full_like(x, -np.inf)
    worst = np.zeros_like(x)
    for value in lags(x, d):
        # np.maximum keeps NaN: a window with a missing value has none.
        peak = np.maximum(peak, value)
        worst = np.maximum(worst, 1 - value / peak)
    return worst


@operator("tail_mean", group="window", constants=(window(2), QUANTILE))
def tail_mean(x: FloatArray, d: int, q: float) -> FloatArray:
    """Mean of a window's values at or below its quantile."""
    threshold = rolling(x, d, q, method="quantile")
    total, n = np.zeros_like(x), np.zeros_like(x)
    for value in lags(x, d):
        is_tail = value <= threshold
        total += np.where(is_tail, value, 0.0)
        n += is_tail
    return total / n
