"""Features of a stock on a day, from its own past closes and volumes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.panel.config import Contract
from tasks.schemas.artifacts import Panel

CLOSE_FLOOR = 1e-6
"""A close of zero, a day without trade, counts as this in the reference's logarithm."""
VOLUME_FLOOR = 1.0
N_VOLATILITY_DAYS = 20

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


def add_features(prices: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Add the numeric features. Windows count rows of the same stock, not calendar days.

    Every feature is a function of the rows inside its window and, up to rounding, of no other.

    Args:
        prices: The rows that windows count, by code and date: under `reference` those with a target, under
            `point_in_time` those with a positive close and, where splits are recorded, split_so_far.
        contract: `reference` takes returns from closes as traded, `point_in_time` from split-adjusted ones.

    Returns:
        A copy with log_close (as traded), log_volume (where volume was recorded), ret_5d, ret_30d and vol_20d; a
        feature whose window begins before a stock's first row is missing.
    """
    floor = CLOSE_FLOOR if contract == "reference" else 0.0
    log_close = np.log(prices["close"].clip(lower=floor).to_numpy())
    features = {"log_close": log_close}
    if "volume" in prices.columns:
        features["log_volume"] = np.log(prices["volume"].clip(lower=VOLUME_FLOOR).to_numpy())
    if contract == "point_in_time" and "split_so_far" in prices.columns:
        log_close = log_close - prices["split_so_far"].to_numpy()
    n_before = prices.groupby("code").cumcount().to_numpy(np.int64)
    features["ret_5d"] = _change(log_close, 5, n_before)
    features["ret_30d"] = _change(log_close, 30, n_before)
    features["vol_20d"] = _volatility(_change(log_close, 1, n_before))
    return prices.assign(**features)


def split_so_far(prices: pd.DataFrame) -> pd.Series:
    """Logarithm of the product of a stock's split factors up to the day before each row.

    Subtracted from the log close it makes returns across a split comparable. JPX's back-adjusted close differs from it
    by a constant per stock, the product of all factors, which would reveal later splits.

    Args:
        prices: Columns code and adjustment, by code and date, all rows of the source: a split counts even if its day
            has no price. A missing factor means no split.
    """
    log_factor = np.log(prices["adjustment"].fillna(1.0))
    until_today: pd.Series = log_factor.groupby(prices["code"]).cumsum()
    return until_today.groupby(prices["code"]).shift(fill_value=0.0)


def is_complete(rows: pd.DataFrame) -> pd.Series:
    """(n_rows,) whether no feature is missing."""
    return rows[[name for name in Panel.PRICE_FEATURES if name in rows.columns]].notna().all(axis=1)


def _change(level: FloatArray, n_rows: int, n_before: IntArray) -> FloatArray:
    """(n_rows,) difference over a stock's last n_rows rows, missing where it has fewer rows before."""
    change = np.full(len(level), np.nan)
    change[n_rows:] = level[n_rows:] - level[:-n_rows]
    change[n_before < n_rows] = np.nan
    return change


def _volatility(steps: FloatArray) -> FloatArray:
    """(n_rows,) sample standard deviation of the last 20 steps, missing where a stock's missing first is among them."""
    volatility = np.full(len(steps), np.nan)
    n_windows = len(steps) - N_VOLATILITY_DAYS + 1
    if n_windows <= 0:
        return volatility
    # Window by window: a running sum would carry the rounding of all earlier rows.
    lagged = [steps[lag : lag + n_windows] for lag in range(N_VOLATILITY_DAYS)]
    mean = sum(lagged, np.zeros(n_windows)) / N_VOLATILITY_DAYS
    squares = sum(((own - mean) ** 2 for own in lagged), np.zeros(n_windows))
    volatility[N_VOLATILITY_DAYS - 1 :] = np.sqrt(squares / (N_VOLATILITY_DAYS - 1))
    return volatility
