"""The targets that the fits predict: as it is, clipped, and as a rank within its day; and how heavy its tails are.

A few extreme days, or a spell of volatile ones, carry most of a fat-tailed target's sum of squares, and an R2 is then
about those days. The clipped target and the rank bound what a row can carry.
"""

from datetime import date

import numpy as np
import pandas as pd

from tasks.premium.rows import Rows
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.schemas.scores import Tails

MAX_RELATIVE_ERROR = 0.25
"""Bound on the relative standard error of the sum of squares after the cut, found by `make simulate-coverage`."""

MAX_CORRELATION = 0.99
"""Of neighbouring days; of a handful of days in order it would be 1, and no day would count."""


def make_targets(rows: Rows, train_until: date, tail_quantile: float) -> FloatArray:
    """(n_rows, 3) the target; clipped; and its rank within its day, from -0.5 to 0.5.

    All splits have the same clipped target, so that their differences compare one target: its ends are the quantile of
    the rows up to the cut and its mirror. They are two numbers; no prediction of a test row follows from them.
    """
    before = rows.target[rows.is_train(train_until)]
    low, high = np.quantile(before, [tail_quantile, 1 - tail_quantile])
    by_day = pd.Series(rows.target).groupby(rows.labels["date"].to_numpy())
    ranks = (by_day.rank() - 0.5) / by_day.transform("size") - 0.5
    return np.column_stack([rows.target, np.clip(rows.target, low, high), ranks.to_numpy()])


def tails(target: FloatArray, dates: pd.Series, is_test: BoolArray) -> Tails:
    """How few of the test rows carry the test side's sum of squares about its mean, and how far chance moves it.

    Args:
        target: (n_rows,) returns.
        dates: (n_rows,) day of each row.
        is_test: (n_rows,) whether the row is after the cut.
    """
    own = target[is_test]
    squares = pd.Series((own - own.mean()) ** 2)
    total = float(squares.sum())
    if not total > 0:
        return Tails(largest_day=0, n_days=0, five_largest_rows=0, warning="the target after the cut does not vary")
    by_day = squares.groupby(dates[is_test].to_numpy()).sum()
    largest_day, n_days = float(by_day.max()) / total, len(by_day)
    error = _relative_error(target, dates, n_days)
    deviations = target - target.mean()
    warning = (
        f"of the sum of squares after the cut the largest day, {by_day.idxmax():%Y-%m-%d}, carries {largest_day:.0%}, "
        f"and days differ so much that the sum has a standard error of {error:.0%}, above {MAX_RELATIVE_ERROR:.0%}"
    )
    return Tails(
        largest_day=largest_day,
        n_days=n_days,
        five_largest_rows=float(squares.nlargest(5).sum()) / total,
        relative_error=error if np.isfinite(error) else None,
        kurtosis=float(np.mean(deviations**4) / np.mean(deviations**2) ** 2),
        autocorrelation=_autocorrelation(pd.Series(target).groupby(dates.to_numpy()).mean()),
        warning="" if error <= MAX_RELATIVE_ERROR else warning,
    )


def _relative_error(target: FloatArray, dates: pd.Series, n_days: int) -> float:
    """Standard error, relative to its size, of the sum of squares of so many days in a row.

    From all days' mean squares: their deviation over their mean, and their rank correlation with the day before, since
    volatile days follow volatile days and then many of them tell little more than a few.
    """
    squares = pd.Series((target - target.mean()) ** 2).groupby(dates.to_numpy()).mean()
    correlation = float(np.clip(_autocorrelation(squares.rank()) or 0.0, 0.0, MAX_CORRELATION))
    n_independent = n_days * (1 - correlation) / (1 + correlation)
    return float(squares.std() / squares.mean() / np.sqrt(n_independent))


def _autocorrelation(by_day: "pd.Series[float]") -> float | None:
    """Correlation of a day's value with the day before's; None if too few differ."""
    found = float(by_day.autocorr()) if by_day.nunique() > 2 else np.nan
    return found if np.isfinite(found) else None
