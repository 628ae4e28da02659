"""From a panel and the models' states to `scores.json`, the draws and the record's facts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from tasks.premium.config import PremiumConfig
from tasks.premium.gram.devices import threads_for
from tasks.premium.inference.robust import robust_scores
from tasks.premium.reference.bootstrap import interval, score_draws
from tasks.premium.reference.scores import Scores, score_model
from tasks.premium.rows import FloatArray, Rows, read_rows
from tasks.schemas.scores import ModelScore, PremiumScores


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
    scores, draws = measure(rows, config, work_dir)
    if config.robust:
        robust, two_way = robust_scores(rows, config, config.robust, work_dir)
        scores = scores.model_copy(update={"robust": robust})
        np.save(folder / "two_way.npy", two_way, allow_pickle=False)
    (folder / "scores.json").write_text(scores.model_dump_json(indent=1) + "\n")
    np.save(folder / "draws.npy", draws, allow_pickle=False)
    return _facts(scores)


def _facts(scores: PremiumScores) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {
        "premium_base": scores.base.premium,
        "premium_trained": scores.trained.premium,
        "premium_reduction": scores.premium_reduction,
        "reduction_interval": scores.reduction_interval.model_dump(),
        "n_kept_draws": scores.n_kept_draws,
        "dropped_draws": dict(scores.dropped_draws),
    }
    if robust := scores.robust:
        facts["reduction_two_way"] = robust.reduction.model_dump(mode="json")
        facts["lookahead_two_way"] = robust.lookahead.model_dump(mode="json")
        facts["n_kept_two_way_draws"] = robust.n_kept_draws
        facts["dropped_two_way_draws"] = dict(robust.dropped_draws)
    return facts


def measure(rows: Rows, config: PremiumConfig, work_dir: Path | None = None) -> tuple[PremiumScores, FloatArray]:
    """Measure the models' premiums under the reference contract, with intervals from its stock draws.

    Args:
        rows: The panel.
        config: Contract, cut and draws.
        work_dir: Where finished chunks of draws are kept.

    Returns:
        The scores and (n_kept, 1 + 2 * n_models) draws: draw, then on and off of each model.

    Raises:
        Unscorable: If the panel itself cannot be scored.
        TooFewDraws: If too few of its draws can.
    """
    points = {}
    for model in rows.states:
        columns = rows.columns(model)
        with threads_for(columns.shape[1]):
            points[model] = score_model(rows, columns, config)
    draws, dropped = score_draws(rows, config, work_dir)
    premiums = {model: draws[:, 1 + 2 * index] - draws[:, 2 + 2 * index] for index, model in enumerate(rows.states)}
    is_train = rows.is_train(config.train_until)
    scores = PremiumScores(
        contract=config.contract,
        cut=config.train_until,
        n_stocks=len(np.unique(rows.stocks)),
        n_rows=len(rows.target),
        n_train_rows=int(is_train.sum()),
        n_test_rows=int((~is_train).sum()),
        n_columns=rows.columns("base").shape[1],
        base=_model_score(points["base"], premiums["base"]),
        trained=_model_score(points["trained"], premiums["trained"]),
        premium_reduction=points["base"].premium - points["trained"].premium,
        reduction_interval=interval(premiums["base"] - premiums["trained"]),
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
