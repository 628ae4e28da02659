"""The reference's scores of a panel, fitted row by row with scikit-learn."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from tasks.premium.config import PremiumConfig
from tasks.premium.errors import UndefinedR2
from tasks.premium.gram.targets import flat_r2
from tasks.premium.reference.splits import chronological
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray, Split
from tasks.sampling.splitters.disjoint import stock_disjoint


@dataclass(frozen=True)
class Scores:
    """One model's R2 on both kinds of split."""

    off: float
    """Fitted up to the cut, scored after it."""
    on_folds: list[float]
    """R2 of each stock-disjoint fold."""

    @property
    def on(self) -> float:
        """Mean over the stock-disjoint folds."""
        return float(np.mean(self.on_folds))

    @property
    def premium(self) -> float:
        """What sharing days with the test rows is worth: on - off."""
        return self.on - self.off


def score_model(rows: Rows, columns: FloatArray, config: PremiumConfig) -> Scores:
    """Score one model's (n_rows, n_columns) unscaled columns.

    Raises:
        Unscorable: If there are fewer stocks than folds, a side of the cut has too few rows, or an R2 is undefined.
    """
    folds = stock_disjoint(rows.stocks, config.n_folds)
    cut = chronological(rows.is_train(config.train_until))
    off, *on_folds = (out_of_sample_r2(columns, rows.target, split, config.alpha) for split in (cut, *folds))
    return Scores(off, on_folds)


def out_of_sample_r2(columns: FloatArray, target: FloatArray, split: Split, alpha: float) -> float:
    """R2 on the test rows of a ridge with a free intercept fitted on the train rows.

    Returns:
        1 - SSE / SST about the test side's own mean; negative where that mean predicts better. By scikit-learn's
        convention 0 where the target does not vary, or 1 if it is predicted exactly.

    Raises:
        UndefinedR2: If the test side is one row.
    """
    truth = target[split.test]
    if len(truth) < 2:
        raise UndefinedR2(
            f"R2 is undefined on a test side of {len(truth)} row(s); "
            "raise panel.dates_per_stock or lower premium.n_folds."
        )
    predicted = Ridge(alpha=alpha).fit(columns[split.train], target[split.train]).predict(columns[split.test])
    if np.ptp(truth) == 0:
        # The mean of equal numbers may miss them by rounding, by which r2_score would then divide.
        return float(flat_r2(((truth - predicted) ** 2).sum(), np.abs(target - target.mean()).max()))
    return float(r2_score(truth, predicted))
