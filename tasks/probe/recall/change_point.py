"""Where a curve over days changes: two straight lines, the day between them, its interval, and whether there is one.

A text is harder to predict if it was written after the last day a model knows, so bits per byte rise there: the
apparent knowledge cutoff. Language drifts too, which is what the lines' slopes are for.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.sampling.row_figures import FLAT
from tasks.schemas.estimates import LEVEL
from tasks.schemas.recall import ChangePoint

MIN_DOCUMENTS = 20
"""With fewer, two lines fit anything."""
TRIM = 0.1
"""Share of the documents, and of the days, that lie on either side of a candidate day at least."""
MIN_SIDE = 4
"""Documents, and days, on either side at least: a line takes two of each."""
SIGNIFICANT = 1 - LEVEL / 100
DAYS_PER_YEAR = 365.25
VALUES_PER_CHUNK = 4_000_000
"""Of draws by documents, for memory."""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Lines:
    """Two straight lines at every candidate day.

    Args:
        days: (n_days,) distinct days, as numbers.
        day_of: (n,) place in `days` of each document.
        is_candidate: (n_days - 1,) whether the change may come after the day.
    """

    days: FloatArray
    day_of: IntArray
    is_candidate: BoolArray

    @classmethod
    def over(cls, days: IntArray) -> "Lines":
        """The candidates among the documents' days: enough documents and days on either side.

        Args:
            days: (n,) of the documents, as numbers.
        """
        distinct, day_of, counts = np.unique(days, return_inverse=True, return_counts=True)
        least = [max(MIN_SIDE, int(np.ceil(TRIM * total))) for total in (len(days), len(distinct))]
        documents, n_days = np.cumsum(counts)[:-1], np.arange(1, len(distinct))
        is_candidate = np.minimum(documents, len(days) - documents) >= least[0]
        is_candidate &= np.minimum(n_days, len(distinct) - n_days) >= least[1]
        scale = max(float(np.ptp(distinct)), 1.0)
        return cls((distinct - distinct.mean()) / scale, day_of.astype(np.int64), is_candidate)

    def squares(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of squared residuals of one line, and of two at every candidate.

        Args:
            values: (n_draws, n) of the documents.

        Returns:
            (n_draws,) and (n_draws, n_candidates).
        """
        centred = values - values.mean(axis=1, keepdims=True)
        ones = np.bincount(self.day_of).astype(np.float64)
        by_day = np.zeros((2, len(values), len(self.days)))
        order = np.argsort(self.day_of, kind="stable")
        starts = np.concatenate([[0], np.cumsum(ones)[:-1]]).astype(np.int64)
        for own, power in zip(by_day, (1, 2), strict=True):
            own[:] = np.add.reduceat(centred[:, order] ** power, starts, axis=1)
        y, yy = by_day
        sums = [ones, ones * self.days, ones * self.days**2, y, y * self.days, yy]
        left = [np.cumsum(own, axis=-1) for own in sums]
        total = [own[..., -1:] for own in left]
        left = [own[..., :-1][..., self.is_candidate] for own in left]
        right = [whole - own for whole, own in zip(total, left, strict=True)]
        return _squares(*total)[:, 0], _squares(*left) + _squares(*right)

    def fit(self, values: FloatArray) -> FloatArray:
        """(n,) fitted values of one line.

        Args:
            values: (n,) of the documents.
        """
        x = self.days[self.day_of]
        fitted: FloatArray = np.polynomial.Polynomial.fit(x, values, 1)(x)
        return fitted


