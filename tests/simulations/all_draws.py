"""R2 of small panels on all draws at once: what `score` finds one draw at a time, fast enough for thousands of panels.

A cell is a set of rows that no split tells apart. Products of columns are summed by cell and draw, and a split's by
adding its cells'. tests/premium/inference/test_coverage.py compares with `score` and `choose_penalty`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.inner_cv import inner_splits
from tasks.premium.inference.replicates import OFF
from tasks.sampling.arrays import FloatArray, IntArray, Split

TARGET_OF_FIT = (0, 0, 1, 2)
"""Unscaled and standardized predict the first target."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows by cell, and which cells are on which side of which split."""

    rows: Sequence[IntArray]
    sides: FloatArray
    """(n_splits, 2, n_cells) 1 where the cell is in train or in test."""

    def products(self, table: FloatArray, weights: FloatArray) -> FloatArray:
        """(2, n_splits, n_draws, n_columns, n_columns) weighted sums of products of columns, of train and of test."""
        first, second = np.triu_indices(table.shape[1])
        pairs = table[:, first] * table[:, second]
        of_cells = np.stack([weights[:, own] @ pairs[own] for own in self.rows])
        flat = np.tensordot(self.sides, of_cells, axes=1)
        sums = np.empty((*flat.shape[:3], table.shape[1], table.shape[1]))
        sums[..., first, second] = sums[..., second, first] = flat
        return sums.swapaxes(0, 1)


def cells_of(splits: Sequence[Split], n_rows: int) -> Cells:
    """Group the rows by the splits that they are in."""
    is_in = np.zeros((2 * len(splits), n_rows), dtype=bool)
    for number, split in enumerate(splits):
        is_in[2 * number, split.train] = is_in[2 * number + 1, split.test] = True
    signatures, cell = np.unique(is_in, axis=1, return_inverse=True)
    rows = [np.flatnonzero(cell.ravel() == number) for number in range(signatures.shape[1])]
    return Cells(rows, signatures.reshape(len(splits), 2, -1).astype(np.float64))


@dataclass(frozen=True, eq=False)
class Design:
    """The splits of a panel, as cells.

    Args:
        schemes: Ways of splitting it.
        outer: Cells of all schemes' splits.
        inner: Cells of the splits that choose a penalty.
    """

    schemes: Sequence[Scheme]
    outer: Cells
    inner: Cells

    @classmethod
    def of(cls, labels: pd.DataFrame, schemes: Sequence[Scheme]) -> "Design":
        """Split the rows, and the rows up to the cut once more for the choice of a penalty."""
        splits = [split for scheme in schemes for split in scheme.splits]
        inner = inner_splits(labels, schemes[OFF].splits[0].train)
        return cls(schemes, cells_of(splits, len(labels)), cells_of(inner, len(labels)))

    def penalty(self, columns: FloatArray, target: FloatArray, alphas: Sequence[float]) -> float:
        """As `choose_penalty`."""
        descending = np.array(sorted(alphas, reverse=True))
        train, test = self.inner.products(_table(columns, target), np.ones((1, len(target))))[:, :, 0]
        gram, right, mean, scale = _standardized(train, columns.shape[1])
        values, vectors = np.linalg.eigh(gram)
        rotated = np.swapaxes(vectors, 1, 2) @ right
        slopes = vectors @ (rotated / (np.maximum(values, 0)[..., None] + descending)) * scale[..., None]
        sse = _sse(test, slopes, mean, np.zeros(len(descending), dtype=np.int64)).sum(axis=0)
        return float(descending[sse.argmin()])

    def score(
        self, columns: FloatArray, targets: FloatArray, weights: FloatArray, alpha: float, penalty: float
    ) -> FloatArray:
        """(n_draws, n_fits, n_schemes) as `score`; NaN where a fold has no train or no test row."""
        train, test = self.outer.products(_table(columns, targets), weights)
        n_columns = columns.shape[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            gram, right, mean, scale = _standardized(train, n_columns)
            # The unscaled columns' penalty, in units of the standardized columns.
            unscaled = _solve(gram, right[..., :1], alpha * scale[..., None] ** 2 * np.eye(n_columns))
            scaled = _solve(gram, right, penalty * np.eye(n_columns))
            slopes = np.concatenate([unscaled, scaled], axis=-1) * scale[..., None]
            return self._r2(test, _sse(test, slopes, mean, np.array(TARGET_OF_FIT)), n_columns)

    def _r2(self, test: FloatArray, sse: FloatArray, n_columns: int) -> FloatArray:
        places = 1 + n_columns + np.array(TARGET_OF_FIT)
        parts = np.stack(
            [np.broadcast_to(test[..., :1, 0], sse.shape), test[..., 0, places], test[..., places, places]]
        )
        found, first = [], 0
        for scheme in self.schemes:
            folds = []
            for fold in scheme.folds:
                own = slice(first, first := first + len(fold))
                n_rows, total, squares = parts[:, own].sum(axis=1)
                folds.append(1 - sse[own].sum(axis=0) / (squares - total**2 / n_rows))
            found.append(np.mean(folds, axis=0))
        return np.stack(found, axis=-1)


def _table(columns: FloatArray, targets: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(columns)), columns - columns.mean(axis=0), targets])


def _standardized(sums: FloatArray, n_columns: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Products of the standardized columns, those with the targets, the means, and one over the columns' deviations."""
    n_rows, mean = sums[..., :1, 0], sums[..., 0, 1:] / sums[..., :1, 0]
    centred = sums[..., 1:, 1:] - n_rows[..., None] * mean[..., :, None] * mean[..., None, :]
    squares = np.diagonal(centred, axis1=-2, axis2=-1)[..., :n_columns]
    scale = np.sqrt(n_rows / squares)
    gram = centred[..., :n_columns, :n_columns] * scale[..., :, None] * scale[..., None, :]
    return gram, centred[..., :n_columns, n_columns:] * scale[..., None], mean, scale


def _solve(gram: FloatArray, right: FloatArray, penalty: FloatArray) -> FloatArray:
    """NaN where the system has none, for lack of train rows."""
    defined = np.isfinite(gram).all(axis=(-2, -1), keepdims=True)
    solved = np.linalg.solve(np.where(defined, gram + penalty, np.eye(gram.shape[-1])), np.where(defined, right, 0))
    return np.where(defined, solved, np.nan)


def _sse(test: FloatArray, slopes: FloatArray, mean: FloatArray, target_of_fit: IntArray) -> FloatArray:
    """(..., n_fits) sums of squared errors of the test rows, from their sums of products."""
    n_columns = slopes.shape[-2]
    intercepts = mean[..., n_columns + target_of_fit] - np.einsum("...p,...pf->...f", mean[..., :n_columns], slopes)
    one_hot = np.eye(test.shape[-1] - 1 - n_columns)[:, target_of_fit]
    residual = np.concatenate(
        [-intercepts[..., None, :], -slopes, np.broadcast_to(one_hot, (*slopes.shape[:-2], *one_hot.shape))], axis=-2
    )
    return np.einsum("...qf,...qf->...f", test @ residual, residual)
