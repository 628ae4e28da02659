"""Operators over the entities of a day. A day's one number is given to all its entities."""

import numpy as np
import pandas as pd

from tasks.formulas.operators.registry import NO_VARIANCE, FloatArray, operator, settled, values

MIN_ENTITIES = 3
"""Entities with both values that a day's correlation or regression needs."""
NO_SIZE = 1e-12
"""Share of the day's greatest absolute value below which a value counts as zero in a rank."""


@operator("rank", group="cross-section")
def rank(x: FloatArray) -> FloatArray:
    """Rank among the day's entities over their number, ties averaged."""
    return values(pd.DataFrame(_comparable(x)).rank(axis=1, pct=True))


@operator("scale", group="cross-section")
def scale(x: FloatArray) -> FloatArray:
    """The value over the day's sum of absolute values."""
    found: FloatArray = x / np.nansum(np.abs(x), axis=1, keepdims=True)
    return found


@operator("cs_sum", group="cross-section")
def cs_sum(x: FloatArray) -> FloatArray:
    """The day's sum."""
    return _for_all(values(pd.DataFrame(x).sum(axis=1, min_count=1)), x)


@operator("cs_mean", group="cross-section")
def cs_mean(x: FloatArray) -> FloatArray:
    """The day's mean."""
    return _for_all(values(pd.DataFrame(x).mean(axis=1)), x)


@operator("cs_median", group="cross-section")
def cs_median(x: FloatArray) -> FloatArray:
    """The day's median."""
    return _for_all(values(pd.DataFrame(x).median(axis=1)), x)


@operator("cs_rank_corr", group="cross-section", n_series=2)
def cs_rank_corr(x: FloatArray, y: FloatArray) -> FloatArray:
    """The day's Spearman correlation, over entities that have both values."""
    both = _with_both(x, y)
    ranks_x, ranks_y = (values(pd.DataFrame(np.where(both, _comparable(each), np.nan)).rank(axis=1)) for each in (x, y))
    sxy, sxx, syy = _moments(ranks_x, ranks_y)
    return _for_all(np.where(sxx * syy > 0, sxy / np.sqrt(sxx * syy), np.nan), x)


@operator("cs_residual", group="cross-section", n_series=2)
def cs_residual(x: FloatArray, y: FloatArray) -> FloatArray:
    """What the day's least-squares regression of x on y, with an intercept, leaves of x."""
    both = _with_both(x, y)
    x, y = (np.where(both, each, np.nan) for each in (x, y))
    sxy, _, syy = _moments(x, y)
    mean_x, mean_y = (values(pd.DataFrame(each).mean(axis=1))[:, None] for each in (x, y))
    slope = np.where(syy > NO_VARIANCE * both.sum(axis=1) * mean_y[:, 0] ** 2, sxy / syy, np.nan)[:, None]
    found: FloatArray = x - mean_x - slope * (y - mean_y)
    return found


def _comparable(x: FloatArray) -> FloatArray:
    """Values without their rounding errors, also those of a zero."""
    greatest = values(pd.DataFrame(np.abs(x)).max(axis=1))[:, None]
    return settled(np.where(np.abs(x) < NO_SIZE * greatest, 0.0, x))


def _with_both(x: FloatArray, y: FloatArray) -> np.ndarray:
    """True where both are known, on days with enough entities."""
    both = ~(np.isnan(x) | np.isnan(y))
    return np.asarray(both & (both.sum(axis=1, keepdims=True) >= MIN_ENTITIES))


def _moments(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(n_days,) sums of products of deviations: x with y, x with x, y with y."""
    centred_x, centred_y = (each - values(pd.DataFrame(each).mean(axis=1))[:, None] for each in (x, y))
    pairs = ((centred_x, centred_y), (centred_x, centred_x), (centred_y, centred_y))
    sxy, sxx, syy = (np.nansum(one * other, axis=1) for one, other in pairs)
    return sxy, sxx, syy


def _for_all(days: FloatArray, like: FloatArray) -> FloatArray:
    """(n_days,) numbers as (n_days, n_entities)."""
    return np.repeat(days[:, None], like.shape[1], axis=1)
