"""Decodability: what a linear probe reads off a model's states, and how much of the shared-day effect that makes.

Probes are ridges on standardized states, scored on days or stocks that they were not fitted on. For the effect, the
directions that tell days apart are found on the train stocks of each fold and removed from the states of all rows; the
shared-day effect is then scored again on the same splits and draws (`day_directions`, `remove`).
"""

import logging
from collections.abc import Sequence

import numpy as np

from tasks.common.progress import Progress
from tasks.premium.config import DecodabilityConfig, PremiumConfig, RobustConfig
from tasks.premium.gram.devices import one_thread
from tasks.premium.inference.day_directions import DayDirections, find_day_directions
from tasks.premium.inference.decompose import Decompositions
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.inference.replicates import DISJOINT, MATCHED, ON, Replicates
from tasks.premium.inference.state_probes import probe_states
from tasks.premium.rows import Rows, beside
from tasks.sampling.arrays import FloatArray
from tasks.sampling.two_way import TwoWayDraws, normal_interval, rescaled
from tasks.schemas.decodability import Decodability, ExplainedEffect
from tasks.schemas.estimates import CO_PRIMARY, Estimate

log = logging.getLogger(__name__)

FEW = "fewer than 20 two-way draws define it"
NOT_FOUND = "the interval of the effect itself holds zero, so that a share of it says nothing"


def score_decodability(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, found: Decompositions
) -> dict[str, Decodability]:
    """Probe every model's states, and score its shared-day effect without the directions that tell days apart.

    Args:
        rows: The panel.
        config: Folds, penalty and seed.
        robust: The run's draws, and how many of them.
        found: The decompositions of the same rows: the effect before, its draws and the chosen penalties.
    """
    n_draws = min((robust.decodability or DecodabilityConfig()).n_draws, robust.n_draws)
    draws = TwoWayDraws(rows.labels, config.seed).take(0, n_draws)
    progress = Progress("decodability", len(rows.states) * config.n_folds, "folds of stocks")
    decoded = {}
    for model, states in rows.states.items():
        log.info("premium: decodability of %s", model)
        probes = probe_states(states, rows, config, draws)
        directions = [_directions(rows, model, config, fold[0].train) for fold in found.schemes[ON].folds]
        removed = _score_without(rows, model, config, found, directions, draws, progress)
        decoded[model] = Decodability(
            probes=probes,
            n_directions=[own.n_directions for own in directions],
            n_draws=len(draws),
            effects={
                fit: _explained(found.replicates[fit][model].shared_day_effect, removed[:, place], found, len(draws))
                for place, fit in enumerate(CO_PRIMARY)
            },
        )
    return decoded


def _directions(rows: Rows, model: str, config: PremiumConfig, train: np.ndarray) -> DayDirections:
    labels = rows.labels.iloc[train]
    with one_thread():
        return find_day_directions(
            rows.states[model][train].astype(np.float64), labels["date"], labels["code"], config.seed
        )


def _score_without(
    rows: Rows,
    model: str,
    config: PremiumConfig,
    found: Decompositions,
    directions: Sequence[DayDirections],
    draws: FloatArray,
    progress: Progress,
) -> FloatArray:
    """(1 + n_draws, n_fits) shared-day effect of the states without each fold's directions; first on all rows."""
    weights = np.concatenate([np.ones((1, len(rows.target))), draws])
    effects = np.zeros((len(weights), len(CO_PRIMARY)))
    for fold, own in enumerate(directions):
        with one_thread():
            columns = beside(own.remove(rows.states[model].astype(np.float64)), rows.numeric)
        schemes = [
            Scheme(found.schemes[place].name, [found.schemes[place].folds[fold]]) for place in (MATCHED, DISJOINT)
        ]
        r2 = score(columns, rows.target, schemes, weights, config.alpha, found.penalties[model]).r2
        effects += (r2[:, :, 0] - r2[:, :, 1]) / len(directions)
        progress.add()
    return effects


def _explained(before: Replicates, after: FloatArray, found: Decompositions, n_draws: int) -> ExplainedEffect:
    """One fit's effect before and after; draws are paired.

    Args:
        before: With all kept draws, rescaled.
        after: (1 + n_draws,) on all rows, then on the first draws.
        found: Which draws were kept.
        n_draws: Draws that both sides have at most.
    """
    kept = found.draws[:, 0].astype(int)
    is_shared = kept < n_draws
    left = rescaled(after[1:][kept[is_shared]], after[0])
    had = before.draws[is_shared]
    is_defined = np.isfinite(left) & np.isfinite(had)
    return explain(float(before.point), float(after[0]), had[is_defined], left[is_defined], before.estimate())


def explain(before: float, after: float, had: FloatArray, left: FloatArray, estimate: Estimate) -> ExplainedEffect:
    """The removed part of an effect, and its share with an interval from paired draws.

    Args:
        before: The effect.
        after: The effect without the removed directions.
        had: (n_draws,) `before` on draws, rescaled.
        left: (n_draws,) `after` on the same draws, rescaled.
        estimate: The effect with the interval from all draws.
    """
    why = "" if np.isfinite([before, after]).all() else "the effect is not defined on these rows"
    if not why and (estimate.interval is None or estimate.interval[0] <= 0 <= estimate.interval[1]):
        why = FEW if estimate.interval is None else NOT_FOUND
    share = None if why else 1 - after / before
    # By the delta method: a ratio of draws would have no mean where the effect's draws come near zero.
    varying = None if share is None else share - (left - (1 - share) * had) / before
    interval = None if varying is None or share is None else normal_interval(share, varying)
    return ExplainedEffect(
        before=estimate,
        after=_estimate(after, left),
        removed=_estimate(before - after, had - left),
        share=share,
        share_interval=interval,
        why_none=why or (FEW if interval is None else ""),
    )


def _estimate(point: float, draws: FloatArray) -> Estimate:
    if not np.isfinite(point):
        return Estimate(point=None, why_none="the effect is not defined on these rows")
    interval = normal_interval(point, draws)
    return Estimate(point=point, interval=interval, why_none="" if interval else FEW)
