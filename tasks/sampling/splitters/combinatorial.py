"""Folds that test every choice of some blocks of days."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from math import comb
from typing import Any

import numpy as np

from tasks.sampling.errors import BadSplitter, TooFewDates
from tasks.sampling.splitters.base import LabelSplitter, Masks
from tasks.sampling.splitters.labels import Labels, purged_around


@dataclass(unsafe_hash=True)
class CombinatorialPurged(LabelSplitter):
    """Tests each choice of `n_test_blocks` blocks of days with a fit on the others, purged around each chosen block.

    skfolio counts rows, so it chooses among distinct days here; the last block takes the remainder.

    Args:
        n_blocks: Contiguous blocks of distinct days.
        n_test_blocks: Blocks tested at a time.
        embargo_days: Calendar days on either side of a test block's span without train rows.

    Examples:
        >>> import pandas as pd
        >>> from hindsight import CombinatorialPurged
        >>> days = pd.date_range("2020-01-01", periods=6)
        >>> labels = pd.DataFrame({"code": "A", "date": days, "label_from": days, "label_until": days})
        >>> [(a.tolist(), b.tolist()) for a, b in CombinatorialPurged(3, 2).split(labels, groups=labels)]
        [([4, 5], [0, 1, 2, 3]), ([2, 3], [0, 1, 4, 5]), ([0, 1], [2, 3, 4, 5])]

    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
    """

    n_blocks: int
    n_test_blocks: int
    embargo_days: int = 0

    _LEAST = {"n_blocks": 3, "n_test_blocks": 2, "embargo_days": 0}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_test_blocks >= self.n_blocks:
            raise BadSplitter(
                f"n_test_blocks of CombinatorialPurged is {self.n_test_blocks}, it must be below "
                f"n_blocks={self.n_blocks}; lower it."
            )

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803 (its name)
        """One per choice."""
        return comb(self.n_blocks, self.n_test_blocks)

    def _masks(self, labels: Labels) -> Iterator[Masks]:
        days, day_of_row = np.unique(labels.dates, return_inverse=True)
        # skfolio needs two observations in a block.
        if len(days) < 2 * self.n_blocks:
            raise TooFewDates(
                f"{len(days)} distinct days for {self.n_blocks} blocks of at least two days; "
                "lower n_blocks or raise panel.dates_per_stock."
            )
        # The import takes a second, which the other splitters should not cost.
        from skfolio.model_selection import CombinatorialPurgedCV

        choices = CombinatorialPurgedCV(self.n_blocks, self.n_test_blocks).split(days.reshape(-1, 1))
        for _, chosen in choices:
            tests = [np.isin(day_of_row, block) for block in chosen]
            test = reduce(np.logical_or, tests)
            purged = [purged_around(labels, block, self.embargo_days) for block in tests]
            yield Masks(~test, test, reduce(np.logical_or, purged))