def _squares(n: FloatArray, x: FloatArray, xx: FloatArray, y: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
    """About the least squares line, from sums."""
    spread, together = xx - x * x / n, xy - x * y / n
    found: FloatArray = np.maximum(yy - y * y / n - together**2 / spread, 0.0)
    return found


def find_change(days: IntArray, values: FloatArray, units: NDArray, n_draws: int, rng: Generator) -> ChangePoint:
    """Look for the day after which a curve changes.

    Two lines, one up to a day and one after it, are fitted for every day with enough documents on either side. The test
    compares the best of them with one line, in draws that flip the signs of one line's residuals by unit. The interval
    holds the days whose lines fit nearly as well as the best: the best may not fit better by more than it would by
    chance, in 95 % of these draws.

    Args:
        days: (n,) of the documents, counted from 1970-01-01.
        values: (n,) of the documents, such as bits per byte.
        units: (n,) documents of one unit share a sign.
        n_draws: Number of draws.
        rng: Random generator; the same state gives the same answer.

    Returns:
        The change; no day where p is above 0.05, or there are too few documents.

    Source: Andrews (1993), Econometrica 61(4), for the test; Davidson and Flachaire (2008), J. Econometrics 146(1), for
        draws by flipped signs; Hansen (2000), Econometrica 68(3), for the interval from ratios of likelihoods, here
        with the test's own bound, as his does not cover where a change is barely found (docs/recall.md).
    """
    n = len(days)
    if n < MIN_DOCUMENTS:
        return ChangePoint(n_documents=n, why_none=f"{n} documents, and at least {MIN_DOCUMENTS} are needed")
    lines, distinct = Lines.over(days), np.unique(days)
    candidates = np.flatnonzero(lines.is_candidate)
    if not len(candidates):
        why = f"they are of {len(distinct)} days, and {MIN_SIDE} on either side of a change are needed"
        return ChangePoint(n_documents=n, why_none=why)
    one, two = lines.squares(values[None])
    if not two.min() > FLAT * n:
        return ChangePoint(n_documents=n, why_none="the documents do not differ from a line")
    chance = _by_chance(lines, values, units, n_draws, rng)
    p_value = float((1 + (chance >= _ratios(one, two)[0]).sum()) / (1 + n_draws))
    searched = _day(distinct[candidates[0]]), _day(distinct[candidates[-1]])
    if not p_value <= SIGNIFICANT:
        why = f"p = {p_value:.3f} of a change as large where there is none"
        return ChangePoint(n_documents=n, searched=searched, p_value=p_value, why_none=why)
    best = int(np.argmin(two[0]))
    kept = np.flatnonzero(two[0] / two[0, best] - 1 <= np.quantile(chance, 1 - SIGNIFICANT))
    rise, slopes = _after(lines, values, candidates[best], float(np.ptp(distinct)))
    return ChangePoint(
        n_documents=n,
        searched=searched,
        day=_day(distinct[candidates[best]]),
        interval=(_day(distinct[candidates[kept[0]]]), _day(distinct[candidates[kept[-1]] + 1])),
        is_open=(int(kept[0]) == 0, int(kept[-1]) == len(candidates) - 1),
        rise=rise,
        slopes=slopes,
        p_value=p_value,
    )


def _ratios(one: FloatArray, two: FloatArray) -> FloatArray:
    """(n_draws,) by how much the best candidate's lines fit better than one line, relative to what they leave."""
    found: FloatArray = one / two.min(axis=1) - 1
    return found


def _by_chance(lines: Lines, values: FloatArray, units: NDArray, n_draws: int, rng: Generator) -> FloatArray:
    """(n_draws,) the same ratios where one line is the truth."""
    names, of_document = np.unique(units, return_inverse=True)
    fitted, step, found = lines.fit(values), max(1, VALUES_PER_CHUNK // len(values)), []
    residuals = _without_own_pull(lines, values - fitted, of_document)
    for start in range(0, n_draws, step):
        signs = rng.integers(0, 2, size=(min(step, n_draws - start), len(names)), dtype=np.int8)
        made = fitted + (2.0 * signs[:, of_document] - 1.0) * residuals
        found.append(_ratios(*lines.squares(made)))
    return np.concatenate(found)


def _without_own_pull(lines: Lines, residuals: FloatArray, unit_of: IntArray) -> FloatArray:
    """(n,) residuals, each unit's mean as it is from a line fitted to the other units.

    A day of many documents, or at an end, pulls the line to itself, so that its residual is too small: of 43 days of 1
    to 20 documents each, false alarms were 9 of 100 without this, and 5 with it.

    Source: MacKinnon, Nielsen and Webb (2023), J. Appl. Econometrics 38(5), for draws of residuals scaled like this.
    """
    x, n_each = lines.days[lines.day_of], np.bincount(unit_of)
    centred = x - x.mean()
    places, means = (np.bincount(unit_of, weights=own) / n_each for own in (centred, residuals))
    leverage = n_each * (1 / len(x) + places**2 / (centred**2).sum())
    scaled: FloatArray = residuals + (means * leverage / (1 - leverage))[unit_of]
    return scaled


def _after(lines: Lines, values: FloatArray, last: int, n_days: float) -> tuple[float, tuple[float, float]]:
    """How far later documents lie above the first line, on average; and both slopes per year."""
    x, first = lines.days[lines.day_of], lines.day_of <= last
    before, after = (np.polynomial.Polynomial.fit(x[side], values[side], 1).convert() for side in (first, ~first))
    rise = float((values[~first] - before(x[~first])).mean())
    slopes = [float(own.coef[1]) / n_days * DAYS_PER_YEAR if len(own.coef) > 1 else 0.0 for own in (before, after)]
    return rise, (slopes[0], slopes[1])


def _day(number: int) -> date:
    return EPOCH + timedelta(days=int(number))
