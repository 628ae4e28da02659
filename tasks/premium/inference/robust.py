"""The measure taken apart: causes told apart, intervals that cover, controls and sensitivity beside them."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from tasks.premium.config import Hypothesis, PremiumConfig, RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.controls import score_controls
from tasks.premium.inference.decompose import DATE_DISJOINT, DISJOINT, OFF, ON, Readings, keep_defined
from tasks.premium.inference.evaluate import Scheme, predict, score
from tasks.premium.inference.jackknife import leave_out_weights
from tasks.premium.inference.power import expected_power
from tasks.premium.inference.rank_ic import rank_ic
from tasks.premium.inference.schemes import schemes
from tasks.premium.inference.sensitivity import sensitivity
from tasks.premium.inference.two_way import TwoWayDraws, score_two_way
from tasks.premium.rows import FloatArray, Rows
from tasks.schemas.scores import Answer, Estimate, ModelDecomposition, Power, RobustScores

log = logging.getLogger(__name__)


def robust_scores(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, work_dir: Path | None = None
) -> tuple[RobustScores, FloatArray]:
    """Take the premium apart.

    Args:
        rows: The panel with all models' states.
        config: Cut, folds and penalty, and the hypothesis if there is one.
        robust: Draws, blocks and controls.
        work_dir: Where finished chunks of draws are kept.

    Returns:
        The scores; and (n_kept, 1 + 4 * n_models) draw, then on, off, date_disjoint and disjoint of each model.

    Raises:
        Unscorable: If the rows cannot be parted in one of the ways.
    """
    parted, split_facts = schemes(rows.labels, config)
    n_groups = min(robust.n_day_groups, rows.labels["date"].nunique())
    drawn = {model: _draws(rows, model, parted, config, robust, work_dir) for model in rows.states}
    kept, dropped = keep_defined(list(drawn.values()))
    # All rows once, then without one group of days at a time.
    weights = np.concatenate([np.ones((1, len(rows.target))), leave_out_weights(rows.labels, n_groups)])
    read = {model: _read(rows, model, parted, config.alpha, weights, own[kept]) for model, own in drawn.items()}
    parts = {model: _parts(own, rows, model, parted[DISJOINT], config.alpha, weights) for model, own in read.items()}
    log.info("premium: controls and sensitivity")
    figures = _figures(read, parts)
    scores = RobustScores(
        **parts,
        reduction=figures["reduction"],
        lookahead=figures["lookahead"],
        placebo_lookahead=figures.get("placebo_lookahead"),
        trained_against_placebo=figures.get("trained_against_placebo"),
        splits=split_facts,
        controls=score_controls(rows, parted, config.alpha, config.seed),
        sensitivity=sensitivity(rows, parted, robust.alphas, config.alpha),
        **_power(rows, parted, config, robust),
        answer=_answer(config, figures),
        n_draws=robust.n_draws,
        n_kept_draws=int(kept.sum()),
        dropped_draws=dropped,
        n_day_groups=n_groups,
    )
    return scores, np.column_stack([np.flatnonzero(kept), *(own[kept] for own in drawn.values())])


def _draws(
    rows: Rows, model: str, parted: list[Scheme], config: PremiumConfig, robust: RobustConfig, work_dir: Path | None
) -> FloatArray:
    draws = TwoWayDraws(rows.labels, config.seed)
    columns = rows.columns(model)
    return score_two_way(model, columns, rows.target, parted, draws, robust.n_draws, config.alpha, work_dir)


def _read(
    rows: Rows, model: str, parted: list[Scheme], alpha: float, weights: FloatArray, draws: FloatArray
) -> Readings:
    point, *left_out = score(rows.columns(model), rows.target, parted, weights, alpha)
    return Readings(point, draws, np.array(left_out))


def _parts(
    read: Readings, rows: Rows, model: str, disjoint: Scheme, alpha: float, weights: FloatArray
) -> ModelDecomposition:
    columns, dates = rows.columns(model), rows.labels["date"]
    # Its draws would be a second pass over all of them for a figure that is only looked at.
    point, *left_out = score(columns, demean_by_date(rows.target, dates), [disjoint], weights, alpha)[:, 0]
    return ModelDecomposition(
        on=read.under(ON).estimate(),
        off=read.under(OFF).estimate(),
        date_disjoint=read.under(DATE_DISJOINT).estimate(),
        disjoint=read.under(DISJOINT).estimate(),
        premium=read.premium.estimate(),
        shared_day_effect=read.shared_day_effect.estimate(),
        demeaned=Readings(point, np.empty(0), np.array(left_out)).estimate(is_drawn=False),
        rank_ic=rank_ic(predict(columns, rows.target, disjoint, alpha), rows.target, dates),
    )


def _figures(read: dict[str, Readings], parts: dict[str, ModelDecomposition]) -> dict[str, Estimate]:
    """Differences between models on the same draws, and what a hypothesis may be about."""
    base, trained = read["base"], read["trained"]
    figures = {
        "reduction": (base.premium - trained.premium).estimate(),
        "lookahead": (base.under(DISJOINT) - trained.under(DISJOINT)).estimate(),
        "premium_base": parts["base"].premium,
        "premium_trained": parts["trained"].premium,
        "shared_day_effect_base": parts["base"].shared_day_effect,
    }
    if placebo := read.get("placebo"):
        figures["placebo_lookahead"] = (base.under(DISJOINT) - placebo.under(DISJOINT)).estimate()
        figures["trained_against_placebo"] = (placebo.under(DISJOINT) - trained.under(DISJOINT)).estimate()
    return figures


def _power(rows: Rows, parted: list[Scheme], config: PremiumConfig, robust: RobustConfig) -> dict[str, Power | str]:
    """As preflight expected it; a panel too small for it still has its scores."""
    weights = TwoWayDraws(rows.labels, config.seed).take(0, robust.n_power_draws)
    n_columns = rows.states["base"].shape[1]
    try:
        found = expected_power(rows.target, rows.numeric, n_columns, parted, weights, config.alpha, config.seed)
    except TooFewDraws as refusal:
        return {"why_no_power": str(refusal)}
    return {"power": found}


def _answer(config: PremiumConfig, figures: dict[str, Estimate]) -> Answer | None:
    hypothesis = config.hypothesis
    return answer(hypothesis, figures[hypothesis.metric]) if hypothesis else None


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


def demean_by_date(target: FloatArray, dates: pd.Series) -> FloatArray:
    """Subtract each day's mean over the rows of that day.

    What a model gains by telling days apart is gone from it. A day with one row gives 0.

    Args:
        target: (n_rows,) returns.
        dates: (n_rows,) day of each row.

    Returns:
        (n_rows,) returns with mean zero on every day.
    """
    own = pd.Series(target)
    demeaned: FloatArray = (own - own.groupby(dates.to_numpy()).transform("mean")).to_numpy()
    return demeaned
