"""The stage's robust scores: differences between base, trained and placebo, sensitivity, power and the verdict."""

import logging
from collections.abc import Mapping, Sequence
from typing import Literal

from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.decompose import Decompositions
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.power import expected_power
from tasks.premium.inference.sensitivity import sensitivity
from tasks.premium.inference.two_way import TwoWayDraws
from tasks.premium.rows import Rows
from tasks.schemas.scores import Answer, Estimate, ModelDecomposition, Power, RobustScores

log = logging.getLogger(__name__)

Verdict = Literal["supported", "rejected", "undecided"]


def robust_scores(rows: Rows, config: PremiumConfig, robust: RobustConfig, found: Decompositions) -> RobustScores:
    """Shape the models' decompositions into the stage's scores, with sensitivity, power and the verdict.

    Args:
        rows: The panel with the states of `base`, `trained` and, where there is one, `placebo`.
        config: Penalty and seed, and the hypothesis if there is one.
        robust: Penalties and draws of the sensitivity and the power.
        found: The decompositions of these rows.
    """
    log.info("premium: sensitivity and power")
    differences = _differences(found)
    return RobustScores(
        **found.models,
        **differences,
        splits=list(found.splits),
        controls=list(found.controls),
        sensitivity=sensitivity(rows, found.schemes, robust.alphas, config.alpha),
        **_power(rows, found.schemes, config, robust),
        answer=_answer(config.hypothesis, found.models, differences),
        n_draws=robust.n_draws,
        n_kept_draws=len(found.draws),
        dropped_draws=dict(found.dropped_draws),
        n_day_groups=found.n_day_groups,
    )


def _differences(found: Decompositions) -> dict[str, Estimate]:
    """Differences between models on the same draws."""
    differences = {
        "reduction": found.reduction("base", "trained"),
        "lookahead": found.lookahead("base", "trained"),
    }
    if "placebo" in found.models:
        differences["placebo_lookahead"] = found.lookahead("base", "placebo")
        differences["trained_against_placebo"] = found.lookahead("placebo", "trained")
    return differences


def _power(
    rows: Rows, schemes: Sequence[Scheme], config: PremiumConfig, robust: RobustConfig
) -> dict[str, Power | str]:
    """As preflight expected it; a panel too small for it still has its scores."""
    weights = TwoWayDraws(rows.labels, config.seed).take(0, robust.n_power_draws)
    n_columns = rows.states["base"].shape[1]
    try:
        power = expected_power(rows.target, rows.numeric, n_columns, schemes, weights, config.alpha, config.seed)
    except TooFewDraws as error:
        return {"why_no_power": str(error)}
    return {"power": power}


def _answer(
    hypothesis: Hypothesis | None, models: Mapping[str, ModelDecomposition], differences: Mapping[str, Estimate]
) -> Answer | None:
    if hypothesis is None:
        return None
    base, trained = models["base"], models["trained"]
    figures = {
        **differences,
        "premium_base": base.premium,
        "premium_trained": trained.premium,
        "shared_day_effect_base": base.shared_day_effect,
    }
    return answer(hypothesis, figures[hypothesis.metric])


def answer(hypothesis: Hypothesis, estimate: Estimate) -> Answer:
    """Compare a hypothesis with the two-way interval of its figure.

    Args:
        hypothesis: Metric and threshold, from the recipe.
        estimate: That metric's figure.

    Returns:
        `supported` if the whole interval is at or above the threshold, `rejected` if all of it is below, `undecided`
        if it contains the threshold or there is no interval.
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
