"""Intervals of figures: of documents, by unit; of a panel's rows, by date and two-way."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.probe.recall.statistics import Statistic
from tasks.sampling.arrays import FloatArray
from tasks.sampling.clusters import MIN_CLUSTERS, cluster_half_width
from tasks.sampling.pairs import horizon_of
from tasks.sampling.row_figures import FLAT, NO_SPREAD, RUNS_PER_HORIZON, clipped, figure_of
from tasks.sampling.two_way import DRAWS_PER_CHUNK, two_way_weights
from tasks.schemas.artifacts import Panel
from tasks.schemas.direction import Figure
from tasks.schemas.estimates import Estimate


def estimate_of(statistic: Statistic, units: Sequence[str] | NDArray) -> Estimate:
    """A figure of documents with the interval by unit.

    Args:
        statistic: The figure.
        units: (n,) what each document is one observation of: itself, or its day.
    """
    if not np.isfinite(statistic.point):
        return Estimate(point=None, why_none=statistic.why_none)
    point, labels = statistic.point, np.asarray(units)
    n_units = min(len(np.unique(labels[used])) for used in statistic.used)
    if n_units < MIN_CLUSTERS:
        return Estimate(point=point, why_none=f"an interval needs {MIN_CLUSTERS} documents, and there are {n_units}")
    any_used = np.any(statistic.used, axis=0)
    half_width = cluster_half_width(statistic.influence[any_used], labels[any_used], 1.0)
    if half_width is None or not half_width > FLAT:
        return Estimate(point=point, why_none=NO_SPREAD.replace("rows", "documents"))
    return Estimate(point=point, interval=(point - half_width, point + half_width))


class RowIntervals:
    """Intervals of a panel's figures, all from the same draws, so that differences are paired.

    Args:
        labels: One per row: code, date, label_until, and leg_1 and leg_2 where a code is a pair.
        n_draws: Draws of days, and as many two-way draws.
        seed: Of the draws.
    """

    def __init__(self, labels: pd.DataFrame, n_draws: int, seed: int) -> None:
        self.days_per_run = RUNS_PER_HORIZON * max(1, horizon_of(labels))
        self._days = labels["date"].to_numpy()
        by_day = labels[["date"]].assign(code=0)
        self._draws = [self._weights(own, n_draws, seed) for own in (by_day, labels)]
        are_pairs = set(Panel.LEGS) <= set(labels.columns)
        names = labels[[*Panel.LEGS]] if are_pairs else labels[["code"]]
        self._n_names = len(np.unique(names.to_numpy().astype(str)))

    def __getitem__(self, statistic: Statistic) -> Figure:
        """The figure with its intervals."""
        point = statistic.point
        by_date, two_way = (point + weights @ statistic.influence for weights in self._draws)
        n_runs = min(len(np.unique(self._days[used])) for used in statistic.used) // self.days_per_run
        found = figure_of(point, (by_date, two_way), n_runs, self._n_names, self.days_per_run, statistic.why_none)
        return clipped(found, statistic.bounds)

    def _weights(self, labels: pd.DataFrame, n_draws: int, seed: int) -> FloatArray:
        rng, chunks = np.random.default_rng([seed, 2]), []
        for start in range(0, n_draws, DRAWS_PER_CHUNK):
            n = min(DRAWS_PER_CHUNK, n_draws - start)
            chunks.append(two_way_weights(labels, n, rng, self.days_per_run))
        return np.concatenate(chunks)
