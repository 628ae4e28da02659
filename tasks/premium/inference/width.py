"""Which intervals are wide: their draws spread a figure further than other days would move it.

A draw multiplies a stock's and a day's weight, so that it counts what is a row's own more than twice, and it fits on
half of the rows, which varies more. The day jackknife does neither, but is itself too small where few days decide. So
the mark compares the two, and is not set where the target tells that draws are none too far apart. Bounds are from
`make simulate-coverage`; docs/measure.md has what was tried.
"""

from typing import TypeVar

from tasks.schemas.estimates import QUANTILE_975, WIDE_RATIO, Estimate, ModelDecomposition, ModelDifference
from tasks.schemas.scores import Tails

MAX_KURTOSIS = 7.0
"""Of the target, 3 if normal. Above it, rare rows that would widen an interval over all days may not be drawn yet."""
MAX_AUTOCORRELATION = 0.3
"""Of the days' mean targets. Above it, days after the cut vary together for longer than draws take them together."""
ON_ALL_DAYS = ("disjoint", "lookahead")
WITH_R2_OFF = ("off", "premium", "gain", "reduction", "date_disjoint_premium", "date_disjoint_reduction")
OF_TWO_FITS = ("shared_day_effect", "walk_forward")
"""Figures that draws spread too far under heavy tails and slow days too."""
Figures = TypeVar("Figures", ModelDecomposition, ModelDifference)


def mark_wide(figures: Figures, tails: Tails) -> Figures:
    """A model's figures, or a difference's, with each wide interval marked.

    R2 on, matched and date-disjoint have no mark: under heavy tails their intervals are too narrow.
    """
    found = {name: getattr(figures, name) for name in type(figures).model_fields}
    wide = [name for name, own in found.items() if isinstance(own, Estimate) and is_wide(name, own, tails)]
    return figures.model_copy(update={name: found[name].model_copy(update={"is_wide": True}) for name in wide})


def is_wide(figure: str, estimate: Estimate, tails: Tails) -> bool:
    """Whether an interval is likely wider than 95 % needs.

    Args:
        figure: A field of ModelDecomposition or ModelDifference.
        estimate: The figure with its interval and its jackknife.
        tails: What is known of the target.
    """
    ratio = width_ratio(estimate)
    return ratio is not None and ratio > WIDE_RATIO and _can_be_wide(figure, tails)


def width_ratio(estimate: Estimate) -> float | None:
    """Standard deviation of the draws over the jackknife's standard error; None without one of them, or if it is 0."""
    if estimate.interval is None or not estimate.jackknife_se:
        return None
    low, high = estimate.interval
    return (high - low) / 2 / QUANTILE_975 / estimate.jackknife_se


def _can_be_wide(figure: str, tails: Tails) -> bool:
    if figure in ON_ALL_DAYS:
        return tails.kurtosis is not None and tails.kurtosis <= MAX_KURTOSIS
    if figure in WITH_R2_OFF:
        correlation = tails.autocorrelation
        return not tails.warning and correlation is not None and correlation <= MAX_AUTOCORRELATION
    return figure in OF_TWO_FITS
