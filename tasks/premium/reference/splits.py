"""The reference's chronological split; its folds of whole stocks are `stock_disjoint` of the splitters."""

import numpy as np

from tasks.sampling.arrays import BoolArray, Split
from tasks.sampling.errors import EmptySplit

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
