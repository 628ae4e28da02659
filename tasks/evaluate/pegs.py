"""Pairs whose price hardly moves. What is certain about them is the peg, and no forecast."""

import numpy as np
import pandas as pd

from tasks.evaluate.rows import DirectionRows
from tasks.sampling.arrays import IntArray
from tasks.schemas.direction import Peg


def find_pegs(rows: DirectionRows, train: IntArray, fraction: float) -> list[Peg]:
    """Flag pairs by their volatility among train rows, so that the hold-out does not decide what is left out of it.

    Args:
        rows: The panel.
        train: Rows before the hold-out.
        fraction: A pair below this fraction of the median pair's volatility is flagged.

    Returns:
        The flagged pairs, the calmest first.
    """
    outcomes = pd.Series(rows.outcome[train]).groupby(rows.labels["code"].to_numpy()[train])
    volatility = outcomes.std().sort_values()
    median = float(np.median(volatility))
    return [
        Peg(pair=str(pair), volatility=float(own), of_median=float(own / median))
        for pair, own in volatility.items()
        if own < fraction * median
    ]
