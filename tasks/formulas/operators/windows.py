"""Other windows that must be full: a value is missing until its window has all rows, and where one of them is missing.

Names and definitions are those of Kakushadze (2016), 101 Formulaic Alphas, arXiv 1601.00991, appendix A. Where the
paper leaves a choice: standard deviations and covariances are sample ones (n - 1), ranks are shares of the number
ranked with ties averaged, `ts_argmax` counts rows back, and `decay_linear` gives the newest row the greatest weight.
"""

import numpy as np
import pandas as pd

from tasks.formulas.operators.registry import (
    DECAY,
    NO_VARIANCE,
    FloatArray,
    delayed,
    lags,
    operator,
    settled,
    values,
    window,
)
from tasks.formulas.operators.rolling import rolling


@operator("product", group="window", constants=(window(),))
def product(x: FloatArray, d: int) -> FloatArray:
    """Product of a window."""
    found = np.ones_like(x)
    for value in lags(x, d):
        found = found * value
    return found


@operator("ts_rank", group="window", constants=(window(2),))
def ts_rank(x: FloatArray, d: int) -> FloatArray:
    """Rank of the last value in its window over the window's length, ties averaged."""
    x = settled(x)
    found = np.full_like(x, 0.5)
    for value in lags(x, d):
        # NaN where either is missing.
        found += (1 + np.sign(x - value)) / 2
    found /= d
    return found


@operator("ts_argmax", group="window", constants=(window(2),))
def ts_argmax(x: FloatArray, d: int) -> FloatArray:
    """Rows since the greatest value of a window, 0 if it is the last; of equals the oldest."""
    x = settled(x)
    greatest = rolling(x, d, method="max")
    found = np.full_like(x, np.nan)
    for lag in range(d):
        found = np.where(delayed(x, lag) == greatest, float(lag), found)
    return found


@operator("ts_argmin", group="window", constants=(window(2),))
def ts_argmin(x: FloatArray, d: int) -> FloatArray:
    """Rows since the least value of a window, 0 if it is the last; of equals the oldest."""
    return ts_argmax(-x, d)


@operator("decay_linear", group="window", constants=(window(),))
def decay_linear(x: FloatArray, d: int) -> FloatArray:
    """Mean of a window with weights 1 for the oldest row to `window` for the last."""
    found = np.zeros_like(x)
    for weight, value in enumerate(lags(x, d), start=1):
        found = found + weight * value
    return found / (d * (d + 1) / 2)


@operator("covariance", group="window", n_series=2, constants=(window(2),))
def covariance(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    """Sample covariance (n - 1) of two windows."""
    return _moments(x, y, d)[0] / (d - 1)


@operator("correlation", group="window", n_series=2, constants=(window(2),))
def correlation(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    """Correlation of two windows; missing if one is constant."""
    xy, xx, yy = _moments(x, y, d)
    for each, squares in ((x, xx), (y, yy)):
        is_constant = squares <= NO_VARIANCE * d * rolling(each, d, method="mean") ** 2
        squares[is_constant] = np.nan
    return np.clip(xy / np.sqrt(xx * yy), -1, 1)


@operator("ewma", group="window", constants=(DECAY,), has_memory=True)
def ewma(x: FloatArray, decay: float) -> FloatArray:
    """Recursive mean: decay * that of the row before + (1 - decay) * the value; starts with the first value."""
    return values(pd.DataFrame(x).ewm(alpha=1 - decay, adjust=False).mean())


def _moments(x: FloatArray, y: FloatArray, d: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums of products of two windows' deviations from their means: x with y, x with x, y with y.

    pandas' running sums lose digits where the deviations are small beside the values.
    """
    mean_x, mean_y = (rolling(each, d, method="mean") for each in (x, y))
    xy, xx, yy = (np.zeros_like(mean_x) for _ in range(3))
    for own, other in zip(lags(x, d), lags(y, d), strict=True):
        own, other = own - mean_x, other - mean_y
        xy += own * other
        xx += own * own
        yy += other * other
    return xy, xx, yy
