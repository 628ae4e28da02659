"""Balanced sample panels: every stock on every weekday, label days as the reference's target has them."""

from datetime import date

import numpy as np
import pandas as pd

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.rows import Rows


def made_rows(target: np.ndarray, first_day: str = "2020-01-01", **states: np.ndarray) -> Rows:
    """Rows of a panel, stock by stock.

    Args:
        target: (n_stocks, n_days) returns.
        first_day: The first weekday's day.
        states: By model, (n_stocks * n_days, width), beside one numeric column that knows nothing.
    """
    n_stocks, n_days = target.shape
    days = pd.bdate_range(first_day, periods=n_days + 2)
    day = np.tile(np.arange(n_days), n_stocks)
    labels = pd.DataFrame(
        {
            "code": np.repeat([f"S{stock:03}" for stock in range(n_stocks)], n_days),
            "date": days[day],
            "label_from": days[day + 1],
            "label_until": days[day + 2],
        }
    )
    numeric = np.random.default_rng(99).normal(size=(target.size, 1))
    return Rows(labels, target.ravel(), numeric, {name: own.astype(np.float32) for name, own in states.items()})


def cut_after(rows: Rows, n_train_days: int, **robust: object) -> PremiumConfig:
    """A config whose cut is the panel's n-th day."""
    cut: date = np.sort(rows.labels["date"].unique())[n_train_days - 1].astype("datetime64[D]").item()
    return PremiumConfig(train_until=cut, robust=RobustConfig.model_validate(robust))
