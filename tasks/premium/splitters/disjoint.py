"""Folds that share no stock, no day, or neither."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.premium.errors import TooFewStocks
from tasks.premium.reference.splits import stock_disjoint
from tasks.premium.rows import BoolArray, IntArray
from tasks.premium.splitters.base import LabelSplitter, Masks, refuse_below
from tasks.premium.splitters.labels import Labels, number_blocks, span_of, touches


@dataclass(frozen=True)
class StockDisjoint(LabelSplitter):
    """The seed's folds: whole stocks, and days shared by train and test, so that a day's shock can be learned.

    Of pairs of currencies a fold tests those with both legs among its own currencies and trains on those with none;
    pairs across are left out, for either leg would carry the test's moves into train.

    Args:
        n_folds: Folds, filled largest first, each stock or currency into the fold with the fewest rows.
    """

    n_folds: int

    def __post_init__(self) -> None:
        refuse_below(self, n_folds=2)

    @property
    def n_splits(self) -> int:
        """One per fold."""
        return self.n_folds

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield folds in order; nothing is purged."""
        for train, test in fold_sides(labels, self.n_folds):
            yield Masks(train, test, purged=np.zeros(len(train), dtype=bool))


def fold_sides(labels: Labels, n_folds: int) -> list[tuple[BoolArray, BoolArray]]:
    """(n_rows,) train rows and (n_rows,) test rows of each fold.

    Raises:
        TooFewStocks: If there are fewer distinct stocks, or currencies, than folds.
    """
    if labels.legs is not None:
        fold_of_leg = currency_folds(labels.legs, n_folds)[labels.legs]
        own = [fold_of_leg == fold for fold in range(n_folds)]
        return [(~legs.any(axis=1), legs.all(axis=1)) for legs in own]
    rows = np.arange(len(labels.stocks))
    tests = [np.isin(rows, split.test) for split in stock_disjoint(labels.stocks, n_folds)]
    return [(~test, test) for test in tests]


def currency_folds(legs: IntArray, n_folds: int) -> IntArray:
    """Deal currencies to folds: most rows first, ties by name, each to the fold with the fewest rows so far.

    Args:
        legs: (n_rows, 2) currencies numbered in the order of their names.
        n_folds: Folds to deal to; of equally light ones the first is taken.

    Returns:
        (n_currencies,) fold of each currency.

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


@dataclass(frozen=True)
class DateDisjoint(LabelSplitter):
    """Blocks of days in turn, the rest purged around each. Stocks are shared, and later days may be fitted on.

    Args:
        n_blocks: Contiguous blocks of about equally many distinct days.
        embargo_days: Calendar days on either side of a block's span that no train row may lie in.
    """

    n_blocks: int
    embargo_days: int = 0

    def __post_init__(self) -> None:
        refuse_below(self, n_blocks=2, embargo_days=0)

    @property
    def n_splits(self) -> int:
        """One per block."""
        return self.n_blocks

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield blocks from the earliest on."""
        block_of_row = number_blocks(labels.dates, self.n_blocks)
        for block in range(self.n_blocks):
            test = block_of_row == block
            yield Masks(~test, test, touches(labels, span_of(labels, test), self.embargo_days))


@dataclass(frozen=True)
class StockAndDateDisjoint(LabelSplitter):
    """Each fold of stocks in each block of days, fitted on other stocks' other days.

    The splits of one fold of stocks, taken together, test the rows `StockDisjoint` tests in that fold. The span to
    purge around is that of all rows of the block, whichever stocks are tested.

    Args:
        n_folds: Folds of stocks, or of currencies, as in `StockDisjoint`.
        n_blocks: Blocks of days, as in `DateDisjoint`.
        embargo_days: Calendar days on either side of a block's span that no train row may lie in.
    """

    n_folds: int
    n_blocks: int
    embargo_days: int = 0

    def __post_init__(self) -> None:
        refuse_below(self, n_folds=2, n_blocks=2, embargo_days=0)

    @property
    def n_splits(self) -> int:
        """One per fold and block."""
        return self.n_folds * self.n_blocks

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield the first fold in all blocks, then the second."""
        block_of_row = number_blocks(labels.dates, self.n_blocks)
        blocks = [block_of_row == block for block in range(self.n_blocks)]
        purged = [touches(labels, span_of(labels, block), self.embargo_days) for block in blocks]
        for train, test in fold_sides(labels, self.n_folds):
            for block, touched in zip(blocks, purged, strict=True):
                yield Masks(train & ~block, test & block, touched)
