"""What is known of a stock on a day, from its own past closes and volumes."""

import numpy as np
import pandas as pd

from tasks.artifacts import Panel

CLOSE_FLOOR = 1e-6
"""A close of zero stands for a day without trade; the logarithm needs more."""
VOLUME_FLOOR = 1.0


def add_features(prices: pd.DataFrame) -> pd.DataFrame:
    """Add the seed contract's features; windows count rows of the same stock, never calendar days.

    Args:
        prices: By code and date, without rows that lack a target.

    Returns:
        A copy with log_close, log_volume (where volume was recorded), ret_5d, ret_30d and vol_20d; a feature whose
        window reaches before a stock's first row is missing.
    """
    rows = prices.copy()
    rows["log_close"] = np.log(rows["close"].clip(lower=CLOSE_FLOOR))
    if "volume" in rows.columns:
        rows["log_volume"] = np.log(rows["volume"].clip(lower=VOLUME_FLOOR))
    log_close = rows.groupby("code")["log_close"]
    rows["ret_5d"] = log_close.diff(5)
    rows["ret_30d"] = log_close.diff(30)
    rows["vol_20d"] = log_close.transform(lambda own: own.diff().rolling(20).std())
    return rows


def complete_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows on which no feature is missing."""
    return rows.dropna(subset=[name for name in Panel.FEATURES if name in rows.columns])
