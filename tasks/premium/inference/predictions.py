"""Out-of-sample predictions of a model, from which rank IC, decay and the portfolio are made, and their table."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tasks.premium.inference.evaluate import Scheme, predict
from tasks.premium.inference.rank_ic import rank_ic
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.schemas.estimates import FitName, RankIc

PREDICTED = ("off", "disjoint", "walk_forward")
"""Schemes whose predictions are kept; each tests a row at most once."""
Predictions = Mapping[FitName, Mapping[str, FloatArray]]
"""By fit that predicts the target itself and by scheme, (n_rows,) predictions; NaN where the scheme tests no row."""


def predict_out_of_sample(
    columns: FloatArray, target: FloatArray, schemes: Sequence[Scheme], alpha: float, penalty: float
) -> Predictions:
    """Predict the rows that PREDICTED test, from columns as they are and standardized."""
    chosen = [scheme for scheme in schemes if scheme.name in PREDICTED]
    return {
        "unscaled": {scheme.name: predict(columns, target, scheme, alpha) for scheme in chosen},
        "standardized": {scheme.name: predict(columns, target, scheme, alpha, penalty) for scheme in chosen},
    }


def rank_ics(rows: Rows, predictions: Predictions) -> dict[FitName, RankIc]:
    """Rank IC of the predictions on the disjoint split, by fit."""
    return {fit: rank_ic(own["disjoint"], rows.target, rows.labels["date"]) for fit, own in predictions.items()}


def prediction_table(rows: Rows, predictions: Mapping[str, Predictions], schemes: Sequence[Scheme]) -> pa.Table:
    """All models' predictions as RowPredictions describes them.

    Args:
        rows: The panel.
        predictions: By model.
        schemes: Splits of the rows, `disjoint` among them.
    """
    fold = np.full(len(rows.target), -1)
    for number, splits in enumerate(next(own for own in schemes if own.name == "disjoint").folds):
        fold[np.concatenate([split.test for split in splits])] = number
    return pa.concat_tables(
        pa.table(
            {
                "row": rows.numbers,
                "model": [model] * len(fold),
                "fit": [fit] * len(fold),
                "fold": fold,
                "target": rows.target,
                "disjoint": own["disjoint"],
                "off": own["off"],
            }
        )
        for model, by_fit in predictions.items()
        for fit, own in by_fit.items()
    )
