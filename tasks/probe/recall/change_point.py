"""Where a curve over days changes: two straight lines, the day between them, its interval, and whether there is one.

A text is harder to predict if it was written after the last day a model knows, so bits per byte rise there: the
apparent knowledge cutoff. Language drifts too, which is what the lines' slopes are for.
"""

from datetime import date, timedelta

import numpy as np
from numpy.random import Generator

from tasks.probe.recall.two_lines import MIN_SIDE, Draws, Lines, ratios
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.sampling.row_figures import FLAT
from tasks.schemas.estimates import LEVEL
from tasks.schemas.recall import ChangePoint

MIN_OBSERVATIONS = 20
"""With fewer, two lines fit anything."""
SIGNIFICANT = 1 - LEVEL / 100
INSIDE = 1 - SIGNIFICANT / 2
"""Share of the draws that bounds the interval. Only a change that is found has one, and it looks larger by chance than
it is: with 95 % the intervals of barely found changes held 93 of 100."""
DAYS_PER_YEAR = 365.25
EPOCH = date(1970, 1, 1)


def find_change(
    days: IntArray, values: FloatArray, n_draws: int, rng: Generator, observed: str = "documents"
) -> ChangePoint:
    """Look for the day after which a curve changes.

    Two lines, one up to a day and one after it, are fitted for every day with enough observations on either side. The
    test compares the best of them with one line, in draws that flip the signs of one line's residuals.

    Args:
        days: (n,) of the observations, counted from 1970-01-01.
        values: (n,) of the observations, such as bits per byte of documents.
        n_draws: Number of draws.
        rng: Random generator; the same state gives the same answer.
        observed: What the observations are, in a sentence that says why there is no change.

    Returns:
        The change, of n documents; no day where p is above 0.05, or there are too few observations.

    Source: Andrews (1993), Econometrica 61(4), for the test; Davidson and Flachaire (2008), J. Econometrics 146(1), for
        draws by flipped signs.
    """
    n = len(days)
    if n < MIN_OBSERVATIONS:
        return ChangePoint(n_documents=n, why_none=f"{n} {observed}, and at least {MIN_OBSERVATIONS} are needed")
    lines, distinct = Lines.over(days), np.unique(days)
    candidates = np.flatnonzero(lines.is_candidate)
    if not len(candidates):
        why = f"they are of {len(distinct)} days, and {MIN_SIDE} on either side of a change are needed"
        return ChangePoint(n_documents=n, why_none=why)
    one, two = lines.squares(values[None])
    if not two.min() > FLAT * n:
        return ChangePoint(n_documents=n, why_none=f"the {observed} do not differ from a line")
    draws = Draws(lines, n_draws, int(rng.integers(2**63)))
    ratio, chance = ratios(one, two)[0], draws.test_ratios(*lines.fit(values))
    p_value = float((1 + (chance >= ratio).sum()) / (1 + n_draws))
    searched = _day(distinct[candidates[0]]), _day(distinct[candidates[-1]])
    if not p_value <= SIGNIFICANT:
        why = f"p = {p_value:.3f} of a change as large where there is none"
        return ChangePoint(n_documents=n, searched=searched, p_value=p_value, why_none=why)
    best = int(np.argmin(two[0]))
    first, last = _interval(draws, values, two[0], float(ratio), float(np.quantile(chance, 1 - SIGNIFICANT)))
    rise, slopes = _after(lines, values, candidates[best], float(np.ptp(distinct)))
    return ChangePoint(
        n_documents=n,
        searched=searched,
        day=_day(distinct[candidates[best]]),
        interval=(_day(distinct[candidates[first]]), _day(distinct[candidates[last] + 1])),
        is_open=(first == 0, last == len(candidates) - 1),
        rise=rise,
        slopes=slopes,
        p_value=p_value,
    )


def _interval(draws: Draws, values: FloatArray, two: FloatArray, ratio: float, bound: float) -> tuple[int, int]:
    """First and last candidate of the interval.

    It holds the days whose lines fit nearly as well as the best: not worse by more than in draws in which the change is
    at that day. There the change is as large as the found one less what the test's bound allows chance: one that is
    barely found is drawn as hardly any, whose place nobody could tell.

    Args:
        draws: Of curves.
        values: (n,) of the observations.
        two: (n_candidates,) sums of squared residuals.
        ratio: Of the test.
        bound: Of the test. Days whose lines fit worse than the best by more than that are not looked at.

    Source: Eo and Morley (2015), Quantitative Economics 6(2), for intervals from ratios of likelihoods.
    """
    lines, excess = draws.lines, two / two.min() - 1
    candidates, (straight, _) = np.flatnonzero(lines.is_candidate), lines.fit(values)
    share = np.sqrt(max(0.0, 1 - bound / ratio))

    def is_inside(candidate: int) -> bool:
        fitted, residuals = lines.fit(values, candidates[candidate])
        chance = draws.excess(candidate, straight + share * (fitted - straight), residuals)
        return bool(excess[candidate] <= np.quantile(chance, INSIDE))

    # From both ends inwards: what lies between two days of the interval is in it.
    near = np.flatnonzero(excess <= bound).tolist()
    first, last = (next(own for own in places if is_inside(own)) for places in (near, near[::-1]))
    return first, last


def _after(lines: Lines, values: FloatArray, last: int, n_days: float) -> tuple[float, tuple[float, float]]:
    """How far later documents lie above the first line, on average; and both slopes per year."""
    x, first = lines.days[lines.day_of], lines.day_of <= last
    before, after = (np.polynomial.Polynomial.fit(x[side], values[side], 1).convert() for side in (first, ~first))
    rise = float((values[~first] - before(x[~first])).mean())
    slopes = [float(own.coef[1]) / n_days * DAYS_PER_YEAR if len(own.coef) > 1 else 0.0 for own in (before, after)]
    return rise, (slopes[0], slopes[1])


def _day(number: int) -> date:
    return EPOCH + timedelta(days=int(number))
