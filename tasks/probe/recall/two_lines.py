"""Two straight lines that part after a day, fitted for every day at once; and made curves about one or two lines."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.sampling.arrays import BoolArray, FloatArray, IntArray

TRIM = 0.1
"""Share of the observations, and of the days, that lie on either side of a candidate day at least."""
MIN_SIDE = 4
"""Observations, and days, on either side at least: a line takes two of each."""
VALUES_PER_CHUNK = 4_000_000
"""Of draws by observations, for memory."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Two straight lines at every candidate day.

    Args:
        days: (n_days,) distinct days, as numbers.
        day_of: (n,) place in `days` of each observation.
        is_candidate: (n_days - 1,) whether the change may come after the day.
    """

    days: FloatArray
    day_of: IntArray
    is_candidate: BoolArray

    @classmethod
    def over(cls, days: IntArray) -> "Lines":
        """The candidates among the days: enough observations and days on either side.

        Args:
            days: (n,) of the observations, as numbers.
        """
        distinct, day_of, counts = np.unique(days, return_inverse=True, return_counts=True)
        least = [max(MIN_SIDE, int(np.ceil(TRIM * total))) for total in (len(days), len(distinct))]
        n_up_to, n_days = np.cumsum(counts)[:-1], np.arange(1, len(distinct))
        is_candidate = np.minimum(n_up_to, len(days) - n_up_to) >= least[0]
        is_candidate &= np.minimum(n_days, len(distinct) - n_days) >= least[1]
        scale = max(float(np.ptp(distinct)), 1.0)
        return cls((distinct - distinct.mean()) / scale, day_of.astype(np.int64), is_candidate)

    def squares(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of squared residuals of one line, and of two at every candidate.

        Args:
            values: (n_draws, n) of the observations.

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

    def fit(self, values: FloatArray, last: int | None = None) -> tuple[FloatArray, FloatArray]:
        """Fitted values, and residuals of each observation from what is fitted to the others.

        An observation at an end pulls a line to itself, so that its own residual is too small.

        Args:
            values: (n,) of the observations.
            last: Place in `days` of the last one of the first of two lines; None of one line.

        Returns:
            (n,) each.

        Source: MacKinnon, Nielsen and Webb (2023), J. Appl. Econometrics 38(5), for draws of residuals like these.
        """
        x = self.days[self.day_of]
        columns = [np.ones_like(x), x]
        if last is not None:
            is_after = (self.day_of > last).astype(np.float64)
            columns += [is_after, is_after * x]
        basis, _ = np.linalg.qr(np.column_stack(columns))
        fitted: FloatArray = basis @ (basis.T @ values)
        return fitted, (values - fitted) / (1 - (basis**2).sum(axis=1))


def _squares(n: FloatArray, x: FloatArray, xx: FloatArray, y: FloatArray, xy: FloatArray, yy: FloatArray) -> FloatArray:
    """About the least squares line, from sums."""
    spread, together = xx - x * x / n, xy - x * y / n
    found: FloatArray = np.maximum(yy - y * y / n - together**2 / spread, 0.0)
    return found


def ratios(one: FloatArray, two: FloatArray) -> FloatArray:
    """(n_draws,) by how much the best candidate's lines fit better than one line, relative to what they leave."""
    found: FloatArray = one / two.min(axis=1) - 1
    return found


@dataclass(frozen=True)
class Draws:
    """Made curves: a truth, and residuals about it whose signs are drawn; the same signs about every truth.

    Args:
        lines: The candidates.
        n_draws: Number of curves.
        seed: Of the signs.
    """

    lines: Lines
    n_draws: int
    seed: int

    def test_ratios(self, fitted: FloatArray, residuals: FloatArray) -> FloatArray:
        """(n_draws,) of the test, from (n,) each."""
        return np.concatenate([ratios(one, two) for one, two in self._squares(fitted, residuals)])

    def excess(self, candidate: int, fitted: FloatArray, residuals: FloatArray) -> FloatArray:
        """(n_draws,) by how much a candidate's lines fit worse than the best ones."""
        found = [two[:, candidate] / two.min(axis=1) - 1 for _, two in self._squares(fitted, residuals)]
        return np.concatenate(found)

    def _squares(self, fitted: FloatArray, residuals: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        rng, step = np.random.default_rng(self.seed), max(1, VALUES_PER_CHUNK // len(fitted))
        for start in range(0, self.n_draws, step):
            signs = rng.integers(0, 2, size=(min(step, self.n_draws - start), len(fitted)), dtype=np.int8)
            yield self.lines.squares(fitted + (2.0 * signs - 1.0) * residuals)
