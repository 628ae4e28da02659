"""Numerical noise: how far a model's figures move if its states are computed with other arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.evaluate import UNDEFINED, Scheme, score
from tasks.premium.inference.replicates import DISJOINT, OFF, ON
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets
from tasks.premium.rows import Rows
from tasks.sampling.arrays import BoolArray, FloatArray
from tasks.sampling.errors import Unscorable
from tasks.schemas.checks import NOISE_OF, NumericalNoise
from tasks.schemas.estimates import CO_PRIMARY, FitName
from tasks.schemas.scores import models_of


def numerical_noise(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, penalties: Mapping[str, float]
) -> dict[str, NumericalNoise]:
    """Each model's figures on its repeated rows with the second states, less those with the first.

    Both are computed on the repeated rows alone, with the penalties of all rows. On a part of the panel a fit has fewer
    rows, so that noise is usually larger there.

    Args:
        rows: The panel, with the repeats.
        config: Cut, folds and penalty of the unscaled columns.
        robust: Blocks of days and targets.
        penalties: Of the standardized columns, by model.

    Returns:
        By model that was embedded twice.
    """
    return {model: _noise(rows, model, config, robust, penalties[model]) for model in rows.repeats}


def pair_noise(noise: Mapping[str, NumericalNoise], pair: str) -> dict[str, dict[FitName, float]]:
    """By how much a pair's differences may be off, by metric and fit: the sum over the two models embedded twice.

    Also of each one's premium, under the name of a hypothesis's metric.
    """
    own = {model: noise[model].figures for model in models_of(pair) if model in noise and noise[model].figures}
    differences = {
        metric: {fit: sum(figures[fit][figure] for figures in own.values()) for fit in CO_PRIMARY}
        for metric, figure in NOISE_OF.items()
        if own
    }
    premiums = {
        f"premium_{model}": {fit: figures[fit]["premium"] for fit in CO_PRIMARY} for model, figures in own.items()
    }
    return differences | premiums


def _noise(rows: Rows, model: str, config: PremiumConfig, robust: RobustConfig, penalty: float) -> NumericalNoise:
    repeat = rows.repeats[model]
    is_repeated: BoolArray = np.all(np.isfinite(repeat.states), axis=1)
    sample = rows.only(is_repeated)
    first, second = sample.states[model], repeat.states[is_repeated]
    counts = {"settings": repeat.settings, "n_rows": int(is_repeated.sum()), "n_panel_rows": len(rows.target)}
    if not len(second):
        return NumericalNoise(**counts, why_none="none of the repeated rows is among those measured")
    spread = np.linalg.norm(second - first, axis=1) / np.linalg.norm(first, axis=1).clip(min=np.finfo(np.float32).tiny)
    facts = {
        **counts,
        "largest_relative_difference": float(spread.max()),
        "mean_relative_difference": float(spread.mean()),
    }
    try:
        schemes, _ = make_schemes(sample.labels, config)
        targets = make_targets(sample, config.train_until, robust.tail_quantile)
    except Unscorable as error:
        why = f"the repeated rows cannot be scored by themselves (raise embed.repeat.n_rows): {error}"
        return NumericalNoise(**facts, why_none=why)
    again = replace(sample, states={model: second})
    moved = np.abs(
        _r2(again.columns(model), targets, schemes, config, penalty)
        - _r2(sample.columns(model), targets, schemes, config, penalty)
    )
    if not np.isfinite(moved).all():
        return NumericalNoise(**facts, why_none=f"of the repeated rows {UNDEFINED}")
    figures = {
        fit: dict(zip(NOISE_OF.values(), own.tolist(), strict=True)) for fit, own in zip(CO_PRIMARY, moved, strict=True)
    }
    return NumericalNoise(**facts, figures=figures)


def _r2(
    columns: FloatArray, targets: FloatArray, schemes: Sequence[Scheme], config: PremiumConfig, penalty: float
) -> FloatArray:
    """(n_co_primary, 3) R2 disjoint, R2 off and premium."""
    r2 = score(columns, targets, schemes, alpha=config.alpha, penalty=penalty).r2[0, : len(CO_PRIMARY)]
    return np.column_stack([r2[:, DISJOINT], r2[:, OFF], r2[:, ON] - r2[:, OFF]])
