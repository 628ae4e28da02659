"""How far scores would move with other stocks and other days: the interval to quote."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.premium.chunks import in_chunks
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.reference.bootstrap import interval
from tasks.premium.rows import FloatArray, IntArray
from tasks.schemas.artifacts import Panel
from tasks.schemas.scores import Interval

MIN_DRAWS = 20
"""Below that, a 2.5 % percentile is as good as the smallest draw and says nothing."""


def two_way_weights(labels: pd.DataFrame, n_draws: int, rng: Generator) -> FloatArray:
    """Draw stocks and days, each with replacement, and weigh every row by how often both of its own were drawn.

    Days carry the shocks that stocks share, stocks what their days share; drawing one of the two alone takes the
    other's dependence for information. A pair of currencies counts as often as one leg times the other, for each leg
    is drawn once for all of its pairs. Draws follow one another in `rng`: in chunks or at once they are the same.

    Args:
        labels: One per row: code and date, or date, leg_1 and leg_2 where a code is a pair.
        n_draws: Draws to make.
        rng: Source of all chance; the same state gives the same draws.

    Returns:
        (n_draws, n_rows) weights, whole numbers. A row's expected weight is 1 (for a pair, 1 - 1 / n_currencies).
    Source: McCullagh (2000), Resampling and exchangeable arrays, Bernoulli 6(2), shows that no draw is exact; Owen
        (2007), The pigeonhole bootstrap, Ann. Appl. Stat. 1(2), that this one errs on the wide side; for pairs
        Davezies, D'Haultfoeuille and Guyonvarch (2021), Ann. Stat. 49(2).
    """
    units = _units(labels)
    weights = np.ones((n_draws, len(labels)))
    for own in weights:
        for numbered in units:
            own *= multiplicities(int(numbered.max()) + 1, rng)[numbered].reshape(len(own), -1).prod(axis=1)
    return weights


def multiplicities(n_units: int, rng: Generator) -> IntArray:
    """(n_units,) how often each is drawn in as many draws with replacement."""
    return np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)


def percentile_interval(values: FloatArray) -> Interval | None:
    """Percentiles 2.5, 50 and 97.5 of the draws that have a value, linear between neighbours.

    Args:
        values: (n_draws,) a figure by draw, NaN where the draw defines none; `n_undefined` counts those.

    Returns:
        None where fewer than MIN_DRAWS have a value.
    """
    defined = values[~np.isnan(values)]
    if len(defined) < MIN_DRAWS:
        return None
    return interval(defined)


def n_undefined(values: FloatArray) -> int:
    """Draws without a value, which `percentile_interval` leaves out."""
    return int(np.isnan(values).sum())


def _units(labels: pd.DataFrame) -> list[IntArray]:
    """What is drawn: stocks (n_rows,) or currencies (n_rows, 2), and days (n_rows,), each numbered from 0."""
    is_pairs = set(Panel.LEGS) <= set(labels.columns)
    named = [labels[[*Panel.LEGS]] if is_pairs else labels["code"], labels["date"]]
    return [np.unique(names.to_numpy(), return_inverse=True)[1].reshape(names.shape) for names in named]


DRAWS_PER_CHUNK = 50
"""Rows are weighted, a draw's weights are as long as the panel: 12 MB a chunk at 30,000 rows."""


class TwoWayDraws:
    """Weights of a run's draws, in order.

    Args:
        labels: One per row.
        seed: Seed of the draws; a stream of its own, apart from the stock draws'.
    """

    def __init__(self, labels: pd.DataFrame, seed: int) -> None:
        self.labels, self.seed = labels, seed
        self._restart()

    def take(self, start: int, stop: int) -> FloatArray:
        """(stop - start, n_rows) weights, the same whatever was taken before."""
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


def score_two_way(
    what: str,
    columns: FloatArray,
    target: FloatArray,
    schemes: list[Scheme],
    draws: TwoWayDraws,
    n_draws: int,
    alpha: float,
    work_dir: Path | None = None,
) -> FloatArray:
    """Score one set of columns on every draw.

    Args:
        what: Whose columns they are, for progress and for the kept chunks.
        columns: (n_rows, n_columns), unscaled.
        target: (n_rows,) returns.
        schemes: Fixed splits; weights change from draw to draw, folds do not.
        draws: Where the weights come from.
        n_draws: How many.
        alpha: Ridge penalty.
        work_dir: Where finished chunks are kept.

    Returns:
        (n_draws, n_schemes) R2, NaN where a draw defines none.
    """
    return in_chunks(
        f"two-way draws of {what}, {columns.shape[1]} columns",
        n_draws,
        DRAWS_PER_CHUNK,
        work_dir,
        lambda start, stop: score(columns, target, schemes, draws.take(start, stop), alpha),
    )
