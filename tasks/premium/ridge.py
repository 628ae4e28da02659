"""Fit on one side, score the other."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from tasks.premium.errors import UndefinedR2
from tasks.premium.splits import Split

FloatArray = NDArray[np.float64]


def out_of_sample_r2(columns: FloatArray, target: FloatArray, split: Split, alpha: float) -> float:
    """R2 of a ridge with free intercept on rows it was not fitted on.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        split: Which rows to fit on and which to score.
        alpha: Penalty on the squared weights.

    Returns:
        1 - SSE / SST about the test side's own mean; below zero where that mean would have done better.

    Raises:
        UndefinedR2: If the test side is one row or its target does not vary.
    """
    truth = target[split.test]
    if len(truth) < 2 or np.ptp(truth) == 0:
        raise UndefinedR2(
            f"R2 is undefined on a test side of {len(truth)} row(s) with one and the same target; "
            "raise panel.dates_per_stock or lower premium.n_folds."
        )
    fit = Ridge(alpha=alpha).fit(columns[split.train], target[split.train])
    return float(r2_score(truth, fit.predict(columns[split.test])))
