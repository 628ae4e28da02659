"""Dated items that a model recognises, before and after its cutoff, equally long on both sides.

Sentences of one document have a subject and a style in common, so that an interval counts documents, not sentences; or
days, where documents of a day are alike too.
"""

import math
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import stdtrit

from tasks.probe.recall.curves import NO_CUTOFF
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.sampling.clusters import MIN_CLUSTERS, cluster_half_width
from tasks.schemas.estimates import PERCENTILES, QUANTILE_975, Estimate
from tasks.schemas.recall import GATE_AFTER, GATE_BEFORE, FactScores, Unit

MAX_GAP = 0.1
"""Difference of mean log lengths, in standard deviations, that counts as none (Austin 2009, Stat. Med. 28(25))."""
CALIPER = 0.2
"""Log lengths of two matched items differ by no more standard deviations (Austin 2011, Pharm. Stat. 10(2))."""
MIN_ITEMS = 10
"""On each side: with fewer, a share's interval spans half of what is possible."""
ROUNDING = 1e-9
NUMBER = r":\d+$"
"""At the end of a cloze item's id, after its document's."""
MAX_ITEMS = 4_000
"""On each side, the first by day and id: matching compares all pairs."""


def fact_scores(facts: pd.DataFrame, cutoff: date | None, unit: Unit = "document") -> FactScores:
    """Shares of items recognised on each side of the cutoff.

    Where the two sides differ in length, each item of the smaller side is matched with one of the other of about its
    length, and items without a match are left out: longer items are recognised more often, or less.

    Args:
        facts: Columns id, date, n_bytes (prompt and answer), wrong (list of str) and margin. Items whose ids differ
            only in a number after the last colon are of one document.
        cutoff: Last day of the model's text; None where it is unknown.
        unit: What intervals count as one observation.
    """
    lengths = np.log(facts["n_bytes"].to_numpy(np.float64))
    is_before = np.zeros(len(facts), dtype=bool)
    if cutoff is not None:
        is_before = facts["date"].to_numpy("datetime64[D]") <= np.datetime64(cutoff)
    kept, why = _kept(lengths, is_before, cutoff)
    recognised = facts["margin"].to_numpy(np.float64) > 0
    sides = kept & is_before, kept & ~is_before
    units = (facts["date"] if unit == "day" else facts["id"].str.replace(NUMBER, "", regex=True)).to_numpy(str)
    before, after = (_share(recognised[side], units[side], unit, why) for side in sides)
    chance = float(np.mean([1 / (1 + len(own)) for own in facts["wrong"]])) if len(facts) else None
    gate, why_no_gate = _gate(before, after, chance)
    return FactScores(
        n_items=len(facts),
        n_unmatched=(int((is_before & ~kept).sum()), int((~is_before & ~kept).sum())),
        length_gap=(_gap(lengths, is_before), _gap(lengths[kept], is_before[kept])),
        n_before=int(sides[0].sum()),
        n_after=int(sides[1].sum()),
        before=before,
        after=after,
        difference=_difference(before, after),
        chance=chance,
        gate=gate,
        why_no_gate=why_no_gate,
    )


def _kept(lengths: FloatArray, is_before: BoolArray, cutoff: date | None) -> tuple[BoolArray, str]:
    """Items that count; or why none does."""
    everything, nothing = np.ones(len(lengths), dtype=bool), np.zeros(len(lengths), dtype=bool)
    if not len(lengths):
        return nothing, "there are no dated items"
    if cutoff is None:
        return nothing, NO_CUTOFF
    counts = int(is_before.sum()), int((~is_before).sum())
    if min(counts) < MIN_ITEMS:
        return nothing, f"{counts[0]} items are from before the cutoff, {counts[1]} from after; {MIN_ITEMS} are needed"
    gap = _gap(lengths, is_before)
    if gap is not None and abs(gap) <= MAX_GAP:
        return everything, ""
    kept = _matched(lengths, is_before)
    n_pairs, left = int(kept.sum()) // 2, _gap(lengths[kept], is_before[kept])
    if n_pairs < MIN_ITEMS or left is None or not abs(left) <= MAX_GAP:
        return nothing, f"the two sides differ in length, and {n_pairs} pairs of about equal length are left"
    return kept, ""


