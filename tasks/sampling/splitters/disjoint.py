"""Folds that share no stock, no day, or neither."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold

from tasks.sampling.arrays import BoolArray, IntArray, Split
from tasks.sampling.errors import TooFewStocks
from tasks.sampling.splitters.base import LabelSplitter, Masks
from tasks.sampling.splitters.labels import Labels, number_blocks, purged_around


@dataclass(unsafe_hash=True)
class StockDisjoint(LabelSplitter):
    """The reference's folds of whole stocks. Train and test share days, so a day's shock can be learned.

    For pairs of currencies, a fold tests those with both legs among its own currencies and trains on those with none.
    The other pairs are left out, for either leg would carry the test's moves into train.

    Args:
        n_folds: Folds, filled largest first, each stock or currency into the fold with the fewest rows.

    Examples:
        >>> import pandas as pd
        >>> from hindsight import StockDisjoint
        >>> days = pd.to_datetime(["2020-01-01", "2020-01-02"] * 2)
        >>> labels = pd.DataFrame({"code": list("AABB"), "date": days, "label_from": days, "label_until": days})
        >>> [test.tolist() for _, test in StockDisjoint(n_folds=2).split(labels, groups=labels)]
        [[2, 3], [0, 1]]
    """

    n_folds: int

    _LEAST = {"n_folds": 2}

    def _masks(self, labels: Labels) -> Iterator[Masks]:
        for train, test in fold_sides(labels, self.n_folds):
            yield Masks(train, test, purged=np.zeros(len(train), dtype=bool))


@dataclass(unsafe_hash=True)
class DateDisjoint(LabelSplitter):
    """Tests blocks of days in turn, purged around each. Stocks are shared, and later days may be fitted on.

    Args:
        n_blocks: Contiguous blocks of about equally many distinct days.
        embargo_days: Calendar days on either side of a block's span without train rows.

    Examples:
        >>> import pandas as pd
        >>> from hindsight import DateDisjoint
        >>> days = pd.date_range("2020-01-01", periods=6)
        >>> labels = pd.DataFrame({"code": "A", "date": days, "label_from": days, "label_until": days})
        >>> labels["label_until"] += pd.Timedelta(days=1)
        >>> [(split.train.tolist(), split.purged.tolist()) for split in DateDisjoint(2).purged_splits(labels)]
        [([4, 5], [3]), ([0, 1], [2])]
    """

    n_blocks: int
    embargo_days: int = 0

    _LEAST = {"n_blocks": 2, "embargo_days": 0}

    def _masks(self, labels: Labels) -> Iterator[Masks]:
        block_of_row = number_blocks(labels.dates, self.n_blocks)
        for block in range(self.n_blocks):
            test = block_of_row == block
            yield Masks(~test, test, purged_around(labels, test, self.embargo_days))


@dataclass(unsafe_hash=True)
class StockAndDateDisjoint(LabelSplitter):
    """Tests each fold of stocks in each block of days, fitted on other stocks' other days.

    The splits of one fold of stocks together test the rows that `StockDisjoint` tests in that fold. The purge is
    around the span of all rows of the block, whether or not their stock is tested.

    Args:
        n_folds: Folds of stocks, or of currencies, as in `StockDisjoint`.
        n_blocks: Blocks of days, as in `DateDisjoint`.
        embargo_days: Calendar days on either side of a block's span without train rows.

    Examples:
        >>> import pandas as pd
        >>> from hindsight import StockAndDateDisjoint
        >>> days = pd.to_datetime(["2020-01-01", "2020-01-02"] * 2)
        >>> labels = pd.DataFrame({"code": list("AABB"), "date": days, "label_from": days, "label_until": days})
        >>> [(a.tolist(), b.tolist()) for a, b in StockAndDateDisjoint(2, 2).split(labels, groups=labels)]
        [([1], [2]), ([0], [3]), ([3], [0]), ([2], [1])]
    """

    n_folds: int
    n_blocks: int
    embargo_days: int = 0

    _LEAST = {"n_folds": 2, "n_blocks": 2, "embargo_days": 0}

    def _masks(self, labels: Labels) -> Iterator[Masks]:
        block_of_row = number_blocks(labels.dates, self.n_blocks)
        blocks = [block_of_row == block for block in range(self.n_blocks)]
        purged = [purged_around(labels, block, self.embargo_days) for block in blocks]
        for train, test in fold_sides(labels, self.n_folds):
            for block, own in zip(blocks, purged, strict=True):
                yield Masks(train & ~block, test & block, own)


def fold_sides(labels: Labels, n_folds: int) -> list[tuple[BoolArray, BoolArray]]:
    """(n_rows,) train rows and (n_rows,) test rows of each fold.

    Raises:
        TooFewStocks: If there are fewer distinct stocks, or currencies, than folds.
    """
    if labels.legs is not None:
        fold_of_leg = currency_folds(labels.legs, n_folds)[labels.legs]
        in_fold = [fold_of_leg == fold for fold in range(n_folds)]
        return [(~legs.any(axis=1), legs.all(axis=1)) for legs in in_fold]
    rows = np.arange(len(labels.stocks))
    tests = [np.isin(rows, split.test) for split in stock_disjoint(labels.stocks, n_folds)]
    return [(~test, test) for test in tests]


def currency_folds(legs: IntArray, n_folds: int) -> IntArray:
    """(n_currencies,) fold of each: most rows first, ties by name, each to the first fold with the fewest rows so far.

    Raises:
        TooFewStocks: If there are fewer currencies than folds.
    """
    n_rows = np.bincount(legs.ravel())
    if len(n_rows) < n_folds:
        raise TooFewStocks(
            f"{len(n_rows)} distinct currencies for {n_folds} currency-disjoint folds; add pairs or lower n_folds."
        )
    folds, fold_rows = np.empty(len(n_rows), dtype=np.int64), np.zeros(n_folds, dtype=np.int64)
    for currency in np.argsort(-n_rows, kind="stable"):
        folds[currency] = np.argmin(fold_rows)
        fold_rows[folds[currency]] += n_rows[currency]
    return folds


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
