"""All figures of all models on all splits."""

import numpy as np
from pydantic import JsonValue

from tasks.evaluate.comparisons import compared_pairs, comparison, paired_means
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.forecasts import brought_forecasts, fit_baselines
from tasks.evaluate.intervals import Figures, days_per_run
from tasks.evaluate.pegs import find_pegs
from tasks.evaluate.rows import DirectionRows
from tasks.evaluate.scores import RowScores, means_of, row_scores, split_scores
from tasks.evaluate.splits import direction_splits
from tasks.sampling.cut import find_cut
from tasks.sampling.splitters.audit import split_facts
from tasks.schemas.direction import BASELINES, LEAKING, QUOTED, DirectionScores, ModelScores, SplitName

BROUGHT = "fitted elsewhere"


def measure_direction(rows: DirectionRows, config: EvaluateConfig) -> DirectionScores:
    """Fit the baselines on every split, and score them and the forecasts brought along.

    Args:
        rows: The panel.
        config: Hold-out, models, thresholds, costs and draws.

    Raises:
        BadHoldout: If the rows cannot be split.
        EvaluateError: If a model cannot be fitted on them.
    """
    cut = find_cut(rows.labels["date"], config)
    splits = direction_splits(rows, cut, config)
    pegs = find_pegs(rows, splits[QUOTED].split.train, config.peg_fraction)
    is_pegged = rows.labels["code"].isin([peg.pair for peg in pegs]).to_numpy()
    forecasts = {**fit_baselines(rows, splits, config), **brought_forecasts(rows, splits, config)}
    scored = {key: row_scores(key, own, rows, is_pegged, config) for key, own in forecasts.items()}
    pairs = compared_pairs(list(rows.brought), config.models)
    means = dict(mean for own in scored.values() for mean in means_of(own))
    means |= dict(mean for pair in pairs for mean in paired_means(pair, scored))
    figures = Figures(rows, means, config)
    days = rows.labels["date"]
    return DirectionScores(
        n_rows=len(days),
        n_pairs=rows.labels["code"].nunique(),
        n_currencies=len(rows.currencies),
        n_days=days.nunique(),
        first_day=days.min().date(),
        last_day=days.max().date(),
        horizon=rows.horizon,
        holdout_from=cut.holdout_from,
        train_until=cut.train_until,
        embargo_days=config.embargo_days,
        days_per_run=days_per_run(rows),
        n_draws=config.n_draws,
        cost_bps=config.cost_bps,
        features=list(rows.numeric.columns),
        splits={name: split_facts(name, [own.split], rows.labels) for name, own in splits.items()},
        n_zero={name: int(rows.is_zero[own.split.test].sum()) for name, own in splits.items()},
        n_zero_train={name: int(rows.is_zero[own.split.train].sum()) for name, own in splits.items()},
        share_up={
            name: float(rows.is_up[own.split.test][~rows.is_zero[own.split.test]].mean())
            for name, own in splits.items()
        },
        pegs=pegs,
        peg_fraction=config.peg_fraction,
        models={name: _model(name, scored, figures, rows) for name in dict.fromkeys(name for name, _ in scored)},
        comparisons=[comparison(pair, scored, figures, rows) for pair in pairs],
    )


def _model(
    name: str, scored: dict[tuple[str, SplitName], RowScores], figures: Figures, rows: DirectionRows
) -> ModelScores:
    own = {split: found for (model, split), found in scored.items() if model == name}
    quoted = (name, QUOTED, "accuracy")
    return ModelScores(
        meaning={str(known): what for known, what in BASELINES.items()}.get(name, BROUGHT),
        splits={split: split_scores(found, figures, rows) for split, found in own.items()},
        premium={split: figures.difference((name, split, "accuracy"), quoted) for split in LEAKING if split in own},
        without_pegs=figures[(name, QUOTED, "without pegs")],
        n_rows_without_pegs=int((~own[QUOTED].is_pegged).sum()),
    )


def facts_of(scores: DirectionScores) -> dict[str, JsonValue]:
    """The headline figures, for the artifact's record."""
    return {
        "holdout_from": str(scores.holdout_from),
        "n_rows": scores.n_rows,
        "accuracy": {
            name: {split: _rounded(found.accuracy.point) for split, found in own.splits.items()}
            for name, own in scores.models.items()
        },
        "premium_of_shuffling": {
            name: _rounded(own.premium["shuffled"].point)
            for name, own in scores.models.items()
            if "shuffled" in own.premium
        },
        "differences": {f"{own.model} - {own.reference}": _rounded(own.difference.point) for own in scores.comparisons},
        "knowledge": {name: _rounded(own.accuracy.point) for name, own in scores.knowledge.items()},
        "pegs": [peg.pair for peg in scores.pegs],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 6)
