"""Ridge R2 on fixed splits, under any number of weightings of the rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.cells import CellGrams
from tasks.premium.gram.devices import choose_device, threads_for
from tasks.premium.gram.solve import TestSums
from tasks.premium.rows import FloatArray, Split

FLAT = 1e-20
"""A test target does not vary if its mean square about its mean, relative to its mean square, is below this."""
UNDEFINED = "a fold has no train row, no test row, or a test target that does not vary"
"""Why a scheme has no R2."""


@dataclass(frozen=True)
class Scheme:
    """One way to split the rows.

    Args:
        name: `on`, `off`, `date_disjoint` or `disjoint`.
        folds: Splits of each fold. A fold's R2 pools its splits: 1 - sum of SSE / SST of all its test rows about their
            common mean. The scheme's R2 is the mean over folds.
    """

    name: str
    folds: Sequence[Sequence[Split]]

    @property
    def splits(self) -> list[Split]:
        """Splits of all folds, in order."""
        return [split for fold in self.folds for split in fold]


def score(
    columns: FloatArray,
    target: FloatArray,
    schemes: Sequence[Scheme],
    weights: Iterable[FloatArray] | None = None,
    alpha: float = 1.0,
) -> FloatArray:
    """R2 of a ridge with a free intercept, by weighting and scheme.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        schemes: Splits of the rows, the same for every weighting.
        weights: (n_draws, n_rows) weight of each row, in train and in test; None for one draw of ones.
        alpha: Penalty on the squared weights of the columns.

    Returns:
        (n_draws, n_schemes); NaN where a fold has no train row, no test row or a test target that does not vary.
    """
    grams = CellGrams(columns, target, [split for scheme in schemes for split in scheme.splits], choose_device(), alpha)
    draws = [np.ones(len(target))] if weights is None else weights
    with threads_for(columns.shape[1]):
        return np.array([_scheme_r2(schemes, grams.test_sums(draw)) for draw in draws])


def predict(columns: FloatArray, target: FloatArray, scheme: Scheme, alpha: float = 1.0) -> FloatArray:
    """(n_rows,) out-of-sample prediction of the split that tests a row; NaN where no split does."""
    predictions = np.full(len(target), np.nan)
    grams = CellGrams(columns, target, scheme.splits, choose_device(), alpha)
    with threads_for(columns.shape[1]):
        residuals = grams.residuals()
    for split, own in zip(scheme.splits, residuals, strict=True):
        predictions[split.test] = (target + own)[split.test]
    return predictions


def _scheme_r2(schemes: Sequence[Scheme], sums: TestSums) -> list[float]:
    scores, start = [], 0
    for scheme in schemes:
        folds = []
        for fold in scheme.folds:
            folds.append(_fold_r2(sums, slice(start, start + len(fold))))
            start += len(fold)
        scores.append(float(np.mean(folds)))
    return scores


def _fold_r2(sums: TestSums, splits: slice) -> float:
    """R2 of several splits' test rows together."""
    n_rows, target, squared = (values[splits].sum() for values in (sums.n_rows, sums.target, sums.target_squared))
    if not n_rows or (sst := squared - target**2 / n_rows) <= FLAT * squared:
        return float("nan")
    return float(1 - sums.sse[splits].sum() / sst)