def _matched(lengths: FloatArray, is_before: BoolArray) -> BoolArray:
    """Pairs of about equal length, one item of each side, so that the sum of differences is least."""
    before, after = (np.flatnonzero(side)[:MAX_ITEMS] for side in (is_before, ~is_before))
    apart = np.abs(lengths[before][:, None] - lengths[after][None]) / _spread(lengths, is_before)
    # A pair beyond the caliper costs more than any number of pairs within it, so that as many as can be are matched.
    chosen = linear_sum_assignment(np.where(apart <= CALIPER, apart, 10.0 * min(apart.shape)))
    within = apart[chosen] <= CALIPER
    kept = np.zeros(len(lengths), dtype=bool)
    kept[before[chosen[0][within]]] = kept[after[chosen[1][within]]] = True
    return kept


def _spread(lengths: FloatArray, is_before: BoolArray) -> float:
    variances = [float(lengths[side].var()) for side in (is_before, ~is_before)]
    return max(math.sqrt(sum(variances) / 2), ROUNDING)


def _gap(lengths: FloatArray, is_before: BoolArray) -> float | None:
    if not is_before.any() or is_before.all():
        return None
    return float(lengths[is_before].mean() - lengths[~is_before].mean()) / _spread(lengths, is_before)


def _share(recognised: BoolArray, units: NDArray[np.str_], unit: Unit, why: str) -> Estimate:
    """With an interval by unit.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22(158), for the interval; Dean and Pagano (2015), J. Surv. Stat.
    Methodol. 3(4), for it in a sample of clusters, from the effective number of items.
    """
    if not len(recognised):
        return Estimate(point=None, why_none=why)
    share, n_units = float(recognised.mean()), len(np.unique(units))
    if n_units < MIN_CLUSTERS:
        return Estimate(
            point=share, why_none=f"an interval needs items of {MIN_CLUSTERS} {unit}s, and there are {n_units}"
        )
    if n_units == len(recognised):
        return Estimate(point=share, interval=_wilson(share, QUANTILE_975**2 / n_units))
    return Estimate(point=share, interval=_wilson(share, _squared_quantile(recognised, units)))


def _squared_quantile(recognised: BoolArray, units: NDArray[np.str_]) -> float:
    """Student's quantile squared, over the number of independent items whose share varies as much.

    Where all items, or none, are recognised, no variance tells how alike a unit's are: each unit counts as one.
    """
    share, n_items, n_units = float(recognised.mean()), len(recognised), len(np.unique(units))
    squared = float(stdtrit(n_units - 1, PERCENTILES[2] / 100)) ** 2
    half_width = cluster_half_width(recognised.astype(np.float64) - share, units, n_items)
    if not half_width or not 0 < share < 1:
        return squared / n_units
    # Units that differ less than chance would make them are chance too: no more independent items than items.
    return max(half_width**2 / (share * (1 - share)), squared / n_items)


def _wilson(share: float, squared: float) -> tuple[float, float]:
    """Ends of the interval, from the squared quantile over the number of items."""
    middle = (share + squared / 2) / (1 + squared)
    half_width = math.sqrt(squared * (share * (1 - share) + squared / 4)) / (1 + squared)
    return max(middle - half_width, 0.0), min(middle + half_width, 1.0)


def _difference(before: Estimate, after: Estimate) -> Estimate:
    """Source: Newcombe (1998), Stat. Med. 17(8), method 10: from both shares' Wilson intervals."""
    if before.point is None or after.point is None or before.interval is None or after.interval is None:
        return Estimate(point=None, why_none=before.why_none or after.why_none)
    point = before.point - after.point
    below = np.hypot(before.point - before.interval[0], after.interval[1] - after.point)
    above = np.hypot(before.interval[1] - before.point, after.point - after.interval[0])
    return Estimate(point=point, interval=(point - float(below), point + float(above)))


def _gate(before: Estimate, after: Estimate, chance: float | None) -> tuple[Literal["passed", "failed"] | None, str]:
    if before.point is None or after.point is None:
        return None, before.why_none or after.why_none
    if chance is None or not chance <= GATE_AFTER + ROUNDING:
        return None, f"items need {round(1 / GATE_AFTER) - 1} wrong answers or more, or chance exceeds {GATE_AFTER:.0%}"
    return ("passed" if before.point >= GATE_BEFORE and after.point <= GATE_AFTER else "failed"), ""
