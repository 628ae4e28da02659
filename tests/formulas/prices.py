"""A made-up panel that is the same on every machine: a frozen random stream, and prices rounded as they are quoted."""

import numpy as np
import pandas as pd

N_DAYS, N_ENTITIES = 330, 12
GAP_ENTITY, GAP, FIRST_DAY = "02", slice(100, 104), 5
"""The entity that starts later than the others and lacks four days."""


def rows(n_days: int = N_DAYS, n_entities: int = N_ENTITIES) -> pd.DataFrame:
    """A complete long table of all columns that formulas read, in the order of day and entity."""
    # numpy keeps RandomState's stream as it is; that of default_rng may change.
    rng = np.random.RandomState(20_170_104)
    shape = (n_days, n_entities)
    market = rng.normal(0.0003, 0.006, (n_days, 1))
    returns = market * rng.uniform(0.5, 1.5, n_entities) + rng.normal(0, 0.009, shape)
    close = np.round(np.linspace(0.95, 1.05, n_entities) * np.exp(np.cumsum(returns, axis=0)), 4)
    opened = np.round(close * np.exp(rng.normal(0, 0.005, shape)), 4)
    high = np.round(np.maximum(close, opened) * np.exp(np.abs(rng.normal(0, 0.004, shape))) + 0.0001, 4)
    low = np.round(np.minimum(close, opened) * np.exp(-np.abs(rng.normal(0, 0.004, shape))) - 0.0001, 4)
    volume = np.round(np.exp(rng.normal(13, 0.4, shape)))
    vwap = np.round((high + low + close) / 3, 5)
    noise = rng.normal(0, 1, shape)
    factor = noise.copy()
    for day in range(1, n_days):
        factor[day] = 0.9 * factor[day - 1] + noise[day]
    columns = {
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "vwap": vwap,
        "amount": np.round(vwap * volume, 2),
        "benchmark": np.round(np.repeat(market, n_entities, axis=1), 6),
        "factor": np.round(factor, 6),
    }
    days = pd.bdate_range("2019-01-01", periods=n_days)
    table = {"entity": np.tile([f"{each:02d}" for each in range(n_entities)], n_days), "date": days.repeat(n_entities)}
    return pd.DataFrame(table | {name: values.ravel() for name, values in columns.items()})


def rows_with_gaps() -> pd.DataFrame:
    """The same, with an entity that starts late and lacks four days."""
    complete = rows()
    days = complete["date"].unique()
    lacking = days[:FIRST_DAY].tolist() + days[GAP].tolist()
    return complete[~((complete["entity"] == GAP_ENTITY) & complete["date"].isin(lacking))]
