"""All robust figures of a run: the decomposition with its intervals, controls, sensitivity, power, the verdict."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np

from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.controls import score_controls
from tasks.premium.inference.decompose import DATE_DISJOINT, DISJOINT, OFF, ON, Replicates, keep_defined
from tasks.premium.inference.evaluate import Scheme, predict, score
from tasks.premium.inference.jackknife import leave_out_weights
from tasks.premium.inference.power import expected_power
from tasks.premium.inference.rank_ic import demean_by_date, rank_ic
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.sensitivity import sensitivity
from tasks.premium.inference.two_way import TwoWayDraws, score_two_way
from tasks.premium.rows import FloatArray, Rows
from tasks.schemas.scores import Answer, Estimate, ModelDecomposition, Power, RobustScores

log = logging.getLogger(__name__)

Verdict = Literal["supported", "rejected", "undecided"]


def robust_scores(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, work_dir: Path | None = None
) -> tuple[RobustScores, FloatArray]:
    """Decompose the premium.

    Args:
        rows: The panel with all models' states.
        config: Cut, folds and penalty, and the hypothesis if there is one.
        robust: Draws, blocks and controls.
        work_dir: Where finished chunks of draws are kept.

    Returns:
        The scores; and (n_kept, 1 + 4 * n_models) draw, then on, off, date_disjoint and disjoint of each model.

    Raises:
        Unscorable: If the rows cannot be split in one of the ways.
    """
    schemes, split_facts = make_schemes(rows.labels, config)
    n_groups = min(robust.n_day_groups, rows.labels["date"].nunique())
    two_way = TwoWayDraws(rows.labels, config.seed)
    drawn = {
        model: score_two_way(
            model, rows.columns(model), rows.target, schemes, two_way, robust.n_draws, config.alpha, work_dir
        )
        for model in rows.states
    }
    kept, dropped = keep_defined(list(drawn.values()))
    # All rows once, then without one group of days at a time.
    weights = np.concatenate([np.ones((1, len(rows.target))), leave_out_weights(rows.labels, n_groups)])
    replicates, decompositions = {}, {}
    for model, draws in drawn.items():
        point, *left_out = score(rows.columns(model), rows.target, schemes, weights, config.alpha)
        replicates[model] = Replicates(point, draws[kept], np.array(left_out))
        decompositions[model] = _decompose(replicates[model], rows, model, schemes[DISJOINT], config.alpha, weights)
    log.info("premium: controls and sensitivity")
    differences = _differences(replicates)
    scores = RobustScores(
        **decompositions,
        **differences,
        splits=split_facts,
        controls=score_controls(rows, schemes, config.alpha, config.seed),
        sensitivity=sensitivity(rows, schemes, robust.alphas, config.alpha),
        **_power(rows, schemes, config, robust),
        answer=_answer(config.hypothesis, decompositions, differences),
        n_draws=robust.n_draws,
        n_kept_draws=int(kept.sum()),
        dropped_draws=dropped,
        n_day_groups=n_groups,
    )
    return scores, np.column_stack([np.flatnonzero(kept), *(draws[kept] for draws in drawn.values())])


def _decompose(
    replicates: Replicates, rows: Rows, model: str, disjoint: Scheme, alpha: float, weights: FloatArray
) -> ModelDecomposition:
    columns, dates = rows.columns(model), rows.labels["date"]
    # Without two-way draws: they would take a second pass over all draws for a minor figure.
    point, *left_out = score(columns, demean_by_date(rows.target, dates), [disjoint], weights, alpha)[:, 0]
    return ModelDecomposition(
        on=replicates.under(ON).estimate(),
        off=replicates.under(OFF).estimate(),
        date_disjoint=replicates.under(DATE_DISJOINT).estimate(),
        disjoint=replicates.under(DISJOINT).estimate(),
        premium=replicates.premium.estimate(),
        shared_day_effect=replicates.shared_day_effect.estimate(),
        demeaned=Replicates(point, np.empty(0), np.array(left_out)).estimate(is_drawn=False),
        rank_ic=rank_ic(predict(columns, rows.target, disjoint, alpha), rows.target, dates),
    )


def _differences(replicates: dict[str, Replicates]) -> dict[str, Estimate]:
    """Differences between models on the same draws."""
    base, trained = replicates["base"], replicates["trained"]
    differences = {
        "reduction": base.premium - trained.premium,
        "lookahead": base.under(DISJOINT) - trained.under(DISJOINT),
    }
    if placebo := replicates.get("placebo"):
        differences["placebo_lookahead"] = base.under(DISJOINT) - placebo.under(DISJOINT)
        differences["trained_against_placebo"] = placebo.under(DISJOINT) - trained.under(DISJOINT)
    return {name: difference.estimate() for name, difference in differences.items()}


def _power(rows: Rows, schemes: list[Scheme], config: PremiumConfig, robust: RobustConfig) -> dict[str, Power | str]:
    """As preflight expected it; a panel too small for it still has its scores."""
    weights = TwoWayDraws(rows.labels, config.seed).take(0, robust.n_power_draws)
    n_columns = rows.states["base"].shape[1]
    try:
        power = expected_power(rows.target, rows.numeric, n_columns, schemes, weights, config.alpha, config.seed)
    except TooFewDraws as error:
        return {"why_no_power": str(error)}
    return {"power": power}


def _answer(
    hypothesis: Hypothesis | None, decompositions: dict[str, ModelDecomposition], differences: dict[str, Estimate]
) -> Answer | None:
    if hypothesis is None:
        return None
    base, trained = decompositions["base"], decompositions["trained"]
    figures = differences | {
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
