"""Whether a model tells the direction of the panel's rows from entity and day, or without one of them, or both."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.probe.recall.curves import NO_CUTOFF
from tasks.probe.recall.intervals import RowIntervals
from tasks.probe.recall.statistics import EVERYTHING, SHARE, Statistic, auc, mean, undefined
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.schemas.probe import VARIANTS, Variant
from tasks.schemas.recall import Recalled, VariantRecall

ASKED: Variant = "date_only"
"""The question; the other variants are its controls."""
SURE = 1e-12
"""Least probability of an answer, so that log odds are finite."""
NO_ROW = "no such row was asked about"


@dataclass(frozen=True, eq=False)
class AskedRows:
    """The panel's rows that were asked about.

    Args:
        labels: One per row: code, date, label_until, and legs.
        target: (n,).
        intervals: Of figures of these rows.
    """

    labels: pd.DataFrame
    target: FloatArray
    intervals: RowIntervals

    @property
    def days(self) -> NDArray[np.datetime64]:
        """(n,) day of each row."""
        return self.labels["date"].to_numpy("datetime64[D]")

    @property
    def is_up(self) -> BoolArray:
        """(n,) whether the target is above zero."""
        return self.target > 0

    @property
    def is_flat(self) -> BoolArray:
        """(n,) whether a row neither rose nor fell; a target of zeros and ones has none."""
        is_binary = bool(np.isin(self.target, (0.0, 1.0)).all())
        return np.zeros(len(self.target), dtype=bool) if is_binary else self.target == 0


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to one variant, on the rows that were asked about.

    Args:
        p_up: (n,) NaN for rows that this variant did not ask about.
        mass: (n,) probability that one of the two answers is said.
    """

    p_up: FloatArray
    mass: FloatArray

    @property
    def is_asked(self) -> BoolArray:
        """(n,)."""
        return np.isfinite(self.p_up)

    @property
    def certainty(self) -> FloatArray:
        """(n,) distance from one half."""
        return np.abs(self.p_up - 0.5)


def variant_scores(
    answers: Mapping[Variant, Answers], rows: AskedRows, cutoff: date | None
) -> dict[Variant, VariantRecall]:
    """A model's figures by variant, in the order of VARIANTS.

    Args:
        answers: By variant.
        rows: The rows asked about.
        cutoff: Last day of the model's text; None where it is unknown.
    """
    before, after = _sides(rows, cutoff)
    why = NO_ROW if cutoff else NO_CUTOFF
    found = {}
    for name in (own for own in VARIANTS if own in answers):
        own = answers[name]
        used = own.is_asked & ~rows.is_flat
        fall = _auc(own, rows, used & before, why) - _auc(own, rows, used & after, why)
        found[name] = VariantRecall(
            n_asked=int(own.is_asked.sum()),
            n_flat=int((own.is_asked & rows.is_flat).sum()),
            mass=_mean(own.mass[own.is_asked]),
            certainty=_mean(own.certainty[own.is_asked]),
            overall=_recalled(own, rows, used, NO_ROW),
            before=_recalled(own, rows, used & before, why),
            after=_recalled(own, rows, used & after, why),
            n_across=int((used & ~before & ~after).sum()) if cutoff else 0,
            fall=rows.intervals[fall],
            beyond_control=rows.intervals[_beyond(answers, name, rows)],
        )
    return found


def _sides(rows: AskedRows, cutoff: date | None) -> tuple[BoolArray, BoolArray]:
    """Rows whose target was known by the cutoff, and rows of later days; neither where it is unknown."""
    if cutoff is None:
        none = np.zeros(len(rows.target), dtype=bool)
        return none, none
    day = np.datetime64(cutoff)
    return rows.labels["label_until"].to_numpy("datetime64[D]") <= day, rows.days > day


def _recalled(answers: Answers, rows: AskedRows, used: BoolArray, why: str) -> Recalled:
    is_up, intervals = rows.is_up, rows.intervals
    p_up = np.where(used, answers.p_up, 0.5)
    odds = np.log(np.clip(p_up, SURE, 1)) - np.log(np.clip(1 - p_up, SURE, 1))
    right = np.where(p_up == 0.5, 0.5, (p_up > 0.5) == is_up)
    gap = mean(odds, used & is_up, EVERYTHING, why) - mean(odds, used & ~is_up, EVERYTHING, why)
    return Recalled(
        n_rows=int(used.sum()),
        n_days=len(np.unique(rows.days[used])),
        share_up=_mean(is_up[used].astype(np.float64)),
        auc=intervals[_auc(answers, rows, used, why)],
        log_odds_gap=intervals[gap],
        hit_rate=intervals[mean(right, used, SHARE, why)],
        brier=intervals[mean((p_up - is_up) ** 2, used, SHARE, why)],
    )


def _auc(answers: Answers, rows: AskedRows, used: BoolArray, why: str) -> Statistic:
    if not used.any():
        return undefined(used, why)
    return auc(np.where(used, answers.p_up, 0.5), rows.is_up, used)


def _beyond(answers: Mapping[Variant, Answers], variant: Variant, rows: AskedRows) -> Statistic:
    """AUC of the question less that of a control, on rows of both."""
    used = answers[variant].is_asked & answers[ASKED].is_asked & ~rows.is_flat
    if variant == ASKED:
        return undefined(used, "it is the question itself")
    return _auc(answers[ASKED], rows, used, NO_ROW) - _auc(answers[variant], rows, used, NO_ROW)


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if len(values) else None
