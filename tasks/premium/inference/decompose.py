"""All models' premiums taken apart, on the same splits and the same draws, so that any two can be compared."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.inference.controls import score_controls
from tasks.premium.inference.evaluate import Scheme, predict, score
from tasks.premium.inference.jackknife import leave_out_weights
from tasks.premium.inference.rank_ic import demean_by_date, rank_ic
from tasks.premium.inference.replicates import DATE_DISJOINT, DISJOINT, OFF, ON, Replicates, keep_defined
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.two_way import TwoWayDraws, score_two_way
from tasks.premium.rows import FloatArray, Rows
from tasks.schemas.scores import Control, Estimate, ModelDecomposition, SplitFacts

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Decompositions:
    """The robust figures of any number of models.

    Args:
        models: Each model's figures with their intervals.
        replicates: (n_schemes,) R2 of each model on all rows, on the kept draws and without each group of days.
        schemes: The four ways of splitting, in the order of the replicates.
        splits: How many rows each scheme used, purged and left out.
        controls: Columns of known knowledge, scored like the models.
        draws: (n_kept, 1 + 4 * n_models) draw, then on, off, date_disjoint and disjoint of each model.
        dropped_draws: Draws that define no score, by reason.
        n_day_groups: Groups of days; the jackknife leaves out one at a time.
    """

    models: Mapping[str, ModelDecomposition]
    replicates: Mapping[str, Replicates]
    schemes: Sequence[Scheme]
    splits: Sequence[SplitFacts]
    controls: Sequence[Control]
    draws: FloatArray
    dropped_draws: Mapping[str, int]
    n_day_groups: int

    def reduction(self, one: str, other: str) -> Estimate:
        """premium(one) - premium(other), on paired draws."""
        return (self.replicates[one].premium - self.replicates[other].premium).estimate()

    def lookahead(self, one: str, other: str) -> Estimate:
        """disjoint(one) - disjoint(other), on paired draws."""
        return (self.replicates[one].under(DISJOINT) - self.replicates[other].under(DISJOINT)).estimate()


def decompose_models(
    rows: Rows, config: PremiumConfig, robust: RobustConfig, work_dir: Path | None = None
) -> Decompositions:
    """Take every model's premium apart.

    Args:
        rows: The panel with all models' states; controls are made from the first model's.
        config: Cut, folds, penalty and seed.
        robust: Draws, blocks of days and groups of days.
        work_dir: Where finished chunks of draws are kept.

    Raises:
        Unscorable: If the rows cannot be split in one of the ways.
    """
    schemes, splits = make_schemes(rows.labels, config)
    two_way = TwoWayDraws(rows.labels, config.seed)
    drawn = {
        model: score_two_way(
            model, rows.columns(model), rows.target, schemes, two_way, robust.n_draws, config.alpha, work_dir=work_dir
        ).r2[:, 0]
        for model in rows.states
    }
    kept, dropped = keep_defined(list(drawn.values()))
    n_groups = min(robust.n_day_groups, rows.labels["date"].nunique())
    # All rows once, then without one group of days at a time.
    weights = np.concatenate([np.ones((1, len(rows.target))), leave_out_weights(rows.labels, n_groups)])
    replicates, models = {}, {}
    for model, draws in drawn.items():
        point, *left_out = score(rows.columns(model), rows.target, schemes, weights, config.alpha).r2[:, 0]
        replicates[model] = Replicates(point, draws[kept], np.array(left_out))
        models[model] = _decompose(replicates[model], rows, model, schemes[DISJOINT], config.alpha, weights)
    log.info("premium: controls")
    return Decompositions(
        models=models,
        replicates=replicates,
        schemes=schemes,
        splits=splits,
        controls=score_controls(rows, schemes, config.alpha, config.seed),
        draws=np.column_stack([np.flatnonzero(kept), *(draws[kept] for draws in drawn.values())]),
        dropped_draws=dropped,
        n_day_groups=n_groups,
    )


def _decompose(
    replicates: Replicates, rows: Rows, model: str, disjoint: Scheme, alpha: float, weights: FloatArray
) -> ModelDecomposition:
    columns, dates = rows.columns(model), rows.labels["date"]
    # Without two-way draws: they would take a second pass over all draws for a minor figure.
    point, *left_out = score(columns, demean_by_date(rows.target, dates), [disjoint], weights, alpha).r2[:, 0, 0]
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
