"""A sample of rows that is spread evenly over the days."""

from collections import defaultdict

import numpy as np
from numpy.random import Generator

from tasks.sampling.arrays import IntArray


def spread(days: np.ndarray, n_rows: int, rng: Generator) -> IntArray:
    """Positions of rows drawn so that no day has two more than another that has rows left.

    Args:
        days: (n,) of each row.
        n_rows: To draw; all if there are fewer.
        rng: Decides which.
    """
    order = rng.permutation(len(days))
    n_of_day: dict[object, int] = defaultdict(int)
    turn = np.empty(len(days), dtype=np.int64)
    for place, day in enumerate(days[order]):
        turn[place] = n_of_day[day]
        n_of_day[day] += 1
    drawn: IntArray = order[np.argsort(turn, kind="stable")][:n_rows]
    return drawn
