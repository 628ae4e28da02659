"""The day jackknife: how far scores move when one group of days is left out. The second interval to read."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from tasks.sampling.arrays import FloatArray
from tasks.sampling.splitters.labels import number_blocks
from tasks.schemas.estimates import PERCENTILES


def leave_out_weights(labels: pd.DataFrame, n_groups: int) -> FloatArray:
    """Leave out one contiguous group of days at a time.

    Groups have about equally many distinct days. Neighbouring days stay together, for their labels overlap.

    Returns:
        (n_groups, n_rows) 0 for the rows of the group left out, 1 for all others.

    Raises:
        TooFewDates: If there are fewer distinct days than groups.
    """
    group_of_row = number_blocks(labels["date"].to_numpy(), n_groups, "groups of days to leave out")
    weights: FloatArray = (group_of_row != np.arange(n_groups)[:, np.newaxis]).astype(np.float64)
    return weights


def jackknife(point: float, left_out_values: FloatArray) -> tuple[float, tuple[float, float]] | None:
    """Standard error and 95 % interval of a figure.

    Args:
        point: The figure on all rows.
        left_out_values: (n_groups,) the figure without each group.

    Returns:
        se = sqrt((G - 1) / G * sum of (value - mean value)^2) and point -/+ t se, t with G - 1 degrees of freedom.
        None for fewer than two groups, or if the figure is undefined without one of them: dropping that group's value
        would narrow the interval.

    Examples:
        >>> se, (low, high) = jackknife(0.5, np.array([0.4, 0.5, 0.6]))
        >>> round(se, 3), round(low, 2), round(high, 2)
        (0.115, 0.0, 1.0)

    Source: Efron and Tibshirani (1993), An introduction to the bootstrap, sections 11.2 and 11.5.
    """
    if len(left_out_values) < 2 or not np.isfinite([point, *left_out_values]).all():
        return None
    n_groups = len(left_out_values)
    se = float(np.sqrt((n_groups - 1) * np.var(left_out_values)))
    half_width = float(stdtrit(n_groups - 1, PERCENTILES[2] / 100)) * se
    return se, (point - half_width, point + half_width)
