"""Probabilities of a rise, by model and split: on the hold-out, and on the tuning rows that precede it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tasks.evaluate.baselines import make_baseline, model_table
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import BadForecast
from tasks.evaluate.rows import DirectionRows
from tasks.evaluate.splits import Tuned
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.sampling.errors import BadHoldout
from tasks.schemas.direction import QUOTED, SPLITS, BaselineName, SplitName

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Forecast:
    """One model's probabilities on one split.

    Args:
        test: (n_test,) hold-out rows with an outcome other than zero.
        probability: (n_test,) of a rise.
        tuning: (n_tuning,) the same on tuning rows, by a fit on the train rows before them.
    """

    test: IntArray
    probability: FloatArray
    tuning: FloatArray


def fit_baselines(
    rows: DirectionRows, splits: Mapping[SplitName, Tuned], config: EvaluateConfig
) -> dict[tuple[str, SplitName], Forecast]:
    """Fit every baseline on every split, and once more before its tuning rows.

    Rows whose outcome is zero are neither fitted on nor forecast.

    Raises:
        BadHoldout: If the rows to fit on have outcomes of one direction.
        UnknownFeature: If a baseline reads a feature that the panel lacks.
    """
    table, features = model_table(rows, config.seed), list(rows.numeric.columns)
    found: dict[tuple[str, SplitName], Forecast] = {}
    # One thread: more would change the order of sums, and compete with other runs.
    with threadpool_limits(1):
        for split, tuned in splits.items():
            outer, inner = (_with_outcome(rows, own.train, own.test) for own in (tuned.split, tuned.inner))
            for train, _ in (outer, inner):
                _check_directions(rows, train, split)
            for name in config.models:
                log.info("evaluate: %s on the %s split", name, split)
                probability, tuning = (_fitted(name, table, features, rows, *sides, config) for sides in (outer, inner))
                found[name, split] = Forecast(outer[1], probability, tuning)
    return found


def brought_forecasts(
    rows: DirectionRows, splits: Mapping[SplitName, Tuned], config: EvaluateConfig
) -> dict[tuple[str, SplitName], Forecast]:
    """The forecasts brought along, on the rows of the chronological hold-out that they cover.

    Raises:
        BadForecast: If one has a baseline's name, or covers no row of the hold-out.
    """
    found: dict[tuple[str, SplitName], Forecast] = {}
    for name, probability in rows.brought.items():
        if name in config.models:
            raise BadForecast(f"forecast {name!r} has the name of a baseline; rename it.")
        test, tuning = (own.test[~rows.is_zero[own.test]] for own in (splits[QUOTED].split, splits[QUOTED].inner))
        covered, known = (own[~np.isnan(probability[own])] for own in (test, tuning))
        if not len(covered):
            raise BadForecast(
                f"forecast {name!r} is missing in all {len(test)} hold-out rows; give probabilities of these rows, or "
                "move the hold-out to those that have some."
            )
        found[name, QUOTED] = Forecast(covered, probability[covered], probability[known])
    return found


def _with_outcome(rows: DirectionRows, train: IntArray, test: IntArray) -> tuple[IntArray, IntArray]:
    return train[~rows.is_zero[train]], test[~rows.is_zero[test]]


def _fitted(
    name: BaselineName,
    table: pd.DataFrame,
    features: list[str],
    rows: DirectionRows,
    train: IntArray,
    test: IntArray,
    config: EvaluateConfig,
) -> FloatArray:
    model = make_baseline(name, features, config).fit(table.iloc[train], rows.is_up[train])
    rise: FloatArray = model.predict_proba(table.iloc[test])[:, 1]
    return rise


def _check_directions(rows: DirectionRows, train: IntArray, split: SplitName) -> None:
    n_up = int(rows.is_up[train].sum())
    if not 0 < n_up < len(train):
        raise BadHoldout(
            f"{n_up} of {len(train)} rows to fit on are rises, on the {split} split ({SPLITS[split]}); a model needs "
            "both directions: lengthen the panel or start the hold-out later."
        )
