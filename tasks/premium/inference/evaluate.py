"""Ridge R2 on fixed splits, under any number of weightings of the rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.premium.gram.cells import CellGrams, Ridge
from tasks.premium.gram.devices import Device, choose_device, one_thread
from tasks.sampling.arrays import FloatArray, Split

FLAT = 1e-20
"""A test target does not vary if its mean square about its mean, relative to its mean square, is below this."""
UNDEFINED = "a fold has no train row, no test row, or a test target that does not vary"
"""Why a scheme has no R2."""


@dataclass(frozen=True)
class Scheme:
    """One way to split the rows.

    Args:
        name: `on`, `off`, `date_disjoint`, `disjoint`, `matched` or `walk_forward`.
        folds: Splits of each fold. A fold's R2 pools its splits: 1 - sum of SSE / SST of all its test rows about their
            common mean. The scheme's R2 is the mean over folds.
    """

    name: str
    folds: Sequence[Sequence[Split]]

    @property
    def splits(self) -> list[Split]:
        """Splits of all folds, in order."""
        return [split for fold in self.folds for split in fold]


@dataclass(frozen=True, eq=False)
class Scored:
    """R2 of every weighting.

    Args:
        r2: (n_draws, n_fits, n_schemes); NaN where a fold has no train row, no test row or a test target that does not
            vary. Fit 0 has unscaled columns, `alpha` and the first target; the others have standardized columns and
            `penalty`, one per target.
        n_refits: (n_draws,) how many fits were corrected on rows or solved from them, as a Gram matrix was not exact
            enough.
    """

    r2: FloatArray
    n_refits: FloatArray


def score(
    columns: FloatArray,
    targets: FloatArray,
    schemes: Sequence[Scheme],
    weights: Iterable[FloatArray] | None = None,
    alpha: float = 1.0,
    penalty: float | None = None,
    device: Device | None = None,
) -> Scored:
    """R2 of ridges with a free intercept, by weighting, fit and scheme.

    Args:
        columns: (n_rows, n_columns), unscaled.
        targets: (n_rows,) returns, or (n_rows, n_targets) with the returns first.
        schemes: Splits of the rows, the same for every weighting.
        weights: (n_draws, n_rows) weight of each row, in train and in test; None for one draw of ones.
        alpha: Penalty of fit 0 on the squared weights of the columns.
        penalty: Penalty of the other fits, for columns standardized by mean and deviation of a split's weighted train
            rows; a column that does not vary there has no effect. None for fit 0 alone.
        device: Where the arithmetic runs; a GPU if there is one.
    """
    targets = targets.reshape(len(targets), -1)
    folds = [fold for scheme in schemes for fold in scheme.folds]
    grams = CellGrams(columns, targets, [split for fold in folds for split in fold], device or choose_device())
    ridges = [Ridge(alpha)]
    if penalty is not None:
        ridges.append(Ridge(penalty, is_standardized=True))
    starts = _starts([len(fold) for fold in folds]), _starts([len(scheme.folds) for scheme in schemes])
    with one_thread():
        draws = [np.ones(len(targets))] if weights is None else weights
        scored = [_score(grams, draw, ridges, *starts) for draw in draws]
    r2, n_refits = zip(*scored, strict=True)
    return Scored(np.array(r2), np.array(n_refits))


def predict(
    columns: FloatArray,
    target: FloatArray,
    scheme: Scheme,
    alpha: float = 1.0,
    penalty: float | None = None,
) -> FloatArray:
    """(n_rows,) out-of-sample prediction of the split that tests a row; NaN where no split does.

    With `penalty`, of the standardized fit.
    """
    predictions = np.full(len(target), np.nan)
    grams = CellGrams(columns, target[:, None], scheme.splits, choose_device())
    ridge = Ridge(alpha) if penalty is None else Ridge(penalty, is_standardized=True)
    with one_thread():
        weighted = grams.weigh(np.ones(len(target)))
        residuals = grams.residuals(weighted, grams.fit(weighted, [ridge])[0][:, 0])[:, 0]
    for is_test, own in zip(grams.is_test[:, weighted.rows], residuals, strict=True):
        tested = weighted.rows[is_test]
        predictions[tested] = target[tested] + own[is_test]
    return predictions


def _score(
    grams: CellGrams, weights: FloatArray, ridges: Sequence[Ridge], fold_starts: list[int], scheme_starts: list[int]
) -> tuple[FloatArray, int]:
    """(n_fits, n_schemes) R2 under one weighting, and the number of fits corrected on rows or solved from them."""
    weighted = grams.weigh(weights)
    functionals, n_refits = grams.fit(weighted, ridges)
    # The unscaled ridge counts for the first target alone.
    fits = np.concatenate([functionals[:, 0, :1], *functionals[:, 1:].transpose(1, 0, 2, 3)], axis=1)
    target_of_fit = [0, *range(grams.tiles.n_targets)][: fits.shape[1]]
    test = grams.is_test[:, weighted.rows] * weighted.weights
    errors = grams.residuals(weighted, fits)
    sse = (np.square(errors, out=errors) @ test[:, :, None])[:, :, 0]
    sse[~test.any(axis=1)] = 0
    targets = grams.device.get(weighted.design[:, grams.tiles.targets])
    sst = _sst(np.add.reduceat(test, fold_starts, axis=0), targets)[:, target_of_fit]
    folds = 1 - np.add.reduceat(sse, fold_starts, axis=0) / sst
    n_folds = np.diff([*scheme_starts, len(folds)])
    return (np.add.reduceat(folds, scheme_starts, axis=0) / n_folds[:, None]).T, n_refits


def _sst(test: FloatArray, targets: FloatArray) -> FloatArray:
    """(n_folds, n_targets) weighted squares about the fold's mean; NaN where there is no row or they do not vary."""
    with np.errstate(invalid="ignore"):
        means = test @ targets / test.sum(axis=1, keepdims=True)
    deviations = targets.T - means[:, :, None]
    sst = (np.square(deviations, out=deviations) @ test[:, :, None])[:, :, 0]
    return np.where(sst > FLAT * (test @ targets**2), sst, np.nan)


def _starts(lengths: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(lengths)[:-1].tolist()]
