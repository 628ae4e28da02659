"""Intervals that treat a cluster's observations as one: of a family of questions, or of a document."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tasks.sampling.arrays import FloatArray
from tasks.schemas.estimates import PERCENTILES

MIN_CLUSTERS = 3
"""With two, the spread over clusters says nothing."""


def cluster_half_width(residuals: FloatArray, clusters: Sequence[str] | NDArray, scale: float) -> float | None:
    """Half-width of the 95 % interval of a mean or ratio.

    Args:
        residuals: (n,) of a mean, value - mean; of a ratio, numerator - ratio * denominator.
        clusters: (n,) what each belongs to.
        scale: Number of observations; of a ratio, sum of the denominators.

    Returns:
        Student's quantile for G - 1 degrees of freedom, G clusters, times the standard error with the factor
        G / (G - 1); None with fewer than three clusters.

    Examples:
        >>> import numpy as np
        >>> values = np.array([1.0, 2.0, 6.0])
        >>> round(cluster_half_width(values - values.mean(), ["a", "b", "c"], 3), 3)
        6.572

    Source: Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, J. Hum. Resour. 50(2).
    """
    names, of_row = np.unique(np.asarray(clusters), return_inverse=True)
    n_clusters = len(names)
    if n_clusters < MIN_CLUSTERS:
        return None
    sums = np.bincount(of_row, weights=residuals)
    deviation = float(np.sqrt(n_clusters / (n_clusters - 1) * (sums**2).sum())) / scale
    return float(stdtrit(n_clusters - 1, PERCENTILES[2] / 100)) * deviation
