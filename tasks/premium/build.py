"""From a panel and the models' states to `scores.json`, the draws and the record's facts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from tasks.premium.config import PremiumConfig
from tasks.premium.inference.robust import robust_scores
from tasks.premium.measurement import Measurement, measure_models
from tasks.premium.rows import Rows, read_rows
from tasks.schemas.scores import PremiumScores


def write_premium(
    config: PremiumConfig, inputs: Mapping[str, Path], folder: Path, work_dir: Path | None = None
) -> dict[str, JsonValue]:
    """Write the scores and their draws.

    Args:
        config: Contract, cut and draws.
        inputs: Folders of `panel`, `base`, `trained` and, where there is one, `placebo`.
        folder: Where `scores.json`, `draws.npy` and `two_way.npy` go.
        work_dir: Where finished chunks of draws are kept, so that a killed run can resume.

    Returns:
        The headline figures.

    Raises:
        PremiumError: If the states do not fit the panel, or the panel cannot be scored.
    """
    rows = read_rows(inputs)
    scores, measured = premium_scores(rows, config, work_dir)
    if measured.robust:
        np.save(folder / "two_way.npy", measured.robust.draws, allow_pickle=False)
    (folder / "scores.json").write_text(scores.model_dump_json(indent=1) + "\n")
    np.save(folder / "draws.npy", measured.stock_draws, allow_pickle=False)
    return _facts(scores)


def _facts(scores: PremiumScores) -> dict[str, JsonValue]:
    robust_facts: dict[str, JsonValue] = {}
    if robust := scores.robust:
        robust_facts = {
            "conclusions": {name: found.verdict for name, found in robust.conclusions.items()},
            "headline": {fit: found.model_dump(mode="json") for fit, found in robust.headline.items()},
            "n_kept_two_way_draws": robust.n_kept_draws,
            "dropped_two_way_draws": dict(robust.dropped_draws),
            "n_refits": dict(robust.n_refits),
        }
    return {
        **robust_facts,
        "premium_base": scores.base.premium,
        "premium_trained": scores.trained.premium,
        "premium_reduction": scores.premium_reduction,
        "reduction_interval": scores.reduction_interval.model_dump(),
        "n_kept_draws": scores.n_kept_draws,
        "dropped_draws": dict(scores.dropped_draws),
    }


def premium_scores(
    rows: Rows, config: PremiumConfig, work_dir: Path | None = None
) -> tuple[PremiumScores, Measurement]:
    """Measure the models and shape what was found into the stage's scores.

    Args:
        rows: The panel with the states of `base`, `trained` and, where there is one, `placebo`.
        config: Contract, cut and draws.
        work_dir: Where finished chunks of draws are kept.

    Returns:
        The scores, and the measurement with its draws.

    Raises:
        Unscorable: If the panel itself cannot be scored.
        TooFewDraws: If too few of its draws can.
    """
    found = measure_models(rows, config, work_dir)
    difference = found.difference("base", "trained")
    scores = PremiumScores(
        contract=config.contract,
        cut=config.train_until,
        n_stocks=found.n_stocks,
        n_rows=found.n_rows,
        n_train_rows=found.n_train_rows,
        n_test_rows=found.n_rows - found.n_train_rows,
        n_columns=rows.columns("base").shape[1],
        base=found.reference["base"],
        trained=found.reference["trained"],
        premium_reduction=difference.reference_reduction,
        reduction_interval=difference.reference_interval,
        n_draws=config.n_draws,
        n_kept_draws=len(found.stock_draws),
        n_flat_draws=found.n_flat_stock_draws,
        dropped_draws=dict(found.dropped_stock_draws),
        robust=robust_scores(rows, config, config.robust, found.robust) if config.robust and found.robust else None,
    )
    return scores, found
