"""Intervals of many means at once, from the same draws of days and of currencies, so that differences are paired."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.rows import DirectionRows
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.sampling.row_figures import RUNS_PER_HORIZON, clipped, figure_of
from tasks.sampling.two_way import DRAWS_PER_CHUNK, two_way_weights
from tasks.schemas.direction import Figure

Key = tuple[str | int, ...]
"""What a figure is: model, split, and which mean."""


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean of values over some rows.

    Args:
        rows: (n,) their positions.
        values: (n,).
        bounds: No mean can lie outside of them, and no interval goes beyond.
    """

    rows: IntArray
    values: FloatArray
    bounds: tuple[float, float] = (-np.inf, np.inf)


def days_per_run(rows: DirectionRows) -> int:
    """Days that a draw keeps or leaves out together."""
    return RUNS_PER_HORIZON * rows.horizon


class Figures:
    """Means with their intervals.

    Args:
        rows: The panel.
        means: By what they are.
        config: Number and seed of the draws.
    """

    def __init__(self, rows: DirectionRows, means: Mapping[Key, Mean], config: EvaluateConfig) -> None:
        self._place = {key: place for place, key in enumerate(means)}
        self._points = np.array([own.values.mean() if len(own.rows) else np.nan for own in means.values()])
        labels, length = rows.labels, days_per_run(rows)
        by_day = labels[["date"]].assign(code=0)
        self._by_date, self._two_way = (_draw(own, list(means.values()), config, length) for own in (by_day, labels))
        days, n_currencies = labels["date"].to_numpy(), len(rows.currencies)
        n_runs = [len(np.unique(days[own.rows])) // length for own in means.values()]
        self._n_runs, self._n_currencies, self._length = n_runs, n_currencies, length
        self._bounds = [own.bounds for own in means.values()]

    def __getitem__(self, key: Key) -> Figure:
        """One mean."""
        place = self._place[key]
        draws = (self._by_date[:, place], self._two_way[:, place])
        return clipped(self._figure(self._points[place], draws, self._n_runs[place]), self._bounds[place])

    def difference(self, one: Key, other: Key) -> Figure:
        """One mean less another, draw by draw."""
        first, second = self._place[one], self._place[other]
        by_date, two_way = (draws[:, first] - draws[:, second] for draws in (self._by_date, self._two_way))
        n_runs = min(self._n_runs[first], self._n_runs[second])
        return self._figure(self._points[first] - self._points[second], (by_date, two_way), n_runs)

    def _figure(self, point: float, draws: tuple[FloatArray, FloatArray], n_runs: int) -> Figure:
        return figure_of(point, draws, n_runs, self._n_currencies, self._length)


def _draw(labels: pd.DataFrame, means: list[Mean], config: EvaluateConfig, length: int) -> FloatArray:
    """(n_draws, n_means) weighted means; NaN where a draw holds none of a mean's rows."""
    place = np.repeat(np.arange(len(means)), [len(own.rows) for own in means])
    at = (np.concatenate([own.rows for own in means]), place)
    shape = (len(labels), len(means))
    values = csr_array((np.concatenate([own.values for own in means]), at), shape=shape)
    is_used = csr_array((np.ones(len(place)), at), shape=shape)
    rng, chunks = np.random.default_rng([config.seed, 2]), []
    for start in range(0, config.n_draws, DRAWS_PER_CHUNK):
        weights = two_way_weights(labels, min(DRAWS_PER_CHUNK, config.n_draws - start), rng, length)
        with np.errstate(invalid="ignore", divide="ignore"):
            chunks.append((weights @ values) / (weights @ is_used))
    return np.concatenate(chunks)
