"""Every choice of some blocks of days."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from tasks.premium.errors import BadSplitter, TooFewDates
from tasks.premium.splitters.base import LabelSplitter, Masks, refuse_below
from tasks.premium.splitters.labels import Labels, span_of, touches

if TYPE_CHECKING:
    from skfolio.model_selection import CombinatorialPurgedCV


@dataclass(frozen=True)
class CombinatorialPurged(LabelSplitter):
    """Each choice of `n_test_blocks` blocks of days is scored by a fit on the others, purged around each chosen block.

    skfolio chooses among distinct days, for it counts rows; the last block takes the remainder.

    Args:
        n_blocks: Contiguous blocks of distinct days.
        n_test_blocks: Blocks scored at a time.
        embargo_days: Calendar days on either side of a test block's span that no train row may lie in.
    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """

    n_blocks: int
    n_test_blocks: int
    embargo_days: int = 0

    def __post_init__(self) -> None:
        refuse_below(self, n_blocks=3, n_test_blocks=2, embargo_days=0)
        if self.n_test_blocks >= self.n_blocks:
            raise BadSplitter(
                f"n_test_blocks of CombinatorialPurged is {self.n_test_blocks}, it must be below "
                f"n_blocks={self.n_blocks}; lower it."
            )

    @property
    def n_splits(self) -> int:
        """One per choice."""
        return int(self._over_days().n_splits)

    def masks(self, labels: Labels) -> Iterator[Masks]:
        """Yield choices in lexicographic order."""
        days, day_of_row = np.unique(labels.dates, return_inverse=True)
        # skfolio wants two observations in a block.
        if len(days) < 2 * self.n_blocks:
            raise TooFewDates(
                f"{len(days)} distinct days for {self.n_blocks} blocks of at least two days; "
                "lower n_blocks or raise panel.dates_per_stock."
            )
        for _, chosen in self._over_days().split(days.reshape(-1, 1)):
            tests = [np.isin(day_of_row, block) for block in chosen]
            test = reduce(np.logical_or, tests)
            spans = [touches(labels, span_of(labels, block), self.embargo_days) for block in tests]
            yield Masks(~test, test, reduce(np.logical_or, spans))

    def _over_days(self) -> "CombinatorialPurgedCV":
        # Loading it takes a second that no other splitter should cost.
        from skfolio.model_selection import CombinatorialPurgedCV

        return CombinatorialPurgedCV(self.n_blocks, self.n_test_blocks)
