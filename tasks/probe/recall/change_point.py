"""Where a curve over days changes: two straight lines, the day between them, its interval, and whether there is one.

A text is harder to predict if it was written after the last day a model knows, so bits per byte rise there: the
apparent knowledge cutoff. Language drifts too, which is what the lines' slopes are for.
"""

from collections.abc import Iterator
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
N_LINES = 4
"""Parameters of two lines."""
SIGNIFICANT = 1 - LEVEL / 100
DAYS_PER_YEAR = 365.25
VALUES_PER_CHUNK = 4_000_000
"""Of draws by documents, for memory."""
MAX_TRIED = 40
"""Candidates tried for the interval; of more, evenly spaced ones."""
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

    def fit(self, values: FloatArray, last: int | None) -> FloatArray:
        """(n,) fitted values of one line, or of two that part after a day.

        Args:
            values: (n,) of the documents.
            last: Place of the first line's last day; None for one line.
        """
        fitted, x = np.empty(len(values)), self.days[self.day_of]
        first = np.ones(len(values), dtype=bool) if last is None else self.day_of <= last
        for side in (first, ~first) if last is not None else (first,):
            fitted[side] = np.polynomial.Polynomial.fit(x[side], values[side], 1)(x[side])
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
    holds the days at which the lines fit about as well as at the best: as well as in 95 % of draws that flip the signs
    of the residuals of the lines that part there.

    Args:
        days: (n,) of the documents, counted from any day on.
        values: (n,) of the documents, such as bits per byte.
        units: (n,) documents with one unit share a sign.
        n_draws: For the test, and for each day of the interval.
        rng: Random generator; the same state gives the same answer.

    Returns:
        The change, with days counted from 1970-01-01. No day where p is above 0.05, or there are too few documents.

    Source: Andrews (1993), Econometrica 61(4), for the test; Davidson and Flachaire (2008), J. Econometrics 146(1), for
        draws by flipped signs; Hansen (2000), Econometrica 68(3), for the interval by inverted likelihood ratios.
    """
    n = len(days)
    if n < MIN_DOCUMENTS:
        return ChangePoint(n_documents=n, why_none=f"{n} documents, and at least {MIN_DOCUMENTS} are needed")
    lines, distinct = Lines.over(days), np.unique(days)
    candidates = np.flatnonzero(lines.is_candidate)
    if not len(candidates):
        why = f"no day has enough documents, and {MIN_SIDE} days, on either side of it: they are of {len(distinct)} days"
        return ChangePoint(n_documents=n, why_none=why)
    flips = _Flips(units, n_draws, rng)
    one, two = lines.squares(values[None])
    if not two.min() > FLAT * n:
        return ChangePoint(n_documents=n, why_none="the documents do not differ from a line")
    searched = _day(distinct[candidates[0]]), _day(distinct[candidates[-1]])
    p_value = _p_value(lines, values, flips, float(_ratios(one, two, n)[0]))
    if not p_value <= SIGNIFICANT:
        why = f"p = {p_value:.3f} of a change as large where there is none"
        return ChangePoint(n_documents=n, searched=searched, p_value=p_value, why_none=why)
    best = int(np.argmin(two[0]))
    low, high = _interval(lines, values, flips, two[0])
    rise, slopes = _after(lines, values, candidates[best], float(np.ptp(distinct)))
    return ChangePoint(
        n_documents=n,
        searched=searched,
        day=_day(distinct[candidates[best]]),
        interval=(_day(distinct[candidates[low]]), _day(distinct[candidates[high] + 1])),
        is_open=(low == 0, high == len(candidates) - 1),
        rise=rise,
        slopes=slopes,
        p_value=p_value,
    )


class _Flips:
    """The same signs, one per unit and draw, for every set of residuals."""

    def __init__(self, units: NDArray, n_draws: int, rng: Generator) -> None:
        names, self._of_document = np.unique(units, return_inverse=True)
        self._signs = rng.integers(0, 2, size=(n_draws, len(names)), dtype=np.int8)

    def chunks(self, fitted: FloatArray, residuals: FloatArray) -> Iterator[FloatArray]:
        """(n_chunk, n) made values; all draws, a part at a time."""
        step = max(1, VALUES_PER_CHUNK // len(residuals))
        for start in range(0, len(self._signs), step):
            signs = 2.0 * self._signs[start : start + step, self._of_document] - 1.0
            yield fitted + signs * residuals


def _ratios(one: FloatArray, two: FloatArray, n: int) -> FloatArray:
    """(n_draws,) F of the best candidate."""
    least = two.min(axis=1)
    found: FloatArray = (one - least) / 2 / (least / (n - N_LINES))
    return found


def _p_value(lines: Lines, values: FloatArray, flips: _Flips, found: float) -> float:
    fitted = lines.fit(values, None)
    made = [_ratios(*lines.squares(own), len(values)) for own in flips.chunks(fitted, values - fitted)]
    return float((1 + (np.concatenate(made) >= found).sum()) / (1 + sum(map(len, made))))


def _interval(lines: Lines, values: FloatArray, flips: _Flips, two: FloatArray) -> tuple[int, int]:
    """First and last candidate that is not rejected; between tried ones, the next further out counts."""
    n, best, last = len(values), int(np.argmin(two)), len(two) - 1
    candidates = np.flatnonzero(lines.is_candidate)
    tried = np.unique(np.append(np.linspace(0, last, min(MAX_TRIED, last + 1)).round().astype(np.int64), best))
    kept = []
    for own in tried:
        found = (two[own] - two[best]) / two[best]
        if found <= _critical(lines, values, flips, int(own), int(candidates[own]), n):
            kept.append(int(own))
    low, high = np.searchsorted(tried, [min(kept), max(kept)])
    return int(tried[low - 1] + 1) if low else 0, int(tried[high + 1] - 1) if high + 1 < len(tried) else last


def _critical(lines: Lines, values: FloatArray, flips: _Flips, own: int, day: int, n: int) -> float:
    """95 % quantile of what the best candidate fits better than this one, where the lines part here."""
    fitted = lines.fit(values, day)
    made = []
    for drawn in flips.chunks(fitted, (values - fitted) * (n / (n - N_LINES)) ** 0.5):
        _, two = lines.squares(drawn)
        least = two.min(axis=1)
        made.append((two[:, own] - least) / least)
    return float(np.quantile(np.concatenate(made), 1 - SIGNIFICANT))


def _after(lines: Lines, values: FloatArray, last: int, n_days: float) -> tuple[float, tuple[float, float]]:
    """How far later documents lie above the first line, on average; and both slopes per year."""
    x, first = lines.days[lines.day_of], lines.day_of <= last
    before, after = (np.polynomial.Polynomial.fit(x[side], values[side], 1).convert() for side in (first, ~first))
    rise = float((values[~first] - before(x[~first])).mean())
    slopes = [float(own.coef[1]) / n_days * DAYS_PER_YEAR if len(own.coef) > 1 else 0.0 for own in (before, after)]
    return rise, (slopes[0], slopes[1])


def _day(number: int) -> date:
    return EPOCH + timedelta(days=int(number))
