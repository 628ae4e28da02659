"""The targets that the fits predict: as it is, clipped, and as a rank within its day; and how heavy its tails are.

A few extreme days carry most of a fat-tailed target's sum of squares, and an R2 is then about those days. The clipped
target and the rank bound what a row can carry.
"""

from datetime import date

import numpy as np
import pandas as pd

from tasks.premium.rows import BoolArray, FloatArray, Rows
from tasks.schemas.scores import Tails

MAX_DAY = 0.35
MAX_DAY_OVER_MEAN = 12.0
MAX_FIVE_ROWS = 0.10
"""Bounds on what the largest day and the five largest rows carry, found by `make simulate-coverage`."""


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
    """What a few of the test rows carry of the test side's sum of squares about its mean.

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
    five = float(squares.nlargest(5).sum()) / total
    carried = []
    if not (largest_day <= MAX_DAY or largest_day * n_days <= MAX_DAY_OVER_MEAN):
        carried.append(f"the largest day, {by_day.idxmax():%Y-%m-%d}, carries {largest_day:.0%}")
    if not five <= MAX_FIVE_ROWS:
        carried.append(f"the five largest rows carry {five:.0%}")
    warning = f"of the sum of squares after the cut {' and '.join(carried)}" if carried else ""
    return Tails(largest_day=largest_day, n_days=n_days, five_largest_rows=five, warning=warning)
