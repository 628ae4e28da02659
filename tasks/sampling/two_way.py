"""Two-way draws: how far scores would move with other stocks and other days. The interval to quote."""

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.sampling.arrays import FloatArray
from tasks.sampling.splitters.labels import check_columns, number_names
from tasks.schemas.artifacts import Panel
from tasks.schemas.estimates import QUANTILE_975

MIN_DRAWS = 20
"""With fewer, a standard deviation is off by more than a sixth."""
KEPT = 0.7
"""Fraction of the stocks, and of the days, that a draw keeps. With less, fits of a draw get worse and vary more than
those of all rows do; with more, intervals are too narrow under heavy tails (docs/measure.md)."""
DAYS_PER_RUN = 2
"""Days are drawn in runs: labels of neighbouring days overlap, and shocks may last. Where they did, premiums covered in
0.93 of 120 panels when days were drawn one by one, and in 0.96 of the same panels by twos (unscaled)."""
SPREAD = (KEPT / (1 - KEPT)) ** 0.5
"""Standard deviations of a figure for each one of its draws: draws that share most of their rows vary less."""
DRAWS_PER_CHUNK = 50
"""A draw has a weight per row, so a chunk takes 12 MB at 30,000 rows."""


def two_way_weights(labels: pd.DataFrame, n_draws: int, rng: Generator, days_per_run: int = DAYS_PER_RUN) -> FloatArray:
    """Draw seven tenths of the stocks and of the days; a row weighs the product of its stock's and its day's weight.

    Days carry the shocks that stocks share, stocks what their days share; drawing only one of the two would take the
    other's dependence for information. A pair of currencies has the product of its legs' weights, for each leg is drawn
    once for all of its pairs. Days are drawn in runs. Draws follow one another in `rng`, so chunks do not
    change them.

    Args:
        labels: One per row: code and date, or date, leg_1 and leg_2 where a code is a pair.
        n_draws: Number of draws.
        rng: Random generator; the same state gives the same draws.
        days_per_run: Days that are drawn together. Two are enough for JPX's target; a longer label needs more.

    Returns:
        (n_draws, n_rows) weights: n / k for each factor of which k of n were drawn, else 0. A row's expected weight is
        1 (for a pair, slightly less).

    Raises:
        BadLabels: If a column or a value in one is missing.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from hindsight import two_way_weights
        >>> days = pd.to_datetime(["2020-01-01", "2020-01-02"] * 2)
        >>> labels = pd.DataFrame({"code": ["A", "A", "B", "B"], "date": days})
        >>> two_way_weights(labels, n_draws=2, rng=np.random.default_rng(1)).tolist()
        [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 4.0]]

    Source: Shao and Wu (1989), A general theory for jackknife variance estimation, Ann. Stat. 17(3), for draws that
        leave out a fraction; McCullagh (2000), Resampling and exchangeable arrays, Bernoulli 6(2), shows that no draw
        of both is exact; Owen and Eckles (2012), Bootstrapping data arrays of arbitrary order, Ann. Appl. Stat. 6(3),
        that products of weights err on the wide side, by less for smaller weights.
    """
    are_pairs = set(Panel.LEGS) <= set(labels.columns)
    check_columns(labels, ["date", *(Panel.LEGS if are_pairs else ["code"])])
    stocks = labels[[*Panel.LEGS]] if are_pairs else labels["code"]
    weights = np.ones((n_draws, len(labels)))
    stock_of_row, day_of_row = number_names(stocks), number_names(labels["date"])
    for own in weights:
        # From a random day on, so that no two days always share a run.
        run_of_row = (day_of_row + rng.integers(days_per_run)) // days_per_run
        for numbers in (stock_of_row, run_of_row):
            own *= _kept(int(numbers.max()) + 1, rng)[numbers].reshape(len(own), -1).prod(axis=1)
    return weights


def _kept(n: int, rng: Generator) -> FloatArray:
    """(n,) weights of n, of which seven tenths are drawn without replacement: on average exactly, but at least one."""
    n_kept = max(1, int(KEPT * n + rng.random()))
    weights: FloatArray = np.zeros(n)
    weights[rng.permutation(n)[:n_kept]] = n / n_kept
    return weights


def rescaled(draws: FloatArray, point: FloatArray | float) -> FloatArray:
    """Stretch draws about their figure, so that they vary as the figure does over panels.

    Args:
        draws: (n_draws, ...) of figures.
        point: (...,) the figures on all rows.
    """
    stretched: FloatArray = point + SPREAD * (draws - point)
    return stretched


def two_way_interval(point: float, values: FloatArray) -> tuple[float, float] | None:
    """The 95 % interval of a figure from its values on two-way draws.

    Draws lack rows, so their fits are worse and their mean is not the figure: only their spread is used.

    Args:
        point: The figure on all rows.
        values: (n_draws,) the figure under each of `two_way_weights`, NaN where the draw defines none.

    Returns:
        point -/+ 1.96 times 1.53 standard deviations of the draws; None with fewer than 20 that have a value.

    Examples:
        >>> import numpy as np
        >>> from hindsight import two_way_interval
        >>> low, high = two_way_interval(0.5, 0.5 + 0.01 * np.array([-1.0, 1.0] * 20))
        >>> round(low, 2), round(high, 2)
        (0.47, 0.53)
    """
    return normal_interval(point, rescaled(values[~np.isnan(values)], point))


def normal_interval(point: float, draws: FloatArray) -> tuple[float, float] | None:
    """Point -/+ 1.96 standard deviations of the rescaled draws; None with fewer than MIN_DRAWS."""
    if len(draws) < MIN_DRAWS:
        return None
    half_width = QUANTILE_975 * float(np.std(draws, ddof=1))
    return point - half_width, point + half_width


class TwoWayDraws:
    """Weights of a run's draws, in order; the same for every model.

    Args:
        labels: One per row.
        seed: Seed of the draws; their stream differs from the stock draws'.
    """

    def __init__(self, labels: pd.DataFrame, seed: int) -> None:
        self.labels, self.seed = labels, seed
        self._restart()

    def take(self, start: int, stop: int) -> FloatArray:
        """(stop - start, n_rows) weights, independent of what was taken before."""
        if start < self.position:
            self._restart()
        while self.position < start:
            self._next(min(DRAWS_PER_CHUNK, start - self.position))
        return self._next(stop - start)

    def _restart(self) -> None:
        self.rng, self.position = np.random.default_rng([self.seed, 2]), 0

    def _next(self, n_draws: int) -> FloatArray:
        self.position += n_draws
        return two_way_weights(self.labels, n_draws, self.rng)
