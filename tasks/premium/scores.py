"""The seed contract's scores of a panel, row by row as scikit-learn fits them."""

from dataclasses import dataclass

import numpy as np

from tasks.premium.config import PremiumConfig
from tasks.premium.ridge import FloatArray, out_of_sample_r2
from tasks.premium.rows import Rows
from tasks.premium.splits import chronological, stock_disjoint


@dataclass(frozen=True)
class Scores:
    """One model's R2 on both kinds of split.

    Args:
        off: Fitted up to the cut, scored after it.
        on_folds: Stock-disjoint, a fold each.
    """

    off: float
    on_folds: list[float]

    @property
    def on(self) -> float:
        """Mean over the stock-disjoint folds."""
        return float(np.mean(self.on_folds))

    @property
    def premium(self) -> float:
        """What knowing the days of the test rows is worth: on - off."""
        return self.on - self.off


def score_model(rows: Rows, columns: FloatArray, config: PremiumConfig) -> Scores:
    """Score one model's columns.

    Args:
        rows: The panel.
        columns: (n_rows, n_columns), unscaled.
        config: Cut, folds and penalty.

    Raises:
        Unscorable: If there are fewer stocks than folds, a side of the cut has too few rows, or an R2 is undefined.
    """
    folds = stock_disjoint(rows.stocks, config.n_folds)
    cut = chronological(rows.is_train(config.train_until))
    off, *on_folds = (out_of_sample_r2(columns, rows.target, split, config.alpha) for split in (cut, *folds))
    return Scores(off, on_folds)
