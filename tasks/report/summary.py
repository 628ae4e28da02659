"""The top of the page: the figures to quote, and on which side of zero the reduction is."""

from typing import Any

from tasks.common.text import signed
from tasks.report.tables.decomposition import models_of
from tasks.report.text import NO_REASON, interval_bounds
from tasks.schemas.scores import Estimate, Interval, PremiumScores

TOO_NARROW = ", the reference interval, too narrow where stocks share shocks"
Line = tuple[str, str, str]
"""Text before an interval, the interval, and text after it."""


def cards(scores: PremiumScores) -> list[dict[str, Any]]:
    """Reduction and premiums: the two-way interval first, then the reference contract's figure with its stock draws.

    Returns:
        For each card its name, its value, and lines of text before an interval, the interval, and text after it.
    """
    reference = {
        "Reduction": (scores.premium_reduction, scores.reduction_interval),
        "Premium, base model": (scores.base.premium, scores.base.premium_interval),
        "Premium, trained model": (scores.trained.premium, scores.trained.premium_interval),
    }
    if scores.robust is None:
        return [_card(name, point, [_stock_draws(ends)]) for name, (point, ends) in reference.items()]
    premiums = {f"Premium, {name} model": parts.premium for name, parts in models_of(scores.robust).items()}
    found = []
    for name, estimate in {"Reduction": scores.robust.reduction, **premiums}.items():
        lines = [_two_way(estimate)]
        if name in reference:
            point, ends = reference[name]
            lines.append(_stock_draws(ends, f"reference contract {signed(point)}, "))
        found.append(_card(name, estimate.point, lines))
    return found


def compare_with_zero(scores: PremiumScores) -> str:
    """On which side of zero the reduction's interval is: the two-way interval where there is one."""
    if scores.robust is None:
        return f"The reference 95 % interval of the reduction {_side_of_zero(scores.reduction_interval)}"
    found = scores.robust.reduction
    if found.two_way is None:
        return f"There is no two-way interval of the reduction: {found.why_none or NO_REASON}"
    return f"The two-way 95 % interval of the reduction {_side_of_zero(found.two_way)}"


def _card(name: str, point: float | None, lines: list[Line]) -> dict[str, Any]:
    return {"name": name, "value": signed(point), "lines": lines}


def _two_way(found: Estimate) -> Line:
    if found.point is None or found.two_way is None:
        return f"no two-way interval: {found.why_none or NO_REASON}", "", ""
    return "two-way 95 %", interval_bounds(found.two_way), ""


def _stock_draws(ends: Interval, prefix: str = "") -> Line:
    return f"{prefix}95 % of stock draws", interval_bounds(ends), TOO_NARROW


def _side_of_zero(interval: Interval) -> str:
    if interval.p2_5 > 0:
        return "is above zero."
    if interval.p97_5 < 0:
        return "is below zero."
    if interval.p2_5 <= 0 <= interval.p97_5:
        return "contains zero: this panel does not distinguish the two models."
    return "is no interval of numbers: nothing follows from it."
