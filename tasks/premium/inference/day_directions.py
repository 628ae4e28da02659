"""Directions of the states that tell days apart, found where two halves of the stocks agree on a day's mean.

A day's mean over one half of the stocks is the day's own part and noise; the noise of the two halves is independent.
So the covariance of one half's means with the other's is that of the day's own part alone, and where there is none its
eigenvalues lie about zero on both sides alike. A direction is kept if its eigenvalue is well above the size of the most
negative one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from tasks.sampling.arrays import FloatArray

BEYOND = 2.0
"""Times the most negative eigenvalue that a direction's eigenvalue exceeds."""
RIDGE = 1e-3
"""Added to the standardized columns' covariance within days: a column that tells days apart exactly has none."""


@dataclass(frozen=True, eq=False)
class DayDirections:
    """An oblique projection that takes the day's part out of standardized states.

    Args:
        mean: (width,) of the rows it was found on.
        deviation: (width,) of the same; 1 where a column does not vary.
        patterns: (width, n_directions) how the day's part shows in the columns.
        readers: (width, n_directions) which combinations of columns read it.
    """

    mean: FloatArray
    deviation: FloatArray
    patterns: FloatArray
    readers: FloatArray

    @property
    def n_directions(self) -> int:
        """How many are removed."""
        return int(self.readers.shape[1])

    def remove(self, states: FloatArray) -> FloatArray:
        """(n_rows, width) states, in their own units, without what the readers read of any row."""
        standard = (states - self.mean) / self.deviation
        removed: FloatArray = states - (standard @ self.readers) @ self.patterns.T * self.deviation
        return removed


def find_day_directions(states: FloatArray, days: pd.Series, stocks: pd.Series, seed: int) -> DayDirections:
    """Find the directions in which two halves of the stocks agree on what day it is.

    Args:
        states: (n_rows, width).
        days: Of the rows.
        stocks: Of the rows.
        seed: Of the division into halves.

    Returns:
        The projection; of no direction where no day has rows of both halves.

    Source: Belrose et al. (2023), LEACE: Perfect linear concept erasure in closed form, for the oblique projection in
        whitened coordinates; whitening here is by the covariance within days.
    """
    mean, deviation = states.mean(axis=0), states.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    standard = (states - mean) / deviation
    day, n_days = _numbered(days)
    stock, n_stocks = _numbered(stocks)
    in_first = np.random.default_rng([seed, 6]).permutation(n_stocks)[stock] < n_stocks // 2
    halves, counts = zip(*(_day_sums(standard[own], day[own], n_days) for own in (in_first, ~in_first)), strict=True)
    is_shared = (counts[0] > 0) & (counts[1] > 0)
    none = np.empty((states.shape[1], 0))
    if is_shared.sum() < 3:
        return DayDirections(mean, deviation, none, none)
    one, other = (_centred(own[is_shared] / n[is_shared, None]) for own, n in zip(halves, counts, strict=True))
    between = one.T @ other / is_shared.sum()
    day_means = (halves[0] + halves[1]) / (counts[0] + counts[1])[:, None]
    within = standard - day_means[day]
    covariance = within.T @ within / max(1, len(states) - n_days)
    covariance[np.diag_indices_from(covariance)] += RIDGE
    values, vectors = eigh((between + between.T) / 2, covariance)
    readers = vectors[:, values > BEYOND * max(0.0, -float(values[0]))]
    return DayDirections(mean, deviation, covariance @ readers, readers)


def _numbered(names: pd.Series) -> tuple[np.ndarray, int]:
    codes, distinct = pd.factorize(names, sort=True)
    return codes, len(distinct)


def _day_sums(standard: FloatArray, day: np.ndarray, n_days: int) -> tuple[FloatArray, FloatArray]:
    """(n_days, width) sums and (n_days,) counts of the rows of each day."""
    order = np.argsort(day, kind="stable")
    present, starts = np.unique(day[order], return_index=True)
    sums = np.zeros((n_days, standard.shape[1]))
    if len(present):
        sums[present] = np.add.reduceat(standard[order], starts, axis=0)
    return sums, np.bincount(day, minlength=n_days).astype(np.float64)


def _centred(means: FloatArray) -> FloatArray:
    centred: FloatArray = means - means.mean(axis=0)
    return centred
