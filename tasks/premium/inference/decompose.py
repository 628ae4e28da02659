"""All models' premiums taken apart under every fit, on the same splits and draws, so that any two can be compared."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.controls import score_controls
from tasks.premium.inference.evaluate import Scheme, Scored, score
from tasks.premium.inference.inner_cv import choose_penalty
from tasks.premium.inference.jackknife import leave_out_weights
from tasks.premium.inference.predictions import Predictions, predict_out_of_sample, rank_ics
from tasks.premium.inference.replicates import (
    DATE_DISJOINT,
    DISJOINT,
    MATCHED,
    OFF,
    ON,
    WALK_FORWARD,
    Replicates,
    keep_defined,
)
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.targets import make_targets, tails
from tasks.premium.inference.two_way import score_two_way
from tasks.premium.inference.width import mark_wide
from tasks.premium.rows import Rows
from tasks.sampling.arrays import FloatArray
from tasks.sampling.two_way import TwoWayDraws, rescaled
from tasks.schemas.estimates import CO_PRIMARY, FITS, FitName, FitScores, ModelDecomposition, ModelDifference, RankIc
from tasks.schemas.scores import Control, SplitFacts, Tails

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Decompositions:
    """The robust figures of any number of models.

    Args:
        rows: What was measured: the panel with all models' states, without rows that no vintage serves.
        replicates: By fit and model, (n_schemes,) R2 on all rows, on the kept draws and without each group of days.
        rank_ics: By model, of the unscaled and of the standardized columns.
        predictions: Out of sample, by model.
        schemes: The ways of splitting, in the order of the replicates.
        splits: How many rows each scheme used, purged and left out.
        penalties: Penalty chosen for the standardized columns, by model.
        controls: Columns of known knowledge, scored like the models.
        draws: (n_kept, 1 + n_models * n_fits * n_schemes) draw, then each model's R2 by fit and scheme, rescaled.
        dropped_draws: Draws that define no score, by reason.
        n_refits: Fits corrected on rows or solved from them, as sums of products were ill-conditioned, by model.
        n_day_groups: Groups of days that the jackknife leaves out.
        tails: What the target tells about the intervals.
    """

    rows: Rows
    replicates: Mapping[FitName, Mapping[str, Replicates]]
    rank_ics: Mapping[str, Mapping[FitName, RankIc]]
    predictions: Mapping[str, Predictions]
    schemes: Sequence[Scheme]
    splits: Sequence[SplitFacts]
    penalties: Mapping[str, float]
    controls: Sequence[Control]
    draws: FloatArray
    dropped_draws: Mapping[str, int]
    n_refits: Mapping[str, int]
    n_day_groups: int
    tails: Tails

    def fit(self, name: FitName) -> FitScores:
        """All models' figures and paired differences under one fit."""
        models = self.replicates[name]
        return FitScores(
            models={
                model: mark_wide(_decompose(own, self.rank_ics[model].get(name)), self.tails)
                for model, own in models.items()
            },
            differences={
                f"{one} - {other}": self.difference(one, other, name) for one, other in combinations(models, 2)
            },
        )

    def difference(self, one: str, other: str, fit: FitName) -> ModelDifference:
        """One model's figures less another's."""
        return mark_wide(self.replicates[fit][one].difference(self.replicates[fit][other]), self.tails)


def decompose_models(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, work_dir: Path | None = None
) -> Decompositions:
    """Take every model's premium apart.

    Args:
        rows: The panel with all models' states; controls are made from the first model's.
        config: Cut, folds, penalty and seed.
        robust: Draws, blocks of days and groups of days.
        work_dir: Where finished chunks of draws are kept, so that a killed run can resume.

    Raises:
        Unscorable: If the rows cannot be split in one of the ways, or no penalty can be chosen up to the cut.
    """
    schemes, splits = make_schemes(rows.labels, config)
    targets = make_targets(rows, config.train_until, robust.tail_quantile)
    two_way = TwoWayDraws(rows.labels, config.seed)
    n_groups = min(robust.n_day_groups, rows.labels["date"].nunique())
    # All rows once, then without one group of days at a time.
    weights = np.concatenate([np.ones((1, len(rows.target))), leave_out_weights(rows.labels, n_groups)])
    penalties, scored, whole, predictions = {}, {}, {}, {}
    for model in rows.states:
        columns = rows.columns(model)
        penalties[model] = choose_penalty(columns, rows, schemes[OFF], robust.alphas)
        log.info("premium: penalty of %s %g", model, penalties[model])
        scored[model] = score_two_way(
            model, columns, targets, schemes, two_way, robust.n_draws, config.alpha, penalties[model], work_dir
        )
        whole[model] = score(columns, targets, schemes, weights, config.alpha, penalties[model])
        predictions[model] = predict_out_of_sample(columns, rows.target, schemes, config.alpha, penalties[model])
    kept, dropped = keep_defined([own.r2[:, : len(CO_PRIMARY)] for own in scored.values()])
    drawn = {model: rescaled(own.r2, whole[model].r2[0]) for model, own in scored.items()}
    log.info("premium: controls")
    return Decompositions(
        rows=rows,
        replicates={
            fit: {model: _replicates(whole[model], drawn[model][kept], index) for model in rows.states}
            for index, fit in enumerate(FITS)
        },
        rank_ics={model: rank_ics(rows, found) for model, found in predictions.items()},
        predictions=predictions,
        schemes=schemes,
        splits=splits,
        penalties=penalties,
        controls=score_controls(rows, targets, schemes, config.alpha, robust.alphas, config.seed),
        draws=np.column_stack(
            [
                np.flatnonzero(kept),
                *(own[kept].reshape(int(kept.sum()), len(FITS) * len(schemes)) for own in drawn.values()),
            ]
        ),
        dropped_draws=dropped,
        n_refits={model: int(scored[model].n_refits.sum() + whole[model].n_refits.sum()) for model in rows.states},
        n_day_groups=n_groups,
        tails=tails(rows.target, rows.labels["date"], ~rows.is_train(config.train_until)),
    )


def _replicates(whole: Scored, draws: FloatArray, fit: int) -> Replicates:
    return Replicates(whole.r2[0, fit], draws[:, fit], whole.r2[1:, fit])


def _decompose(replicates: Replicates, rank: RankIc | None) -> ModelDecomposition:
    on, off, date_disjoint, disjoint, matched, walk_forward = (
        replicates.under(scheme).estimate() for scheme in (ON, OFF, DATE_DISJOINT, DISJOINT, MATCHED, WALK_FORWARD)
    )
    return ModelDecomposition(
        on=on,
        off=off,
        date_disjoint=date_disjoint,
        disjoint=disjoint,
        matched=matched,
        premium=replicates.premium.estimate(),
        date_disjoint_premium=replicates.date_disjoint_premium.estimate(),
        walk_forward=walk_forward,
        shared_day_effect=replicates.shared_day_effect.estimate(),
        rank_ic=rank,
    )
