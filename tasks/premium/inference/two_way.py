"""The two-way bootstrap: how far scores would move with other stocks and other days. The interval to quote."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from tasks.premium.chunks import in_chunks
from tasks.premium.inference.evaluate import Scheme, Scored, score
from tasks.premium.reference.bootstrap import interval
from tasks.premium.rows import FloatArray, IntArray
from tasks.premium.splitters.labels import check_columns, number_names
from tasks.schemas.artifacts import Panel
from tasks.schemas.estimates import Interval

MIN_DRAWS = 20
"""With fewer, the 2.5 % percentile is about the smallest draw."""
DRAWS_PER_CHUNK = 50
"""A draw has a weight per row, so a chunk takes 12 MB at 30,000 rows."""


def two_way_weights(labels: pd.DataFrame, n_draws: int, rng: Generator) -> FloatArray:
    """Draw stocks and days, each with replacement; a row's weight is how often its stock times its day was drawn.

    Days carry the shocks that stocks share, stocks what their days share; drawing only one of the two would take the
    other's dependence for information. A pair of currencies has the product of its legs' counts, for each leg is drawn
    once for all of its pairs. Draws follow one another in `rng`, so chunks do not change them.

    Args:
        labels: One per row: code and date, or date, leg_1 and leg_2 where a code is a pair.
        n_draws: Number of draws.
        rng: Random generator; the same state gives the same draws.

    Returns:
        (n_draws, n_rows) weights, whole numbers. A row's expected weight is 1 (for a pair, 1 - 1 / n_currencies).

    Raises:
        BadLabels: If a column or a value in one is missing.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from hindsight import two_way_weights
        >>> days = pd.to_datetime(["2020-01-01", "2020-01-02"] * 2)
        >>> labels = pd.DataFrame({"code": ["A", "A", "B", "B"], "date": days})
        >>> two_way_weights(labels, n_draws=2, rng=np.random.default_rng(1)).tolist()
        [[0.0, 2.0, 0.0, 2.0], [0.0, 4.0, 0.0, 0.0]]

    Source: McCullagh (2000), Resampling and exchangeable arrays, Bernoulli 6(2), shows that no draw is exact; Owen
        (2007), The pigeonhole bootstrap, Ann. Appl. Stat. 1(2), that this one errs on the wide side; for pairs
        Davezies, D'Haultfoeuille and Guyonvarch (2021), Ann. Stat. 49(2).
    """
    are_pairs = set(Panel.LEGS) <= set(labels.columns)
    check_columns(labels, ["date", *(Panel.LEGS if are_pairs else ["code"])])
    stocks = labels[[*Panel.LEGS]] if are_pairs else labels["code"]
    weights = np.ones((n_draws, len(labels)))
    numbered = [number_names(stocks), number_names(labels["date"])]
    for own in weights:
        for numbers in numbered:
            own *= multiplicities(int(numbers.max()) + 1, rng)[numbers].reshape(len(own), -1).prod(axis=1)
    return weights


def multiplicities(n: int, rng: Generator) -> IntArray:
    """(n,) how often each of n is drawn in n draws with replacement."""
    return np.bincount(rng.integers(n, size=n), minlength=n)


def percentile_interval(values: FloatArray) -> Interval | None:
    """Percentiles 2.5, 50 and 97.5 of the draws that have a value, linear between neighbours.

    Args:
        values: (n_draws,) a figure by draw, NaN where the draw defines none.

    Returns:
        None where fewer than MIN_DRAWS have a value.

    Examples:
        >>> import numpy as np
        >>> from hindsight import percentile_interval
        >>> percentile_interval(np.arange(41.0))
        Interval(p2_5=1.0, p50=20.0, p97_5=39.0)
    """
    defined = values[~np.isnan(values)]
    return interval(defined) if len(defined) >= MIN_DRAWS else None


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


def score_two_way(
    model: str,
    columns: FloatArray,
    targets: FloatArray,
    schemes: Sequence[Scheme],
    draws: TwoWayDraws,
    n_draws: int,
    alpha: float = 1.0,
    penalties: FloatArray | None = None,
    work_dir: Path | None = None,
) -> Scored:
    """Score one model's columns on every draw; weights change from draw to draw, splits do not.

    Args as in `score`; `model` names progress and the chunks kept in `work_dir`.

    Returns:
        As `score` does, of all draws.
    """

    def chunk(start: int, stop: int) -> FloatArray:
        scored = score(columns, targets, schemes, draws.take(start, stop), alpha, penalties)
        return np.column_stack([scored.r2.reshape(stop - start, -1), scored.n_refits])

    what = f"two-way draws of {model}, {columns.shape[1]} columns"
    table = in_chunks(what, n_draws, DRAWS_PER_CHUNK, work_dir, chunk)
    return Scored(table[:, :-1].reshape(n_draws, -1, len(schemes)), table[:, -1])
