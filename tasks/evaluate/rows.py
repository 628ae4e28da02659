"""The panel's rows as forecasts need them: checked days, legs, label days, features and outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.errors import BadForecast, NotPairs, PriceGap
from tasks.sampling.arrays import BoolArray, FloatArray
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
        first, last = (self.labels[name].to_numpy("datetime64[D]") for name in ("date", "label_until"))
        return int(np.median(np.busday_count(first, last)))

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
    _check_legs(panel)
    _check_gaps(panel, config.max_gap_days)
    for name, probability in (brought or {}).items():
        _check_forecast(name, probability, len(panel))
    return DirectionRows(
        labels=panel[[*Panel.KEYS, *Panel.LEGS]].reset_index(drop=True),
        numeric=panel[Panel.features_among(panel.columns)].reset_index(drop=True).astype(np.float64),
        outcome=panel["target"].to_numpy(np.float64),
        brought=dict(brought or {}),
    )


def _check_legs(panel: pd.DataFrame) -> None:
    if absent := [name for name in Panel.LEGS if name not in panel]:
        raise NotPairs(
            f"the panel has no {' and no '.join(absent)}; a direction forecast is evaluated on currency pairs, such as "
            "those of panel.source.kind = ecb_fx."
        )
    for leg in Panel.LEGS:
        lacking = panel[panel[leg].isna() | (panel[leg] == "")]
        if len(lacking):
            row = lacking.iloc[0]
            raise NotPairs(
                f"pair {row['code']} has no {leg} on {row['date']:%Y-%m-%d}, and {len(lacking)} rows in all have none; "
                "name both currencies of each pair."
            )


def _check_gaps(panel: pd.DataFrame, max_gap_days: int) -> None:
    """Raise PriceGap for the longest gap beyond the bound."""
    ordered = panel.sort_values(["code", "date"], kind="stable")
    before = ordered.groupby("code")["date"].shift()
    spans = pd.concat(
        [
            ordered[["code"]].assign(start=before, end=ordered["date"]),
            ordered[["code"]].assign(start=ordered["date"], end=ordered["label_until"]),
        ]
    ).dropna()
    n_days = (spans["end"] - spans["start"]).dt.days
    if not n_days.max() <= max_gap_days:
        longest = spans.loc[n_days.to_numpy() == n_days.max()].iloc[0]
        raise PriceGap(
            f"pair {longest['code']} has no price between {longest['start']:%Y-%m-%d} and {longest['end']:%Y-%m-%d}, "
            f"{n_days.max()} days; at most max_gap_days={max_gap_days} may lie between two, or features and outcomes "
            "would reach over the gap. Fill it, begin the panel after it, or keep every day of a pair "
            "(panel.dates_per_stock)."
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
