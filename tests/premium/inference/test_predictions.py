"""The rows' predictions are those that the scores are made of."""

from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import write_premium
from tasks.premium.config import PremiumConfig, RobustConfig, VintagesConfig
from tasks.premium.inference.decompose import decompose_models
from tasks.premium.inference.predictions import predict_out_of_sample, prediction_table
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.rows import Rows
from tasks.premium.vintages import with_vintages
from tasks.schemas.estimates import CO_PRIMARY
from tasks.schemas.predictions import RowPredictions
from tasks.schemas.scores import PremiumScores
from tests.premium.sample_panels import cut_after, made_rows

ROBUST = RobustConfig(n_draws=20, n_date_blocks=2, n_day_groups=5)
CONFIG = PremiumConfig(n_draws=20, n_folds=2, robust=ROBUST)


def r2(table: pd.DataFrame, prediction: str) -> float:
    errors = ((table["target"] - table[prediction]) ** 2).sum()
    return 1 - errors / ((table["target"] - table["target"].mean()) ** 2).sum()


@pytest.mark.parametrize(
    "config",
    [CONFIG, CONFIG.model_copy(update={"robust": ROBUST.model_copy(update={"embargo_days": 1}), "n_folds": 3})],
)
def test_the_scores_are_computed_again_from_the_rows_predictions(inputs, made_table, tmp_path, config):
    facts = write_premium(config, inputs, tmp_path)
    scores, predicted = PremiumScores.read(tmp_path), RowPredictions(tmp_path).table()
    assert tuple(predicted) == RowPredictions.COLUMNS
    found = dict(list(predicted.groupby(["model", "fit"])))
    assert set(found) == set(product(["base", "trained"], CO_PRIMARY))
    for (model, fit), own in found.items():
        assert own["row"].tolist() == list(range(len(made_table)))
        assert own["target"].tolist() == made_table["target"].tolist()
        figures = scores.robust.fits[fit].models[model]
        assert own.groupby("fold")[["target", "disjoint"]].apply(r2, "disjoint").mean() == pytest.approx(
            figures.disjoint.point, abs=1e-12
        )
        after = made_table["date"].to_numpy() > np.datetime64(config.train_until)
        np.testing.assert_array_equal(own["off"].notna(), after)
        assert r2(own[after], "off") == pytest.approx(figures.off.point, abs=1e-12)
    assert facts["n_rows_without_disjoint_prediction"] == 0


def test_rows_of_a_stitched_model_keep_their_numbers_in_the_panel():
    rng = np.random.default_rng(5)
    rows = made_rows(rng.normal(size=(8, 40)), old=rng.normal(size=(320, 2)), new=rng.normal(size=(320, 2)))
    config = cut_after(rows, 30, n_draws=20, n_date_blocks=2, n_day_groups=5)
    cutoffs = {"old": date(2020, 1, 3), "new": date(2020, 1, 20)}
    config = config.model_copy(update={"n_folds": 2, "cutoffs": cutoffs, "vintages": VintagesConfig()})
    found = decompose_models(with_vintages(rows, config)[0], config, config.robust)
    predicted = prediction_table(found.rows, found.predictions, found.schemes).to_pandas()
    assert set(predicted["model"]) == {"old", "new", "vintages"}
    for _, own in predicted.groupby(["model", "fit"]):
        assert own["row"].tolist() == np.flatnonzero(rows.labels["date"].dt.date > cutoffs["old"]).tolist()
        assert own["target"].tolist() == rows.target[own["row"]].tolist()


def test_a_pair_with_legs_in_two_folds_is_tested_by_none_and_counted(tmp_path):
    """Five currencies make ten pairs; with two folds only pairs inside a fold are tested."""
    rng, days = np.random.default_rng(4), pd.bdate_range("2020-12-01", periods=40)
    legs = [(one, other) for one, other in product("ABCDE", "ABCDE") if one < other]
    labels = pd.DataFrame([(*pair, day) for pair in legs for day in days], columns=["leg_1", "leg_2", "date"])
    codes = labels["leg_1"] + labels["leg_2"]
    labels = labels.assign(code=codes, label_from=labels["date"], label_until=labels["date"])
    columns = rng.normal(size=(len(labels), 3))
    rows = Rows(labels, rng.normal(size=len(labels)), np.empty((len(labels), 0)), {"base": columns})
    schemes, splits = make_schemes(labels, CONFIG)
    predictions = {"base": predict_out_of_sample(columns, rows.target, schemes, 1.0, 10.0)}
    table = prediction_table(rows, predictions, schemes).to_pandas()
    tested = table[table["fold"] >= 0].groupby(["fit", "fold"])["row"].agg(set)
    for fit in CO_PRIMARY:
        in_folds = [set(labels.loc[list(own), ["leg_1", "leg_2"]].to_numpy().ravel()) for own in tested[fit]]
        assert not set.intersection(*in_folds)
    untested = table["disjoint"].isna()
    np.testing.assert_array_equal(untested, table["fold"] == -1)
    n_tested = next(own.n_test_rows for own in splits if own.name == "disjoint")
    assert 0 < untested.sum() == 2 * (len(labels) - n_tested)


def test_without_robust_figures_there_are_no_predictions(inputs, tmp_path):
    write_premium(CONFIG.model_copy(update={"robust": None}), inputs, tmp_path)
    assert RowPredictions(tmp_path).table() is None


def test_the_file_is_the_same_byte_for_byte(inputs, tmp_path):
    written = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_premium(CONFIG, inputs, tmp_path / name)
        written.append((tmp_path / name / "predictions.parquet").read_bytes())
    assert written[0] == written[1]
