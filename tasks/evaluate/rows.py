"""The panel's rows as forecasts need them: checked days, legs, label days, features and outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import BadForecast
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.sampling.pairs import check_pairs, horizon_of
from tasks.schemas.artifacts import Panel


@dataclass(frozen=True, eq=False)
class DirectionRows:
    """Rows of currency pairs.

    Args:
        labels: One per row: code, date, label_from, label_until, leg_1 and leg_2, in the panel's order.
        numeric: (n_rows, n_features) known on the row's day.
        outcome: (n_rows,) return up to the label's last day; its sign is what is forecast.
        brought: (n_rows,) probabilities of a rise by models fitted elsewhere, by name; NaN in rows they do not cover.
    """

    labels: pd.DataFrame
    numeric: pd.DataFrame
    outcome: FloatArray
    brought: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def is_up(self) -> BoolArray:
        """(n_rows,) whether the outcome is a rise."""
        is_up: BoolArray = self.outcome > 0
        return is_up

    @property
    def is_zero(self) -> BoolArray:
        """(n_rows,) whether the outcome is neither a rise nor a fall."""
        is_zero: BoolArray = self.outcome == 0
        return is_zero

    @property
    def horizon(self) -> int:
        """Weekdays from a row's day to its label's last; the median row's."""
        return horizon_of(self.labels)

    @property
    def currencies(self) -> list[str]:
        """Names of all legs."""
        return sorted(map(str, np.unique(self.labels[[*Panel.LEGS]].to_numpy())))


def direction_rows(
    panel: pd.DataFrame, config: EvaluateConfig, brought: Mapping[str, FloatArray] | None = None
) -> DirectionRows:
    """Check a panel's rows and take them apart.

    Args:
        panel: One row per pair and day: code, date, label_from, label_until, features, target, leg_1, leg_2.
        config: Longest gap between a pair's rows.
        brought: As in `DirectionRows`.

    Raises:
        NotPairs: If the panel has no legs, or a pair lacks one.
        PriceGap: If a pair's rows, or a row and its label, are further apart than the features' window.
        BadForecast: If a forecast is not between 0 and 1, or has another number of rows.
    """
    check_pairs(panel, config.max_gap_days)
    for name, probability in (brought or {}).items():
        _check_forecast(name, probability, len(panel))
    return DirectionRows(
        labels=panel[[*Panel.KEYS, *Panel.LEGS]].reset_index(drop=True),
        numeric=panel[Panel.features_among(panel.columns)].reset_index(drop=True).astype(np.float64),
        outcome=panel["target"].to_numpy(np.float64),
        brought=dict(brought or {}),
    )


def _check_forecast(name: str, probability: FloatArray, n_rows: int) -> None:
    if probability.shape != (n_rows,):
        raise BadForecast(
            f"forecast {name!r} has shape {probability.shape}, and the panel {n_rows} rows; give one for each."
        )
    known = probability[~np.isnan(probability)]
    if len(wrong := known[~((known >= 0) & (known <= 1))]):
        raise BadForecast(
            f"forecast {name!r} has {len(wrong)} values outside of 0 to 1, such as {wrong[0]:g}; give probabilities of "
            "a rise."
        )
