"""Folds that share neither stock nor day."""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.premium.splitters.base import LabelSplitter, Masks, refuse_below
from tasks.premium.splitters.labels import Labels, number_blocks
from tasks.premium.splitters.purge import span_of, touches
from tasks.premium.splitters.stocks import fold_sides


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
