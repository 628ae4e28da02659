"""Figures of rows or documents with each observation's influence, from which any of their intervals follow.

A figure moves by an observation's influence when the observation's weight grows by one, to first order. Influences of a
difference are differences of influences, so whatever is made of paired figures is paired.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from tasks.sampling.arrays import BoolArray, FloatArray

EVERYTHING = (-np.inf, np.inf)
SHARE = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Statistic:
    """A figure.

    Args:
        point: NaN where its observations define none.
        influence: (n,) by observation; zero for those that are not part of it. They add up to zero.
        used: Observations of each of the figures it is made of, (n,) each.
        bounds: It cannot lie outside of them.
        why_none: Why the point is NaN.
    """

    point: float
    influence: FloatArray
    used: tuple[BoolArray, ...]
    bounds: tuple[float, float] = EVERYTHING
    why_none: str = ""

    def __sub__(self, other: "Statistic") -> "Statistic":
        """This figure less another of the same observations."""
        return Statistic(
            self.point - other.point,
            self.influence - other.influence,
            self.used + other.used,
            why_none=self.why_none or other.why_none,
        )


def undefined(used: BoolArray, why: str) -> Statistic:
    """A figure that these observations do not define."""
    return Statistic(np.nan, np.zeros(len(used)), (used,), why_none=why)


def ratio(numerator: FloatArray, denominator: FloatArray, used: BoolArray, why: str = "there are none") -> Statistic:
    """Sum over sum.

    Args:
        numerator: (n,).
        denominator: (n,), positive.
        used: (n,) observations that count.
        why: The reason where none does.

    Source: Cochran (1977), Sampling Techniques, section 6.3, for the ratio estimator's standard error.
    """
    total = float(denominator[used].sum())
    if not total > 0:
        return undefined(used, why)
    point = float(numerator[used].sum()) / total
    return Statistic(point, np.where(used, numerator - point * denominator, 0.0) / total, (used,))


def mean(
    values: FloatArray, used: BoolArray, bounds: tuple[float, float] = EVERYTHING, why: str = "there are none"
) -> Statistic:
    """Mean of the used values."""
    found = ratio(np.where(used, values, 0.0), np.ones(len(values)), used, why)
    return Statistic(found.point, found.influence, found.used, bounds, found.why_none)


def auc(scores: FloatArray, is_one: BoolArray, used: BoolArray) -> Statistic:
    """Probability that an observation of class one has the larger score than one of class zero; a tie is half of one.

    Args:
        scores: (n,).
        is_one: (n,).
        used: (n,) observations that count.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), for each observation's part in it.
    """
    one, zero = np.flatnonzero(used & is_one), np.flatnonzero(used & ~is_one)
    if not min(len(one), len(zero)):
        return undefined(used, "all of its rows went the same way")
    among_all = np.split(rankdata(scores[np.concatenate([one, zero])]), [len(one)])
    # Shares of the other class with a smaller score.
    parts = [
        (ranks - rankdata(scores[own])) / n_other
        for ranks, own, n_other in zip(among_all, (one, zero), (len(zero), len(one)), strict=True)
    ]
    influence = np.zeros(len(scores))
    point = float(parts[0].mean())
    influence[one] = (parts[0] - point) / len(one)
    influence[zero] = (1 - parts[1] - point) / len(zero)
    return Statistic(point, influence, (used,), SHARE)


def slope(x: FloatArray, numerator: FloatArray, denominator: FloatArray, used: BoolArray) -> Statistic:
    """Change of numerator / denominator per standard deviation of x, by least squares weighted with the denominator.

    With an x of two values it is the difference of the two groups' ratios, times that standard deviation over their
    distance: an observation with a small denominator has no large ratio that decides.

    Args:
        x: (n,).
        numerator: (n,).
        denominator: (n,), not negative.
        used: (n,) observations that count.
    """
    own = x[used]
    if not len(own) or not np.ptp(own) > 0:
        return undefined(used, "it is the same on all rows")
    weights = np.where(used, denominator, 0.0)
    if not weights.sum() > 0:
        return undefined(used, "its rows do not vary")
    centred = np.where(used, (x - np.average(x, weights=weights)) / own.std(), 0.0)
    spread = float((weights * centred**2).sum())
    if not spread > 0:
        return undefined(used, "it is the same on all rows that vary")
    point = float((centred * np.where(used, numerator, 0.0)).sum()) / spread
    level = float(numerator[used].sum()) / float(weights.sum())
    left = np.where(used, numerator, 0.0) - weights * (level + point * centred)
    return Statistic(point, centred * left / spread, (used,))
