"""The figures a sweep can rank by: their place in the scores, and the R2s they are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from tasks.common.settings import Frozen
from tasks.common.text import DASH, bounds, signed
from tasks.schemas.draws import Terms
from tasks.schemas.estimates import Estimate, FitName, FitScores, Interval
from tasks.schemas.scores import HEADLINE_PAIR, PremiumScores, RobustScores
from tasks.sweep.config import MetricName

Point = tuple[float, Interval]
"""A figure of the reference contract with its stock draws."""


class Figure(Frozen):
    """A figure with one interval; an undefined figure has a reason."""

    point: float | None
    ends: tuple[float, float] | None = None
    """95 %."""
    interval: Literal["two-way", "stock draws", "none"] = "none"
    """`two-way`: stocks and days. `stock draws`: the reference interval, too narrow where stocks share shocks."""
    fit: FitName | None = None
    """None for the reference's figures."""
    why_none: str = ""


@dataclass(frozen=True)
class Metric:
    """A figure to rank by.

    Args:
        words: Description for the table.
        best: Which end is first.
        terms: The figure as a sum of one draw's R2s.
        estimate: Reads it from the scores of one fit.
        reference: Reads it with its stock draws from the reference scores; None where only the robust scores have it.
    """

    words: str
    best: Literal["highest", "lowest"]
    terms: Terms
    estimate: Callable[[FitScores], Estimate | None]
    reference: Callable[[PremiumScores], Point | None] | None = None

    @property
    def sign(self) -> int:
        """1 where the highest is best, else -1."""
        return 1 if self.best == "highest" else -1


def _premium(model: str, sign: int = 1) -> Terms:
    return {(model, "on"): sign, (model, "off"): -sign}


def _less(one: str, other: str, scheme: str) -> Terms:
    return {(one, scheme): 1, (other, scheme): -1}


def _of_model(model: str, figure: str) -> Callable[[FitScores], Estimate | None]:
    return lambda fit: getattr(fit.models.get(model), figure, None)


def _of_pair(one: str, other: str, figure: str) -> Callable[[FitScores], Estimate | None]:
    return lambda fit: getattr(fit.differences.get(f"{one} - {other}"), figure, None)


def _reference_reduction(scores: PremiumScores) -> Point | None:
    found = scores.reductions.get(HEADLINE_PAIR)
    return (found.point, found.interval) if found else None


def _reference_premium(model: str) -> Callable[[PremiumScores], Point | None]:
    def premium(scores: PremiumScores) -> Point | None:
        found = scores.models.get(model)
        return (found.premium, found.premium_interval) if found else None

    return premium


METRICS: dict[MetricName, Metric] = {
    "lookahead": Metric(
        "disjoint R2 of the base minus that of the trained model",
        "highest",
        _less("base", "trained", "disjoint"),
        _of_pair("base", "trained", "lookahead"),
    ),
    "gain": Metric(
        "R2 off of the base minus that of the trained model: gain from knowing the test span",
        "highest",
        _less("base", "trained", "off"),
        _of_pair("base", "trained", "gain"),
    ),
    "reduction": Metric(
        "reduction: premium of the base minus premium of the trained model; its sign does not tell who knows more",
        "highest",
        {**_premium("base"), **_premium("trained", -1)},
        _of_pair("base", "trained", "reduction"),
        _reference_reduction,
    ),
    "trained_against_placebo": Metric(
        "disjoint R2 of the placebo minus that of the trained model",
        "highest",
        _less("placebo", "trained", "disjoint"),
        _of_pair("placebo", "trained", "lookahead"),
    ),
    "premium_trained": Metric(
        "premium of the trained model",
        "lowest",
        _premium("trained"),
        _of_model("trained", "premium"),
        _reference_premium("trained"),
    ),
    "premium_base": Metric(
        "premium of the base",
        "lowest",
        _premium("base"),
        _of_model("base", "premium"),
        _reference_premium("base"),
    ),
    "shared_day_effect_trained": Metric(
        "shared-day effect of the trained model",
        "lowest",
        {("trained", "matched"): 1, ("trained", "disjoint"): -1},
        _of_model("trained", "shared_day_effect"),
    ),
    "shared_day_effect_base": Metric(
        "shared-day effect of the base",
        "lowest",
        {("base", "matched"): 1, ("base", "disjoint"): -1},
        _of_model("base", "shared_day_effect"),
    ),
    "disjoint_trained": Metric(
        "disjoint R2 of the trained model",
        "lowest",
        {("trained", "disjoint"): 1},
        _of_model("trained", "disjoint"),
    ),
}


def fit_of(robust: RobustScores) -> FitName:
    """The fit whose figures are compared: standardized, which no model's size of states changes, where there is one."""
    return "standardized" if "standardized" in robust.fits else "unscaled"


def figure_of(scores: PremiumScores, metric: Metric) -> Figure:
    """The metric's figure with its two-way interval; without robust scores the reference figure with stock draws."""
    if scores.robust is None:
        return _reference_figure(scores, metric)
    fit = fit_of(scores.robust)
    found = metric.estimate(scores.robust.fits[fit])
    if found is None:
        return Figure(point=None, why_none=_why_absent(metric))
    if found.point is None or not isfinite(found.point):
        return Figure(point=None, why_none=found.why_none or "the figure is not a number")
    # Scores before REVISION 3 have the percentiles alone.
    ends = found.interval or (_ends(found.two_way) if found.two_way else None)
    if ends is None:
        return Figure(point=found.point, fit=fit, why_none=found.why_none)
    return Figure(point=found.point, ends=ends, interval="two-way", fit=fit)


def _why_absent(metric: Metric) -> str:
    if any(model == "placebo" for model, _ in metric.terms):
        return "the recipe has no placebo arm"
    return "these scores, of an earlier version, do not have it"


def _reference_figure(scores: PremiumScores, metric: Metric) -> Figure:
    if metric.reference is None:
        return Figure(point=None, why_none="the recipe has only the reference figures (premium.robust is null)")
    found = metric.reference(scores)
    if found is None:
        return Figure(point=None, why_none=_why_absent(metric))
    point, interval = found
    if not isfinite(point):
        return Figure(point=None, why_none="the figure is not a number")
    return Figure(point=point, ends=_ends(interval), interval="stock draws")


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.p2_5, interval.p97_5


def with_interval(figure: Figure | None) -> str:
    """`+0.0794 [-0.0431, +0.3150]`; the reference's stock draws and unscaled columns of earlier scores are named."""
    if figure is None or figure.point is None:
        return DASH
    named = " (stock draws)" if figure.interval == "stock draws" else ""
    named += f" ({figure.fit})" if figure.fit not in (None, "standardized") else ""
    return f"{signed(figure.point)} {bounds(figure.ends)}{named}"
