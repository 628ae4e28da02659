"""From a panel and two models' states to `scores.json`, `draws.npy` and the facts about them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import JsonValue
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tasks.artifacts import ModelScore, PremiumScores
from tasks.premium.bootstrap import interval, score_draws
from tasks.premium.config import PremiumConfig
from tasks.premium.ridge import FloatArray
from tasks.premium.rows import Rows, read_rows
from tasks.premium.scores import Scores, score_models


def write_premium(config: PremiumConfig, inputs: Mapping[str, Path], folder: Path) -> dict[str, JsonValue]:
    """Write the scores and their draws.

    Args:
        config: Contract, cut and draws.
        inputs: Folders of `panel`, `base` and `trained`.
        folder: Where `scores.json` and `draws.npy` go.

    Returns:
        The headline figures.

    Raises:
        PremiumError: If the states do not fit the panel, or the panel cannot be scored.
    """
    scores, draws = measure(read_rows(inputs, config.train_until), config)
    (folder / "scores.json").write_text(scores.model_dump_json(indent=1) + "\n")
    np.save(folder / "draws.npy", draws, allow_pickle=False)
    return {
        "premium_base": scores.base.premium,
        "premium_trained": scores.trained.premium,
        "premium_reduction": scores.premium_reduction,
        "reduction_interval": scores.reduction_interval.model_dump(),
        "n_kept_draws": scores.n_kept_draws,
        "dropped_draws": dict(scores.dropped_draws),
    }


def measure(rows: Rows, config: PremiumConfig) -> tuple[PremiumScores, FloatArray]:
    """Measure both models' premiums, their difference and how far other stocks would move them.

    Args:
        rows: The panel.
        config: Contract, cut and draws.

    Returns:
        The scores and (n_kept, 5) draws: draw, base on, base off, trained on, trained off.

    Raises:
        Unscorable: If the panel itself cannot be scored.
        TooFewDraws: If too few of its draws can.
    """
    # Thousands of small systems: with more BLAS threads they wait for each other, twentyfold on two busy cores.
    with threadpool_limits(limits=1, user_api="blas"):
        base, trained = score_models(rows, config)
        draws, dropped = score_draws(rows, config)
    base_premiums = draws[:, 1] - draws[:, 2]
    trained_premiums = draws[:, 3] - draws[:, 4]
    scores = PremiumScores(
        contract=config.contract,
        cut=config.train_until,
        n_stocks=len(np.unique(rows.stocks)),
        n_rows=len(rows.target),
        n_train_rows=int(rows.is_train.sum()),
        n_test_rows=int((~rows.is_train).sum()),
        n_columns=rows.base.shape[1],
        base=_model_score(base, base_premiums),
        trained=_model_score(trained, trained_premiums),
        premium_reduction=base.premium - trained.premium,
        reduction_interval=interval(base_premiums - trained_premiums),
        n_draws=config.n_draws,
        n_kept_draws=len(draws),
        dropped_draws=dropped,
    )
    return scores, draws


def _model_score(scores: Scores, premiums: FloatArray) -> ModelScore:
    return ModelScore(
        r2_off=scores.off,
        r2_on=scores.on,
        r2_on_folds=scores.on_folds,
        premium=scores.premium,
        premium_interval=interval(premiums),
    )
