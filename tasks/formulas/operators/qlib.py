"""Other windows as qlib defines them: rows before the first, and missing values, are left out of the window.

Source: pyqlib 0.9.7, qlib/data/ops.py and qlib/data/_libs/rolling.pyx.
"""

from typing import Any

import numpy as np
import pandas as pd

from tasks.formulas.operators.registry import FloatArray, lags, operator, values, window
from tasks.formulas.operators.rolling import rolling

NO_SPREAD = 2e-5
"""A window whose standard deviation is at most this has no correlation and no R2."""


@operator("Rank", group="window", constants=(window(),))
def rank(x: FloatArray, d: int) -> FloatArray:
    """Rank of the last value in its window over the window's length, ties averaged."""
    less, equal, n = (np.zeros_like(x) for _ in range(3))
    for value in lags(x, d):
        less += value < x
        equal += value == x
        n += ~np.isnan(value)
    return np.where(np.isnan(x), np.nan, (less + (equal + 1) / 2) / n)


@operator("IdxMax", group="window", constants=(window(),))
def index_of_maximum(x: FloatArray, d: int) -> FloatArray:
    """Place of the greatest value in its window, 1 for the oldest row; of equals the oldest."""
    place = np.full_like(x, np.nan)
    greatest = np.full_like(x, np.nan)
    for position, value in enumerate(lags(x, d), start=1):
        is_greater = (value > greatest) | (np.isnan(greatest) & ~np.isnan(value))
        greatest = np.where(is_greater, value, greatest)
        place = np.where(is_greater, float(position), place)
    # A window that starts before the entity's first value starts with that value.
    n_rows = np.cumsum(np.cumsum(~np.isnan(x), axis=0) > 0, axis=0)
    found: FloatArray = place - (d - np.minimum(n_rows, d))
    return found


@operator("IdxMin", group="window", constants=(window(),))
def index_of_minimum(x: FloatArray, d: int) -> FloatArray:
    """Place of the least value in its window, 1 for the oldest row; of equals the oldest."""
    return index_of_maximum(-x, d)


@operator("Slope", group="window", constants=(window(2),))
def slope(x: FloatArray, d: int) -> FloatArray:
    """Slope of the regression of a window's values on their places."""
    return _Trend(x, d).slope


@operator("Rsquare", group="window", constants=(window(2),))
def r_square(x: FloatArray, d: int) -> FloatArray:
    """R2 of the regression of a window's values on their places; missing without spread."""
    trend = _Trend(x, d)
    return np.where(_has_spread(x, d), trend.sxy**2 / (trend.sxx * trend.syy), np.nan)


@operator("Resi", group="window", constants=(window(2),))
def residual(x: FloatArray, d: int) -> FloatArray:
    """The last value less that of the regression of its window's values on their places."""
    trend = _Trend(x, d)
    return x - (trend.mean + trend.slope * (d - trend.mean_place))


@operator("Corr", group="window", n_series=2, constants=(window(2),))
def correlation(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    """Correlation of two windows; missing if one has no spread."""
    found = values(pd.DataFrame(x).rolling(d, min_periods=1).corr(pd.DataFrame(y), pairwise=False))
    return np.where(_has_spread(x, d) & _has_spread(y, d), found, np.nan)


@operator("Cov", group="window", n_series=2, constants=(window(2),))
def covariance(x: FloatArray, y: FloatArray, d: int) -> FloatArray:
    """Sample covariance (n - 1) of two windows."""
    return values(pd.DataFrame(x).rolling(d, min_periods=1).cov(pd.DataFrame(y), pairwise=False))


@operator("EMA", group="window", constants=(window(),), has_memory=True)
def exponential_mean(x: FloatArray, d: int) -> FloatArray:
    """Exponentially weighted mean of all rows so far, with a weight of 2 / (window + 1)."""
    return values(pd.DataFrame(x).ewm(span=d, min_periods=1).mean())


def _has_spread(x: FloatArray, d: int) -> Any:
    """False where qlib blanks; a window of one value has a missing deviation, and is not blanked."""
    return ~np.isclose(rolling(x, d, method="std", least=1), 0, atol=NO_SPREAD)


class _Trend:
    """Sums of the regression of every window's values on the places 1 to d, missing values left out."""

    def __init__(self, x: FloatArray, d: int) -> None:
        self.mean = rolling(x, d, method="mean", least=1)
        n, places, squares = (np.zeros_like(x) for _ in range(3))
        product, self.syy = np.zeros_like(x), np.zeros_like(x)
        for place, value in enumerate(lags(x, d), start=1):
            seen = ~np.isnan(value)
            centred = np.where(seen, value - self.mean, 0.0)
            n += seen
            places += place * seen
            squares += place * place * seen
            product += place * centred
            self.syy += centred * centred
        self.mean_place = places / n
        self.sxx = squares - places * self.mean_place
        # The centred values sum to zero, so that the places need not be centred.
        self.sxy = product
        self.slope = np.where(n > 1, self.sxy / self.sxx, np.nan)
