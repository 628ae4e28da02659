"""The figures a sweep can rank by: their place in the scores, and how to compute them from the draws."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from tasks.common.settings import Frozen
from tasks.common.text import DASH, bounds, signed
from tasks.schemas.scores import Estimate, Interval, PremiumScores, RobustScores
from tasks.sweep.config import MetricName

if TYPE_CHECKING:
    import numpy as np

MODELS = ("base", "trained", "placebo")
SCHEMES = ("on", "off", "date_disjoint", "disjoint")
"""Columns of `two_way.npy` after the draw's number: each model's, in this order."""
Terms = dict[tuple[str, str], int]
"""A figure as a sum of R2s: (model, scheme) to sign."""


class Figure(Frozen):
    """A figure with one interval; an undefined figure has a reason."""

    point: float | None
    ends: tuple[float, float] | None = None
    """95 %."""
    interval: Literal["two-way", "stock draws", "none"] = "none"
    """`two-way`: stocks and days. `stock draws`: the reference interval, too narrow where stocks share shocks."""
    why_none: str = ""


@dataclass(frozen=True)
class Metric:
    """A figure to rank by.

    Args:
        words: Description for the table.
        best: Which end is first.
        terms: The figure as a sum of one draw's R2s.
        estimate: Reads it from the robust scores.
        reference: Reads it with its stock draws from the reference scores; None where only the robust scores have it.
    """

    words: str
    best: Literal["highest", "lowest"]
    terms: Terms
    estimate: Callable[[RobustScores], Estimate | None]
    reference: Callable[[PremiumScores], tuple[float, Interval]] | None = None

    @property
    def sign(self) -> int:
        """1 where the highest is best, else -1."""
        return 1 if self.best == "highest" else -1


def _premium(model: str, sign: int = 1) -> Terms:
    return {(model, "on"): sign, (model, "off"): -sign}


def _shared_day_effect(model: str) -> Terms:
    return {(model, "on"): 1, (model, "disjoint"): -1}


METRICS: dict[MetricName, Metric] = {
    "reduction": Metric(
        "reduction: premium of the base minus premium of the trained model",
        "highest",
        {**_premium("base"), **_premium("trained", -1)},
        attrgetter("reduction"),
        attrgetter("premium_reduction", "reduction_interval"),
    ),
    "lookahead": Metric(
        "disjoint R2 of the base minus that of the trained model",
        "highest",
        {("base", "disjoint"): 1, ("trained", "disjoint"): -1},
        attrgetter("lookahead"),
    ),
    "trained_against_placebo": Metric(
        "disjoint R2 of the placebo minus that of the trained model",
        "highest",
        {("placebo", "disjoint"): 1, ("trained", "disjoint"): -1},
        attrgetter("trained_against_placebo"),
    ),
    "premium_trained": Metric(
        "premium of the trained model",
        "lowest",
        _premium("trained"),
        attrgetter("trained.premium"),
        attrgetter("trained.premium", "trained.premium_interval"),
    ),
    "premium_base": Metric(
        "premium of the base",
        "lowest",
        _premium("base"),
        attrgetter("base.premium"),
        attrgetter("base.premium", "base.premium_interval"),
    ),
    "shared_day_effect_trained": Metric(
        "shared-day effect of the trained model",
        "lowest",
        _shared_day_effect("trained"),
        attrgetter("trained.shared_day_effect"),
    ),
    "shared_day_effect_base": Metric(
        "shared-day effect of the base", "lowest", _shared_day_effect("base"), attrgetter("base.shared_day_effect")
    ),
    "disjoint_trained": Metric(
        "disjoint R2 of the trained model", "lowest", {("trained", "disjoint"): 1}, attrgetter("trained.disjoint")
    ),
}


def figure_of(scores: PremiumScores, metric: Metric) -> Figure:
    """The metric's figure with its two-way interval; without robust scores the reference figure with stock draws."""
    if scores.robust is None:
        return _reference_figure(scores, metric)
    found = metric.estimate(scores.robust)
    if found is None:
        return Figure(point=None, why_none="the recipe has no placebo arm")
    if found.point is None or not isfinite(found.point):
        return Figure(point=None, why_none=found.why_none or "the figure is not a number")
    if found.two_way is None:
        return Figure(point=found.point, why_none=found.why_none)
    return Figure(point=found.point, ends=_ends(found.two_way), interval="two-way")


def figure_on_draws(two_way: "np.ndarray", metric: Metric) -> "np.ndarray | None":
    """The metric's figure on each two-way draw.

    Args:
        two_way: (n_kept, 1 + 4 * n_models), as in the premium artifact.
        metric: The figure.

    Returns:
        (n_kept,); None where the figure's model is not among the draws.
    """
    columns = [1 + len(SCHEMES) * MODELS.index(model) + SCHEMES.index(scheme) for model, scheme in metric.terms]
    if max(columns) >= two_way.shape[1]:
        return None
    figures: np.ndarray = two_way[:, columns] @ list(metric.terms.values())
    return figures


def _reference_figure(scores: PremiumScores, metric: Metric) -> Figure:
    if metric.reference is None:
        return Figure(point=None, why_none="the recipe has only the reference figures (premium.robust is null)")
    point, interval = metric.reference(scores)
    if not isfinite(point):
        return Figure(point=None, why_none="the figure is not a number")
    return Figure(point=point, ends=_ends(interval), interval="stock draws")


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.p2_5, interval.p97_5


def with_interval(figure: Figure | None) -> str:
    """`+0.0794 [-0.0431, +0.3150]`; stock draws are named, because their interval is too narrow."""
    if figure is None or figure.point is None:
        return DASH
    named = " (stock draws)" if figure.interval == "stock draws" else ""
    return f"{signed(figure.point)} {bounds(figure.ends)}{named}"
