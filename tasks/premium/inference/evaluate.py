"""Score columns on fixed splits, under as many weightings of the rows as are asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.cells import CellGrams
from tasks.premium.gram.devices import choose_device, threads_for
from tasks.premium.gram.solve import TestSums
from tasks.premium.rows import FloatArray, Split

FLAT = 1e-20
"""A test target whose mean square about its mean is below this, relative to its mean square, does not vary."""


@dataclass(frozen=True)
class Scheme:
    """One way to part the rows.

    Args:
        name: `on`, `off`, `date_disjoint` or `disjoint`.
        folds: A fold's R2 pools its splits: 1 - sum of SSE / SST of all its test rows about their common mean. The
            scheme's R2 is the mean over folds.
    """

    name: str
    folds: Sequence[Sequence[Split]]

    @property
    def splits(self) -> list[Split]:
        """Of all folds, in order."""
        return [split for fold in self.folds for split in fold]


def score(
    columns: FloatArray,
    target: FloatArray,
    schemes: Sequence[Scheme],
    weights: Iterable[FloatArray] | None = None,
    alpha: float = 1.0,
) -> FloatArray:
    """R2 of a ridge with free intercept, by weighting and scheme.

    Args:
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        schemes: How the rows are parted; the same for every weighting.
        weights: (n_draws, n_rows) how often each row counts, in train and in test; None for once each.
        alpha: Penalty on the squared weights of the columns.

    Returns:
        (n_draws, n_schemes); NaN where a fold has no train row, no test row or a test target that does not vary.
    """
    ready = CellGrams(columns, target, [split for scheme in schemes for split in scheme.splits], choose_device(), alpha)
    once = [np.ones(len(target))]
    with threads_for(columns.shape[1]):
        return np.array([_scheme_r2(schemes, ready.test_sums(own)) for own in (once if weights is None else weights)])


def predict(columns: FloatArray, target: FloatArray, scheme: Scheme, alpha: float = 1.0) -> FloatArray:
    """Out-of-sample predictions.

    Returns:
        (n_rows,) what the split that tests a row predicts for it; NaN where no split does.
    """
    predictions = np.full(len(target), np.nan)
    ready = CellGrams(columns, target, scheme.splits, choose_device(), alpha)
    with threads_for(columns.shape[1]):
        residuals = ready.residuals()
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
