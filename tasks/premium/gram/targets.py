"""R2 of drawn stocks from sums per stock, so that a draw's score looks at no row."""

from dataclasses import dataclass

import numpy as np

from tasks.sampling.arrays import BoolArray, FloatArray, IntArray

EXACT = 1e-12
"""Errors below this, relative to the largest target, are rounding."""


@dataclass(frozen=True)
class Targets:
    """What an R2 needs of each stock's targets.

    Args:
        n_rows: (n_stocks,) rows.
        mean: (n_stocks,) their mean; 0 where there is no row.
        about_mean: (n_stocks,) their sum of squares about it.
        largest: The largest absolute target of the panel.
    """

    n_rows: FloatArray
    mean: FloatArray
    about_mean: FloatArray
    largest: float

    @classmethod
    def of(cls, stocks: IntArray, target: FloatArray, chosen: IntArray, n_stocks: int) -> "Targets":
        """Of the chosen among (n_rows,) stocks and targets."""
        own, values = stocks[chosen], target[chosen]
        n_rows = np.bincount(own, minlength=n_stocks).astype(np.float64)
        mean = np.bincount(own, weights=values, minlength=n_stocks) / np.maximum(n_rows, 1)
        about_mean = np.bincount(own, weights=(values - mean[own]) ** 2, minlength=n_stocks)
        return cls(n_rows, mean, about_mean.astype(np.float64), float(np.abs(target).max()))

    def r2(self, sse: FloatArray, weights: FloatArray, is_flat: BoolArray) -> FloatArray:
        """(n_draws, n_sides) R2 of weighted stocks; where the target does not vary, 1 if it is predicted, else 0.

        Args:
            sse: (n_draws, n_stocks) squared errors.
            weights: (n_draws, n_sides, n_stocks) how often each stock counts on each side.
            is_flat: (n_draws, n_sides) whether the target does not vary.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weights @ (self.n_rows * self.mean)) / (weights @ self.n_rows)
            # Within stocks and between them: a sum of squares less the mean's square would cancel.
            between = self.n_rows * (self.mean - mean[..., None]) ** 2
            sst = (weights * (self.about_mean + between)).sum(axis=-1)
            sse = (weights @ sse[..., None])[..., 0]
            return np.where(is_flat, flat_r2(sse, self.largest), 1 - sse / sst)


def flat_r2(sse: FloatArray, largest: float) -> FloatArray:
    """R2 of a target that does not vary, by scikit-learn's convention: 1 if it is predicted to rounding, else 0.

    Args:
        sse: Squared errors.
        largest: The largest absolute target.
    """
    return np.where(sse <= (EXACT * largest) ** 2, 1.0, 0.0)
