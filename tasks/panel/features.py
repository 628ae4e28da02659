"""What is known of a stock on a day, from its own past closes and volumes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.panel.config import Contract
from tasks.schemas.artifacts import Panel

CLOSE_FLOOR = 1e-6
"""The seed takes the logarithm of a close of zero, a day without trade, as that of this."""
VOLUME_FLOOR = 1.0
N_VOLATILITY_DAYS = 20

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


def add_features(prices: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Add the numeric features; windows count rows of the same stock, never calendar days.

    Every feature is a function of the rows inside its window and, up to rounding, of no other.

    Args:
        prices: The rows that windows shall count, by code and date: under `seed` those with a target, under
            `point_in_time` those with a positive close and, where splits are recorded, split_so_far.
        contract: `seed` takes returns from closes as traded, `point_in_time` from split-adjusted ones.

    Returns:
        A copy with log_close (as traded), log_volume (where volume was recorded), ret_5d, ret_30d and vol_20d; a
        feature whose window reaches before a stock's first row is missing.
    """
    floor = CLOSE_FLOOR if contract == "seed" else 0.0
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

    Taken off the log close it makes returns across a split comparable. JPX's back-adjusted close differs from it by a
    constant per stock, the product of all factors, which is what later splits would tell.

    Args:
        prices: Columns code and adjustment, by code and date, every row of the source: a split is in force whether or
            not its day has a price. A missing factor stands for no split.
    """
    log_factor = np.log(prices["adjustment"].fillna(1.0))
    until_today: pd.Series = log_factor.groupby(prices["code"]).cumsum()
    return until_today.groupby(prices["code"]).shift(fill_value=0.0)


def is_complete(rows: pd.DataFrame) -> pd.Series:
    """Whether no feature is missing, row by row."""
    return rows[[name for name in Panel.FEATURES if name in rows.columns]].notna().all(axis=1)


def _change(level: FloatArray, n_rows: int, n_before: IntArray) -> FloatArray:
    """(n_rows,) difference over a stock's last n_rows rows, missing where it has not as many before."""
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
    # Window by window and not as a running sum, which would carry the rounding of all rows before.
    lagged = [steps[lag : lag + n_windows] for lag in range(N_VOLATILITY_DAYS)]
    mean = sum(lagged, np.zeros(n_windows)) / N_VOLATILITY_DAYS
    squares = sum(((own - mean) ** 2 for own in lagged), np.zeros(n_windows))
    volatility[N_VOLATILITY_DAYS - 1 :] = np.sqrt(squares / (N_VOLATILITY_DAYS - 1))
    return volatility
