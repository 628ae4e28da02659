"""What the run says to a hypothesis stated before it."""

from typing import Literal

from tasks.premium.config import Hypothesis
from tasks.schemas.scores import Answer, Estimate

Verdict = Literal["supported", "rejected", "undecided"]


def answer(hypothesis: Hypothesis, estimate: Estimate) -> Answer:
    """Hold a hypothesis against the two-way interval of its figure.

    Args:
        hypothesis: Metric and threshold, from the recipe.
        estimate: That metric's figure.

    Returns:
        `supported` if the interval lies wholly at or above the threshold, `rejected` if wholly below it, `undecided`
        if it lies across or there is none.
    """
    verdict, reason = _verdict(hypothesis.at_least, estimate)
    return Answer(
        statement=hypothesis.statement,
        metric=hypothesis.metric,
        at_least=hypothesis.at_least,
        estimate=estimate,
        verdict=verdict,
        reason=reason,
    )


def _verdict(at_least: float, estimate: Estimate) -> tuple[Verdict, str]:
    interval = estimate.two_way
    if interval is None:
        return "undecided", f"there is no two-way interval: {estimate.why_none or 'none was drawn'}"
    span = f"the two-way 95 % interval from {interval.p2_5:.4g} to {interval.p97_5:.4g}"
    if interval.p2_5 >= at_least:
        return "supported", f"{span} lies at or above {at_least:.4g}."
    if interval.p97_5 < at_least:
        return "rejected", f"{span} lies below {at_least:.4g}."
    return "undecided", f"{span} lies across {at_least:.4g}."
