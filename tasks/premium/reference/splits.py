"""The reference's two ways to split rows into train and test."""

import numpy as np
from sklearn.model_selection import GroupKFold

from tasks.premium.errors import EmptySplit, TooFewStocks
from tasks.premium.rows import BoolArray, IntArray, Split

MIN_ROWS = 10
"""The reference's bound on either side of the chronological cut."""


def chronological(is_train: BoolArray) -> Split:
    """Fit on the days up to the cut, score the days after it.

    Args:
        is_train: (n_rows,) whether the row's day is on or before the cut.

    Raises:
        EmptySplit: If a side has fewer than MIN_ROWS rows.
    """
    split = Split(np.flatnonzero(is_train), np.flatnonzero(~is_train))
    if min(len(split.train), len(split.test)) < MIN_ROWS:
        raise EmptySplit(
            f"{len(split.train)} rows up to the cut and {len(split.test)} after it, each side needs {MIN_ROWS}; "
            "move premium.train_until, raise panel.dates_per_stock or extend the panel."
        )
    return split


def stock_disjoint(stocks: IntArray, n_folds: int) -> list[Split]:
    """Folds that share no stock. They share days, which a model can tell apart without any hindsight.

    Args:
        stocks: (n_rows,) stock of each row; equal numbers stay in one fold.
        n_folds: Folds, filled largest stock first, each into the fold with the fewest rows.

    Raises:
        TooFewStocks: If there are fewer distinct stocks than folds.

    Examples:
        >>> import numpy as np
        >>> [fold.test.tolist() for fold in stock_disjoint(np.array([0, 0, 0, 1, 2]), n_folds=2)]
        [[0, 1, 2], [3, 4]]
    """
    n_stocks = len(np.unique(stocks))
    if n_stocks < n_folds:
        raise TooFewStocks(
            f"{n_stocks} distinct stocks for {n_folds} stock-disjoint folds; raise panel.n_stocks or lower n_folds."
        )
    return [Split(train, test) for train, test in GroupKFold(n_folds).split(stocks, groups=stocks)]
