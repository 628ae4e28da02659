"""Rank IC: whether predictions order the stocks within a day. What all stocks of a day share cannot change it."""

import numpy as np
import pandas as pd

from tasks.premium.inference.day_blocks import MIN_DAYS, block_error
from tasks.sampling.arrays import FloatArray
from tasks.schemas.estimates import RankIc


def rank_ic(predictions: FloatArray, target: FloatArray, dates: pd.Series, min_stocks: int = 5) -> RankIc:
    """Mean over days of Spearman's correlation between prediction and target.

    The standard error is that of a mean of blocks of DAYS_PER_BLOCK consecutive days, so that the dependence through
    overlapping labels stays inside a block. It takes the fitted models as given.

    Args:
        predictions: (n_rows,) out of sample; rows with NaN, which no split tested, are left out.
        target: (n_rows,) returns.
        dates: (n_rows,) day of each row.
        min_stocks: Rows a day needs to count.

    Returns:
        Figures over the days that count; days on which predictions or returns are all equal have no order and do not.
        No figures where fewer than MIN_DAYS count.
    """
    by_day = daily_correlations(predictions, target, dates, min_stocks)
    n_days = len(by_day)
    if n_days < MIN_DAYS:
        reason = (
            f"{n_days} days have {min_stocks} stocks to order, {MIN_DAYS} are needed; "
            "raise panel.n_stocks or panel.dates_per_stock."
        )
        return RankIc(mean=None, standard_error=None, n_days=n_days, why_none=reason)
    mean = float(by_day.mean())
    return RankIc(mean=mean, standard_error=block_error(by_day - mean), n_days=n_days)


def daily_correlations(
    predictions: FloatArray, target: FloatArray, dates: pd.Series, min_stocks: int = 5
) -> FloatArray:
    """(n_days,) Spearman's correlation of each day that counts, in the order of the days; ties at their mean rank."""
    table = pd.DataFrame({"prediction": predictions, "target": target, "date": dates.to_numpy()})
    table = table[np.isfinite(predictions) & np.isfinite(target)]
    day = table["date"]
    table = table[day.groupby(day).transform("size") >= min_stocks]
    ranks = table.groupby("date").rank()
    centred = ranks - ranks.groupby(table["date"]).transform("mean")
    squares = (centred**2).groupby(table["date"]).sum()
    products = centred.prod(axis=1).groupby(table["date"]).sum()
    spread = np.sqrt(squares["prediction"] * squares["target"])
    correlations: FloatArray = (products / spread)[spread > 0].to_numpy(np.float64)
    return correlations
