"""What a panel of currency pairs must have before its directions are forecast or asked for."""

import numpy as np
import pandas as pd

from tasks.sampling.errors import NotPairs, PriceGap
from tasks.schemas.artifacts import Panel


def check_pairs(panel: pd.DataFrame, max_gap_days: int) -> None:
    """Check a panel's legs, and that no pair's prices have a long gap.

    Args:
        panel: One row per pair and day: code, date, label_until, leg_1 and leg_2.
        max_gap_days: Calendar days between a pair's neighbouring rows, or from a row to its label's last day, at most.

    Raises:
        NotPairs: If the panel has no legs, or a pair lacks one.
        PriceGap: If a pair's rows, or a row and its label, are further apart.
    """
    _check_legs(panel)
    _check_gaps(panel, max_gap_days)


def horizon_of(labels: pd.DataFrame) -> int:
    """Weekdays from a row's day to its label's last; the median row's."""
    first, last = (labels[name].to_numpy("datetime64[D]") for name in ("date", "label_until"))
    return int(np.median(np.busday_count(first, last)))


def _check_legs(panel: pd.DataFrame) -> None:
    if absent := [name for name in Panel.LEGS if name not in panel]:
        raise NotPairs(
            f"the panel has no {' and no '.join(absent)}; directions are forecast of currency pairs, such as "
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
