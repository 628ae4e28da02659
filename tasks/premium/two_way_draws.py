"""The two-way draws of a run: the same for every model, in chunks, and from where a killed run stopped."""

from pathlib import Path

import numpy as np
import pandas as pd

from tasks.premium.evaluate import Scheme, score
from tasks.premium.progress import in_chunks
from tasks.premium.ridge import FloatArray
from tasks.premium.two_way import two_way_weights

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
