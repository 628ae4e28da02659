"""Decay: what a model's out-of-sample predictions are worth by distance from its knowledge cutoff."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from tasks.premium.inference.day_blocks import MIN_DAYS, day_estimate
from tasks.premium.inference.predictions import Predictions
from tasks.premium.inference.rank_ic import daily_correlations
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray, IntArray
from tasks.schemas.checks import SPAN_ENDS, SPANS, DayEstimate, Decay, DecayBin

SPLITS: tuple[Literal["disjoint", "off"], ...] = ("disjoint", "off")
"""Disjoint tests every row of the panel, on days and stocks that its fit has not seen, so that spans compare like with
like; off is what a forecaster has, but tests only the days after the cut."""


def decay(rows: Rows, predictions: Predictions, cutoff: date) -> Decay:
    """Score one model's predictions by span of days around its knowledge cutoff.

    A model that knows the returns of the days up to its cutoff with R2 = r, a fraction kappa of the train rows, has
    r (2 kappa - kappa^2) up to the cutoff and -r kappa^2 after it: the fit trusts what stops. Its rank IC is 0 there.

    Args:
        rows: The panel.
        predictions: Of this model.
        cutoff: Last day of the text that it was trained on.
    """
    spans = span_of_day(rows.labels["date"], cutoff)
    return Decay(
        cutoff=cutoff,
        fits={
            fit: [found for split in SPLITS for found in _bins(rows, own[split], spans, split)]
            for fit, own in predictions.items()
        },
    )


def span_of_day(dates: pd.Series, cutoff: date) -> IntArray:
    """(n_rows,) index into SPANS of each row's day.

    Examples:
        >>> days = pd.Series(pd.to_datetime(["2020-06-30", "2020-07-01", "2020-12-30", "2020-12-31", "2022-01-01"]))
        >>> span_of_day(days, date(2020, 6, 30)).tolist()
        [0, 1, 1, 2, 3]
    """
    ends = [pd.Timestamp(cutoff) + pd.DateOffset(months=months) for months in SPAN_ENDS]
    return np.searchsorted(pd.DatetimeIndex(ends).to_numpy("datetime64[D]"), dates.to_numpy("datetime64[D]"))


def _bins(
    rows: Rows, predictions: FloatArray, spans: IntArray, split: Literal["disjoint", "off"]
) -> Iterator[DecayBin]:
    for index, span in enumerate(SPANS):
        chosen = (spans == index) & np.isfinite(predictions)
        own = (predictions[chosen], rows.target[chosen], rows.labels["date"][chosen])
        yield DecayBin(split=split, span=span, r2=_r2(*own), rank_ic=_rank_ic(*own), n_rows=int(chosen.sum()))


def _r2(predictions: FloatArray, target: FloatArray, dates: pd.Series) -> DayEstimate:
    """1 - SSE / SST about the rows' mean; its error from the days' shares of both sums, by the delta method."""
    n_days = dates.nunique()
    if n_days < MIN_DAYS:
        return _too_few(n_days, "of this span are tested")
    squares = pd.DataFrame({"sse": (target - predictions) ** 2, "sst": (target - target.mean()) ** 2})
    by_day = squares.groupby(dates.to_numpy()).sum()
    sse, sst = by_day.sum()
    if not sst > 0:
        return DayEstimate(point=None, n_days=n_days, why_none="the target of this span does not vary")
    influences = (sse / sst * by_day["sst"] - by_day["sse"]).to_numpy() * n_days / sst
    return day_estimate(float(1 - sse / sst), influences)


def _rank_ic(predictions: FloatArray, target: FloatArray, dates: pd.Series) -> DayEstimate:
    by_day = daily_correlations(predictions, target, dates)
    if len(by_day) < MIN_DAYS:
        return _too_few(len(by_day), "of this span have five stocks to order")
    return day_estimate(float(by_day.mean()), by_day - by_day.mean())


def _too_few(n_days: int, what: str) -> DayEstimate:
    return DayEstimate(point=None, n_days=n_days, why_none=f"{n_days} days {what}, {MIN_DAYS} are needed")
