"""Arrays of a panel's rows, and splits of them by row position."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Row positions to fit on and to score; rows in none of the arrays are left out by design.

    Args:
        train: Rows to fit on.
        test: Rows to score.
        purged: Rows that would be train rows if their label or the embargo did not touch the test span.
    """

    train: IntArray
    test: IntArray
    purged: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
