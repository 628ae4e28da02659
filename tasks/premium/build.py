"""From a panel and the models' states to `scores.json`, the draws and the record's facts."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pydantic import JsonValue

from tasks.premium.config import PremiumConfig
from tasks.premium.inference.predictions import prediction_table
from tasks.premium.inference.robust import robust_scores
from tasks.premium.measurement import Difference, Measurement, measure_models
from tasks.premium.rows import Rows, check_models, read_rows
from tasks.premium.vintages import with_vintages
from tasks.schemas.ladders import Ladder
from tasks.schemas.scores import PremiumScores, Reduction, pair_of


def write_premium(
    config: PremiumConfig, inputs: Mapping[str, Path], folder: Path, work_dir: Path | None = None
) -> dict[str, JsonValue]:
    """Write the scores, their draws and the rows' predictions.

    Args:
        config: Contract, cut and draws.
        inputs: Folders of `panel` and of each model's states, by the model's name.
        folder: Where `scores.json`, `draws.npy`, `two_way.npy` and `predictions.parquet` go.
        work_dir: Where finished chunks of draws are kept, so that a killed run can resume.

    Returns:
        The headline figures.

    Raises:
        PremiumError: If the states do not fit the panel.
        SamplingError: If the panel cannot be split, and so not be scored.
    """
    rows = read_rows(inputs, config.reference)
    scores, measured = premium_scores(rows, config, work_dir)
    if measured.robust:
        np.save(folder / "two_way.npy", measured.robust.draws, allow_pickle=False)
        predicted = prediction_table(measured.robust.rows, measured.robust.predictions, measured.robust.schemes)
        pq.write_table(predicted, folder / "predictions.parquet", compression="zstd")
    (folder / "scores.json").write_text(scores.model_dump_json(indent=1) + "\n")
    np.save(folder / "draws.npy", measured.stock_draws, allow_pickle=False)
    return _facts(scores)


def _facts(scores: PremiumScores) -> dict[str, JsonValue]:
    robust_facts: dict[str, JsonValue] = {}
    if robust := scores.robust:
        robust_facts = {
            "conclusions": {
                pair: {metric: found.verdict for metric, found in own.conclusions.items()}
                for pair, own in robust.pairs.items()
            },
            "headline": {
                pair: {fit: found.model_dump(mode="json") for fit, found in robust.difference(pair).items()}
                for pair in robust.pairs
            },
            "n_kept_two_way_draws": robust.n_kept_draws,
            "dropped_two_way_draws": dict(robust.dropped_draws),
            "n_refits": dict(robust.n_refits),
            "n_rows_without_disjoint_prediction": scores.n_rows - robust.split("disjoint").n_test_rows,
            **_ladder_facts(robust.ladders),
        }
    return {
        **robust_facts,
        **({"vintages": scores.vintages.model_dump(mode="json")} if scores.vintages else {}),
        "premiums": {model: own.premium for model, own in scores.models.items()},
        "reductions": {pair: found.model_dump() for pair, found in scores.reductions.items() if pair in scores.pairs},
        "n_kept_draws": scores.n_kept_draws,
        "dropped_draws": dict(scores.dropped_draws),
    }


def _ladder_facts(ladders: Mapping[str, Ladder]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        family: {
            "verdict": own.verdict,
            "n_rungs": len(own.rungs),
            "share": {fit: fitted.combined.share.model_dump(mode="json") for fit, fitted in own.fits.items()},
        }
        for family, own in ladders.items()
    }
    return {"ladders": found} if found else {}


def premium_scores(
    rows: Rows, config: PremiumConfig, work_dir: Path | None = None
) -> tuple[PremiumScores, Measurement]:
    """Measure the models and shape what was found into the stage's scores.

    Args:
        rows: The panel with the models' states, the reference's first.
        config: Contract, cut and draws.
        work_dir: Where finished chunks of draws are kept.

    Returns:
        The scores, and the measurement with its draws.

    Raises:
        Unscorable: If the panel itself cannot be scored.
        TooFewDraws: If too few of its draws can.
        UnknownModel: If the config compares a model that is not there.
        BadVintages: If the config's vintages cannot be stitched.
    """
    rows, vintages = with_vintages(rows, config)
    check_models(list(rows.states), config.compared)
    found = measure_models(rows, config, work_dir)
    pairs = compared_pairs(rows.first_model, config.compared or tuple(rows.states))
    scores = PremiumScores(
        contract=config.contract,
        cut=config.train_until,
        n_stocks=found.n_stocks,
        n_rows=found.n_rows,
        n_train_rows=found.n_train_rows,
        n_test_rows=found.n_rows - found.n_train_rows,
        models=dict(found.reference),
        reductions={pair_of(*pair): _reduction(found.difference(*pair)) for pair in combinations(found.models, 2)},
        pairs=pairs,
        n_draws=config.n_draws,
        n_kept_draws=len(found.stock_draws),
        n_flat_draws=found.n_flat_stock_draws,
        dropped_draws=dict(found.dropped_stock_draws),
        robust=robust_scores(rows, config, config.robust, found.robust, pairs)
        if config.robust and found.robust
        else None,
        vintages=vintages,
    )
    return scores, found


def compared_pairs(reference: str, models: Sequence[str]) -> list[str]:
    """The pairs that conclusions are drawn on: the reference less each other model; none with one model."""
    return [pair_of(reference, model) for model in models if model != reference]


def _reduction(found: Difference) -> Reduction:
    return Reduction(point=found.reference_reduction, interval=found.reference_interval)
