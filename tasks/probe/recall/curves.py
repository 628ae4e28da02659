"""Bits per byte over days, of one model or of one model less another on the same documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.probe.recall.change_point import find_change
from tasks.probe.recall.config import RecallConfig
from tasks.probe.recall.intervals import estimate_of
from tasks.probe.recall.statistics import Statistic, ratio, undefined
from tasks.sampling.arrays import BoolArray, FloatArray, IntArray
from tasks.schemas.estimates import Estimate
from tasks.schemas.recall import ChangePoint, Curve, Period, PeriodRate

PERIODS: dict[Period, str] = {"month": "M", "quarter": "Q", "year": "Y"}
"""By pandas' name, shortest first."""
ENOUGH = 10
"""Documents of a period: with fewer, its interval is wider than most of what is looked for."""
NO_CUTOFF = "the model's cutoff is unknown"
NO_DOCUMENT = "there are no documents"


@dataclass(frozen=True, eq=False)
class Documents:
    """The documents that were scored.

    Args:
        days: (n,) datetime64[D].
        n_bytes: (n,).
        overlap: (n,) share of the n-grams that are in the training text; NaN where unknown.
        units: (n,) what each is one observation of.
    """

    days: NDArray[np.datetime64]
    n_bytes: FloatArray
    overlap: FloatArray
    units: NDArray

    @classmethod
    def of(cls, table: pd.DataFrame, config: RecallConfig) -> "Documents":
        """From the table of ProbeItems."""
        days = table["date"].to_numpy("datetime64[D]")
        units = days if config.unit == "day" else np.arange(len(days))
        n_bytes, overlap = (table[name].to_numpy(np.float64, na_value=np.nan) for name in ("n_bytes", "overlap"))
        return cls(days, n_bytes, overlap, units)


def choose_period(days: NDArray[np.datetime64]) -> Period:
    """The shortest period of which half have ten documents or more; else the year."""
    for name, code in PERIODS.items():
        counts = pd.Series(days).dt.to_period(code).value_counts()
        if counts.median() >= ENOUGH:
            return name
    return "year"


def curve_of(
    bits: FloatArray, documents: Documents, cutoff: date | None, period: Period, config: RecallConfig
) -> Curve:
    """All figures of one curve.

    Args:
        bits: (n,) of the documents; of a pair, the first model's less the second's.
        documents: Their days, bytes and overlaps.
        cutoff: Last day of the model's text; None where it is unknown.
        period: Of the curve's points.
        config: Bounds, draws and seed.
    """
    is_any = np.ones(len(bits), dtype=bool)
    before, after = _sides(bits, documents, cutoff)
    overlapping, others = _overlap(bits, documents, config.overlap_bounds[0])
    return Curve(
        cutoff=cutoff,
        periods=list(_periods(bits, documents, period)),
        overall=_estimate(_rate(bits, documents, is_any, NO_DOCUMENT), documents),
        before=_estimate(before, documents),
        after=_estimate(after, documents),
        rise=_estimate(after - before, documents),
        change=_change(bits, documents, config),
        overlapping=_estimate(overlapping, documents),
        others=_estimate(others, documents),
        overlap_gap=_estimate(overlapping - others, documents),
    )


def _rate(bits: FloatArray, documents: Documents, used: BoolArray, why: str) -> Statistic:
    return ratio(bits, documents.n_bytes, used, why)


def _estimate(statistic: Statistic, documents: Documents) -> Estimate:
    return estimate_of(statistic, documents.units)


def _sides(bits: FloatArray, documents: Documents, cutoff: date | None) -> tuple[Statistic, Statistic]:
    if cutoff is None:
        none = undefined(np.zeros(len(bits), dtype=bool), NO_CUTOFF)
        return none, none
    is_before = documents.days <= np.datetime64(cutoff)
    why = f"no document is dated {{}} the cutoff, {cutoff}"
    return (
        _rate(bits, documents, is_before, why.format("up to")),
        _rate(bits, documents, ~is_before, why.format("after")),
    )


def _overlap(bits: FloatArray, documents: Documents, bound: float) -> tuple[Statistic, Statistic]:
    known = np.isfinite(documents.overlap)
    if not known.any():
        none = undefined(known, "the overlap with the training text is unknown")
        return none, none
    above = documents.overlap > bound
    return (
        _rate(bits, documents, above, f"no document has an overlap above {bound:g}"),
        _rate(bits, documents, known & ~above, f"no document has an overlap of {bound:g} or less"),
    )


def _periods(bits: FloatArray, documents: Documents, period: Period) -> Iterator[PeriodRate]:
    of_document = pd.Series(documents.days).dt.to_period(PERIODS[period])
    for own in sorted(of_document.unique()):
        used = (of_document == own).to_numpy()
        yield PeriodRate(
            first=own.start_time.date(),
            n_documents=int(used.sum()),
            n_bytes=int(documents.n_bytes[used].sum()),
            rate=_estimate(_rate(bits, documents, used, NO_DOCUMENT), documents),
        )


def _change(bits: FloatArray, documents: Documents, config: RecallConfig) -> ChangePoint:
    days, rates = unit_means(documents.days, bits / documents.n_bytes, documents.units)
    rng = np.random.default_rng([config.seed, 5])
    found = find_change(days, rates, config.n_change_draws, rng, f"{config.unit}s")
    return found.model_copy(update={"n_documents": len(bits)})


def unit_means(days: NDArray, rates: FloatArray, units: NDArray) -> tuple[IntArray, FloatArray]:
    """One observation per unit: a long document is not more documents, nor a day of many documents more days.

    Args:
        days: (n,) datetime64[D] of the documents, the same for all of a unit.
        rates: (n,) such as bits per byte.
        units: (n,) what each document is one observation of.

    Returns:
        (n_units,) days counted from 1970-01-01, and means of the rates.
    """
    means = pd.DataFrame({"day": days.astype(np.int64), "rate": rates}).groupby(units).mean()
    return means["day"].to_numpy(np.int64), means["rate"].to_numpy()
