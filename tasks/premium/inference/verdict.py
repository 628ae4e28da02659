"""What follows from the figures: a conclusion on each headline figure, and the answer to a stated hypothesis.

Both co-primary fits decide together. The unscaled penalty is not scale-free, so that one model's larger states can make
a difference out of nothing; the standardized fit has no such freedom, but another penalty. Only what both say is said.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from tasks.premium.config import Hypothesis
from tasks.schemas.estimates import CO_PRIMARY, Estimate, FitName, FitScores, ModelDifference
from tasks.schemas.scores import Answer, Conclusion, Tails, Verdict

USES_R2_OFF = ("gain", "reduction", "premium_base", "premium_trained")
"""Figures that a few heavy days after the cut decide."""
HEADLINES = ("lookahead", "gain")
SHRUNK = (
    "both models chose the largest of premium.robust.alphas, as their columns predict no unseen day up to the cut: the "
    "standardized fits predict the mean"
)
AnswerVerdict = Literal["supported", "rejected", "undecided"]
ByFit = Mapping[FitName, Estimate]
PairNoise = Mapping[str, Mapping[FitName, float]]
"""Numerical noise of a pair's differences, by metric and fit."""
NO_NOISE: Mapping[Any, Any] = MappingProxyType({})


def conclude(
    fits: Mapping[FitName, FitScores], pair: str, tails: Tails, is_shrunk: bool, noise: PairNoise = NO_NOISE
) -> dict[str, Conclusion]:
    """On which side of zero each headline figure of a pair is.

    Args:
        fits: All figures by fit.
        pair: The two models.
        tails: How much of the test rows' squares a few of them carry.
        is_shrunk: Whether both models chose the largest penalty.
        noise: By how much other arithmetic moves the figures, by metric and fit, where that is known.
    """
    return {
        metric: conclusion(metric, figures_of(metric, fits, pair), tails, is_shrunk, noise.get(metric, {}))
        for metric in HEADLINES
    }


def conclusion(
    metric: str, by_fit: ByFit, tails: Tails, is_shrunk: bool = False, noise: Mapping[FitName, float] = NO_NOISE
) -> Conclusion:
    """Compare a figure with zero under both co-primary fits.

    Returns:
        A side of zero if both intervals are on it; else `undecided` with the reason. A figure with R2 off is undecided
        where a few rows decide it, every figure that is smaller than its numerical noise, and every figure where both
        models' standardized fits are shrunk to their mean: the difference of two constants has a narrow interval and no
        meaning.
    """
    sides: dict[Verdict, list[str]] = {"above zero": [], "below zero": [], "undecided": []}
    for fit, found in by_fit.items():
        side, reason = _side_of_zero(found)
        sides[side].append(f"{fit}: {reason}")
    reason = "; ".join(text for texts in sides.values() for text in texts)
    if metric in USES_R2_OFF and tails.warning:
        return Conclusion(verdict="undecided", reason=f"{tails.warning}: look at the winsorized and the ranked target")
    doubts = [*([SHRUNK] if is_shrunk else []), *below_noise(by_fit, noise)]
    reason = "; ".join([reason, *doubts])
    for side in ("above zero", "below zero") if not doubts else ():
        if len(sides[side]) == len(CO_PRIMARY):
            return Conclusion(verdict=side, reason=reason)
    return Conclusion(verdict="undecided", reason=reason)


def below_noise(by_fit: ByFit, noise: Mapping[FitName, float], threshold: float = 0.0) -> list[str]:
    """A clause for each fit whose figure is not farther from the threshold than other arithmetic may move it."""
    return [
        f"{fit}: {found.point:+.4f} is within the numerical noise of {noise[fit]:.4f} about {threshold:g}"
        for fit, found in by_fit.items()
        if fit in noise and found.point is not None and not abs(found.point - threshold) > noise[fit]
    ]


def _side_of_zero(found: Estimate) -> tuple[Verdict, str]:
    if found.interval is None:
        return "undecided", f"there is no interval ({found.why_none or 'none was drawn'})"
    low, high = found.interval
    text = f"[{low:+.4f}, {high:+.4f}]"
    if low > 0:
        return "above zero", f"{text} is above zero"
    if high < 0:
        return "below zero", f"{text} is below zero"
    return "undecided", f"{text} holds zero" if low <= 0 <= high else f"{text} is no interval of numbers"


def figures_of(metric: str, fits: Mapping[FitName, FitScores], pair: str) -> dict[FitName, Estimate]:
    """A metric's estimates under the co-primary fits: of a pair, or of the model that the metric names."""
    return {fit: _figure(metric, fits[fit], pair) for fit in CO_PRIMARY}


def _figure(metric: str, scores: FitScores, pair: str) -> Estimate:
    if metric in ModelDifference.model_fields:
        found: Estimate = getattr(scores.differences[pair], metric)
    else:
        figure, _, model = metric.rpartition("_")
        found = getattr(scores.models[model], figure)
    return found


def answer(
    hypothesis: Hypothesis, by_fit: ByFit, tails: Tails, is_shrunk: bool = False, noise: PairNoise = NO_NOISE
) -> Answer:
    """Compare a hypothesis with the intervals of its figure.

    Args:
        hypothesis: Metric and threshold, from the recipe.
        by_fit: That metric's figure under the co-primary fits.
        tails: How much of the test rows' squares a few of them carry.
        is_shrunk: Whether both models chose the largest penalty.
        noise: By how much other arithmetic moves the pair's figures.

    Returns:
        `supported` if both intervals are at or above the threshold, `rejected` if both are below; `undecided` if one
        contains it, they disagree, there is none, a few rows decide the figure, it is within its numerical noise, or
        the standardized fits predict the mean.
    """
    verdict, reason = _answer(hypothesis, by_fit)
    doubts = [
        *([SHRUNK] if is_shrunk else []),
        *below_noise(by_fit, noise.get(hypothesis.metric, {}), hypothesis.at_least),
    ]
    if doubts:
        verdict, reason = "undecided", "; ".join([reason, *doubts])
    if hypothesis.metric in USES_R2_OFF and tails.warning:
        verdict, reason = "undecided", f"{tails.warning}; {reason}"
    return Answer(
        statement=hypothesis.statement,
        metric=hypothesis.metric,
        at_least=hypothesis.at_least,
        estimates=dict(by_fit),
        verdict=verdict,
        reason=reason,
    )


def _answer(hypothesis: Hypothesis, by_fit: ByFit) -> tuple[AnswerVerdict, str]:
    found = {fit: _compare(hypothesis.at_least, estimate) for fit, estimate in by_fit.items()}
    verdicts = {verdict for verdict, _ in found.values()}
    reason = "; ".join(f"{fit}: {text}" for fit, (_, text) in found.items())
    return (verdicts.pop() if len(verdicts) == 1 else "undecided"), reason


def _compare(at_least: float, estimate: Estimate) -> tuple[AnswerVerdict, str]:
    if estimate.interval is None:
        return "undecided", f"there is no interval ({estimate.why_none or 'none was drawn'})"
    low, high = estimate.interval
    if low == high:
        return "undecided", f"every draw gives {low:.4g}: these models' figures do not differ"
    span = f"95 % from {low:.4g} to {high:.4g}"
    if low >= at_least:
        return "supported", f"{span}, at or above {at_least:.4g}"
    if high < at_least:
        return "rejected", f"{span}, below {at_least:.4g}"
    return "undecided", f"{span}, across {at_least:.4g}"
