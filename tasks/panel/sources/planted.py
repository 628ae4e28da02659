"""Prices with a known true premium: random walks, and one column that knows part of their future."""

import numpy as np
import pandas as pd
from pydantic import JsonValue

from tasks.panel.config import PlantedSource

DAILY_VOLATILITY = 0.01
"""Standard deviation of a day's log return."""


def planted_premium(r: float, pi: float, kappa: float, theta: float) -> float:
    """Leakage premium of a column that carries the target with R2 r on some rows and is noise on the others.

    Folds by stock have the fraction pi of known rows on both sides, so that on = r pi^2. A fit before the cut has the
    fraction kappa and is scored where it is theta, so that off = r (2 kappa theta - kappa^2). As a function of
    known_until the premium is a tent with its peak at the cut: a model that knows all days scores like one that knows
    none.

    Args:
        r: R2 between column and target on the rows it knows.
        pi: Fraction of all rows it knows.
        kappa: Fraction of the train rows it knows.
        theta: Fraction of the test rows it knows.

    Returns:
        on - off = r (pi^2 + kappa^2 - 2 kappa theta), in the limit of many rows.
    """
    return r * (pi**2 + kappa**2 - 2 * kappa * theta)


def planted_prices(source: PlantedSource) -> pd.DataFrame:
    """Draw prices of all stocks on all weekdays of the source's span.

    Returns:
        Columns code (from 1), date and close, by code and date.
    """
    days = pd.bdate_range(source.first_day, source.last_day)
    rng = np.random.default_rng([source.seed, 0])
    shared = rng.standard_normal(len(days))
    own = rng.standard_normal((source.n_stocks, len(days)))
    steps = DAILY_VOLATILITY * (np.sqrt(source.date_shock) * shared + np.sqrt(1 - source.date_shock) * own)
    codes = np.arange(1, source.n_stocks + 1)
    return pd.DataFrame(
        {
            "code": np.repeat(codes, len(days)),
            "date": np.tile(days, source.n_stocks),
            "close": 100 * np.exp(steps.cumsum(axis=1)).ravel(),
        }
    )


def planted_column(prices: pd.DataFrame, source: PlantedSource) -> np.ndarray:
    """Draw the column with the source's lookahead.

    Its variance is one, so that a ridge with alpha = 1 shrinks its weight by one part in n_rows.

    Args:
        prices: Columns date and target; the target is missing at the end of the prices.
        source: R2, last known day and seed.

    Returns:
        (n_rows,) with lookahead r: sqrt(r) z + sqrt(1 - r) noise on known rows, where z is the standardized target,
        and noise of the same variance on the others.
    """
    noise = np.random.default_rng([source.seed, 1]).standard_normal(len(prices))
    # Exact moments of exp(g) - 1 for g ~ N(0, DAILY_VOLATILITY^2), so that the R2 is exactly the lookahead.
    growth = np.exp(DAILY_VOLATILITY**2)
    mean, deviation = np.sqrt(growth) - 1, np.sqrt((growth - 1) * growth)
    z = (prices["target"].to_numpy() - mean) / deviation
    is_known = is_known_day(prices["date"], source) & np.isfinite(z)
    return np.where(is_known, np.sqrt(source.lookahead) * z + np.sqrt(1 - source.lookahead) * noise, noise)


def is_known_day(dates: pd.Series, source: PlantedSource) -> np.ndarray:
    """(n_rows,) whether the column knows the targets of the row's day."""
    if source.known_until is None:
        return np.ones(len(dates), dtype=bool)
    return (dates <= pd.Timestamp(source.known_until)).to_numpy()


def planted_truth(rows: pd.DataFrame, source: PlantedSource, is_test: np.ndarray) -> dict[str, JsonValue]:
    """The drawn rows' true premium, by the formula.

    Args:
        rows: The rows drawn.
        source: Lookahead and last known day.
        is_test: (n_rows,) whether a row is on the test side.

    Returns:
        The formula's fractions, counted on these rows, and its premium.
    """
    is_known = is_known_day(rows["date"], source)
    pi, kappa, theta = (float(is_known[part].mean()) for part in (slice(None), ~is_test, is_test))
    premium = planted_premium(source.lookahead, pi, kappa, theta)
    return {"lookahead": source.lookahead, "pi": pi, "kappa": kappa, "theta": theta, "premium": premium}
