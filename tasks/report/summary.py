"""The top of the page: the figures to quote, and where zero lies."""

from typing import Any

from tasks.report.tables.decomposition import models_of
from tasks.report.text import NO_REASON, bounds, signed
from tasks.schemas.scores import Estimate, Interval, PremiumScores

TOO_NARROW = ", the seed's interval, too narrow where stocks share shocks"
Line = tuple[str, str, str]
"""What is said before an interval, the interval, and what is said after it."""


def cards(scores: PremiumScores) -> list[dict[str, Any]]:
    """Reduction and premiums: two-way interval first, the seed's figure and its stock draws named as the seed's.

    Returns:
        Of each card its name, its figure, and lines of what is said before an interval, the interval, and after it.
    """
    seed = {
        "Reduction": (scores.premium_reduction, scores.reduction_interval),
        "Premium, base model": (scores.base.premium, scores.base.premium_interval),
        "Premium, trained model": (scores.trained.premium, scores.trained.premium_interval),
    }
    if scores.robust is None:
        return [
            {"name": name, "value": signed(point), "lines": [("95 % of stock draws", bounds(ends), TOO_NARROW)]}
            for name, (point, ends) in seed.items()
        ]
    premiums = {f"Premium, {name} model": parts.premium for name, parts in models_of(scores.robust).items()}
    return [
        {"name": name, "value": signed(found.point), "lines": [_two_way(found), *_seed_line(*seed.get(name, ()))]}
        for name, found in {"Reduction": scores.robust.reduction, **premiums}.items()
    ]


def where_zero_lies(scores: PremiumScores) -> str:
    """Where zero lies against the reduction's interval, the two-way one where there is one."""
    if scores.robust is None:
        return f"The seed's 95 % interval of the reduction {_zero(scores.reduction_interval)}"
    found = scores.robust.reduction
    if found.two_way is None:
        return f"There is no two-way interval of the reduction: {found.why_none or NO_REASON}"
    return f"The two-way 95 % interval of the reduction {_zero(found.two_way)}"


def _two_way(found: Estimate) -> Line:
    if found.point is None or found.two_way is None:
        return f"no two-way interval: {found.why_none or NO_REASON}", "", ""
    return "two-way 95 %", bounds(found.two_way), ""


def _seed_line(point: float | None = None, ends: Interval | None = None) -> list[Line]:
    return [] if point is None else [(f"seed contract {signed(point)}, 95 % of stock draws", bounds(ends), TOO_NARROW)]


def _zero(interval: Interval) -> str:
    if interval.p2_5 > 0:
        return "lies above zero."
    return "lies below zero." if interval.p97_5 < 0 else "holds zero: this panel does not tell the two models apart."
