"""Panels that cannot be measured give an error in one sentence with a way out."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.premium.build import write_premium
from tasks.premium.config import PremiumConfig
from tasks.premium.errors import StatesDoNotFit, TooFewDraws, UndefinedR2
from tasks.premium.measurement import measure_models
from tasks.sampling.errors import EmptySplit, TooFewStocks

FEW = PremiumConfig(n_draws=10, robust=None)


def test_states_of_another_panel_are_refused(inputs, tmp_path):
    np.save(inputs["trained"] / "states.npy", np.zeros((119, 3), np.float32))
    with pytest.raises(StatesDoNotFit, match=r"trained model have shape \(119, 3\), the panel has 120 rows; embed"):
        write_premium(FEW, inputs, tmp_path)


def test_states_of_other_sentences_are_refused_though_their_number_fits(inputs, tmp_path):
    (inputs["trained"] / "prompts.sha256").write_text("ab" * 32 + "\n")
    with pytest.raises(StatesDoNotFit, match=r"trained model were made from sentences that hash to abababababab, the"):
        write_premium(FEW, inputs, tmp_path)
    (inputs["trained"] / "prompts.sha256").unlink()
    with pytest.raises(StatesDoNotFit, match=r"hash to nothing recorded, the panel's hash to [0-9a-f]{12}; embed this"):
        write_premium(FEW, inputs, tmp_path)
    assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_states_that_are_no_finite_numbers_are_refused(inputs, tmp_path, broken):
    states = np.zeros((120, 3), np.float32)
    states[[4, 9], 1] = broken
    np.save(inputs["base"] / "states.npy", states)
    with pytest.raises(StatesDoNotFit, match="base model are not finite in 2 of 120 rows, all must be"):
        write_premium(FEW, inputs, tmp_path)


def test_fewer_stocks_than_folds_are_refused(inputs, tmp_path):
    with pytest.raises(TooFewStocks, match=r"8 distinct stocks for 9 stock-disjoint folds; raise panel.n_stocks"):
        write_premium(PremiumConfig(n_draws=10, n_folds=9, robust=None), inputs, tmp_path)


@pytest.mark.parametrize(("cut", "n_train", "n_test"), [("2021-01-11", 120, 0), ("2020-12-21", 0, 120)])
def test_a_cut_that_leaves_a_side_without_rows_is_refused(inputs, tmp_path, cut, n_train, n_test):
    with pytest.raises(
        EmptySplit,
        match=rf"{n_train} rows up to the cut and {n_test} after it, each side needs 10; move premium.train_until",
    ):
        write_premium(PremiumConfig(n_draws=10, train_until=date.fromisoformat(cut), robust=None), inputs, tmp_path)


def test_a_test_side_of_one_row_is_refused(make_rows):
    rng = np.random.default_rng(0)
    rows = make_rows(rng.normal(size=(5, 20)), 12, rng.normal(size=(100, 1)))
    # Four stocks of 20 rows and one of a single row, which is a fold of its own.
    one = np.arange(100) < 81
    rows = replace(
        rows,
        labels=rows.labels[one],
        target=rows.target[one],
        numeric=rows.numeric[one],
        states={"base": rows.states["base"][one]},
    )
    with pytest.raises(UndefinedR2, match=r"a test side of 1 row\(s\); raise panel.dates_per_stock"):
        measure_models(rows, FEW)


def test_an_interval_of_a_few_draws_is_refused_with_the_reasons(make_rows):
    rng = np.random.default_rng(0)
    rows = make_rows(rng.normal(size=(5, 20)), 12, rng.normal(size=(100, 2)))
    # Five draws of five stocks give all five once in 26.
    with pytest.raises(TooFewDraws, match=r"of 20 draws could be scored \(\d+ too_few_stocks\), an interval needs 10"):
        measure_models(rows, PremiumConfig(n_draws=20, robust=None))


@pytest.mark.parametrize(
    "bad", [{"n_draws": 9}, {"alpha": 0}, {"alpha": float("inf")}, {"n_folds": 1}, {"contract": "other"}, {"folds": 3}]
)
def test_settings_out_of_bounds_are_refused_by_the_form(bad):
    with pytest.raises(ValidationError):
        PremiumConfig.model_validate(bad)


@pytest.mark.parametrize(
    ("former", "message"),
    [
        ({"contract": "seed"}, "contract 'seed' is now called 'reference'"),
        (
            {"hypothesis": {"statement": "a", "metric": "construction_base"}},
            "metric 'construction_base' is now called 'shared_day_effect_base'",
        ),
    ],
)
def test_a_renamed_value_is_refused_with_its_present_name(former, message):
    with pytest.raises(ValidationError, match=message):
        PremiumConfig.model_validate(former)
