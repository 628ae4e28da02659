"""Laws of the premium, on numbers a reader can check."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold

from tasks.premium.build import premium_scores, write_premium
from tasks.premium.config import PremiumConfig
from tasks.premium.measurement import measure_models
from tasks.premium.reference.bootstrap import interval, score_draws
from tasks.premium.reference.draws import resample_stocks
from tasks.premium.reference.scores import Scores, score_model
from tasks.premium.reference.splits import chronological
from tasks.premium.rows import Rows
from tasks.sampling.splitters.disjoint import stock_disjoint
from tasks.schemas.scores import PremiumScores
from tests.premium import sklearn_loops

FEW = PremiumConfig(n_draws=20, robust=None)


def score(rows: Rows, model: str = "base") -> Scores:
    return score_model(rows, rows.columns(model), FEW)


def premium_in_one_loop(table: pd.DataFrame, states: np.ndarray) -> tuple[float, float]:
    """The reference contract's two scores in plain scikit-learn."""
    x = np.column_stack([states.astype(float), table[["log_close", "ret_5d", "ret_30d", "vol_20d"]]])
    y, past = table["target"].to_numpy(), (table["date"] <= "2020-12-31").to_numpy()
    off = r2_score(y[~past], Ridge(alpha=1.0).fit(x[past], y[past]).predict(x[~past]))
    on = [
        r2_score(y[test], Ridge(alpha=1.0).fit(x[train], y[train]).predict(x[test]))
        for train, test in GroupKFold(5).split(x, y, groups=table["code"])
    ]
    return float(np.mean(on)), float(off)


def test_point_and_draws_are_those_of_a_plain_loop(made_table, inputs, tmp_path):
    write_premium(FEW, inputs, tmp_path)
    scores, draws = PremiumScores.read(tmp_path), np.load(tmp_path / "draws.npy")
    states = {model: np.load(inputs[model] / "states.npy") for model in ("base", "trained")}
    for ours, model in ((scores.models["base"], "base"), (scores.models["trained"], "trained")):
        assert (ours.r2_on, ours.r2_off) == pytest.approx(premium_in_one_loop(made_table, states[model]), abs=1e-12)

    rng = np.random.default_rng(123)
    expected = []
    for draw in range(20):
        codes = rng.choice(list("ABCDEFGH"), size=8, replace=True)
        if len(set(codes)) >= 5:
            drawn = pd.concat([made_table[made_table["code"] == code] for code in codes])
            by_model = [premium_in_one_loop(drawn, states[model][drawn.index]) for model in ("base", "trained")]
            expected.append([draw, *by_model[0], *by_model[1]])
    np.testing.assert_allclose(draws, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("flat", ["a stock", "the days after the cut"])
def test_a_test_side_on_which_nothing_varies_scores_zero_as_scikit_learn_has_it(make_rows, flat):
    rng = np.random.default_rng(8)
    target, states = rng.normal(size=(8, 20)), rng.normal(size=(160, 2))
    # Six stocks whose return is always 0: a fold of drawn ones is often made of these alone.
    target[(slice(6), slice(None)) if flat == "a stock" else (slice(None), slice(12, None))] = 0
    rows = make_rows(target, 12, states)
    scored = score_draws(rows, PremiumConfig(n_draws=60, n_folds=3, robust=None))
    stocks, is_train = rows.stocks, rows.is_train(FEW.train_until)
    drawn = list(resample_stocks(8, 60, np.random.default_rng(123)))
    theirs = [
        sklearn_loops.draw_scores(states, rows.target, stocks, is_train, times, n_folds=3)
        for times in drawn
        if np.count_nonzero(times) >= 3
    ]
    np.testing.assert_allclose(scored.draws[:, 1], [np.mean(folds) for *folds, _ in theirs], rtol=0, atol=1e-9)
    np.testing.assert_allclose(scored.draws[:, 2], [off for *_, off in theirs], rtol=0, atol=1e-9)
    # 1 where every drawn return is 0, so that 0 is predicted exactly.
    assert scored.n_flat == sum(bool({0.0, 1.0} & set(own)) for own in theirs) > 20
    point = score(rows)
    assert 0.0 in (point.on_folds if flat == "a stock" else [point.off])


def test_a_model_has_no_reduction_against_itself(make_rows):
    rng = np.random.default_rng(1)
    rows = make_rows(rng.normal(size=(10, 20)), 14, rng.normal(size=(200, 4)))
    scores, _ = premium_scores(rows, FEW)
    assert scores.reductions["base - trained"].point == 0
    assert scores.reductions["base - trained"].interval == interval(np.zeros(3))


def test_the_same_seed_gives_the_same_draws_and_another_seed_others(make_rows):
    rng = np.random.default_rng(2)
    rows = make_rows(rng.normal(size=(12, 20)), 14, rng.normal(size=(240, 3)))
    first, same, other = (
        measure_models(rows, PremiumConfig(n_draws=10, seed=seed, robust=None)).stock_draws for seed in (123, 123, 124)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_one_hot_of_the_date_raises_the_premium_although_it_knows_nothing_of_the_future(make_rows):
    rng = np.random.default_rng(3)
    # Half of the variance is a shock all stocks share on a day.
    target = rng.normal(size=40) + rng.normal(size=(30, 40))
    noise = rng.normal(size=(1200, 40))
    day = np.tile(np.eye(40), (30, 1))
    rows = make_rows(target, 30, day, noise)
    with_date, without = score(rows), score(rows, "trained")
    assert with_date.premium > without.premium + 0.3
    # Days after the cut are in no train row, so that their columns cannot help there.
    assert with_date.off < 0.05


def test_a_planted_lookahead_gives_the_premium_the_formula_gives(make_rows):
    """Known: all days up to the cut, 3 of 4; R2 = r there. on = r (3/4)^2, off = -r, premium their difference."""
    rng = np.random.default_rng(4)
    r, target = 0.5, rng.normal(size=(200, 40))
    known = np.sqrt(r) * target + np.sqrt(1 - r) * rng.normal(size=target.shape)
    known[:, 30:] = rng.normal(size=(200, 10))
    scores = score(make_rows(target, 30, known.reshape(-1, 1)))
    assert (scores.on, scores.off) == pytest.approx((r * 0.75**2, -r), abs=0.05)
    assert scores.premium == pytest.approx(r * (0.75**2 + 1), abs=0.05)


@given(st.lists(st.integers(0, 9), min_size=20, max_size=60).filter(lambda own: len(set(own)) >= 5))
def test_no_stock_is_in_train_and_test_of_a_fold_and_each_row_is_tested_once(own):
    stocks = np.array(own)
    folds = stock_disjoint(stocks, 5)
    assert all(not set(stocks[fold.train]) & set(stocks[fold.test]) for fold in folds)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(stocks)))


def test_no_row_is_fitted_on_after_the_cut():
    is_train = np.arange(40) % 3 > 0
    split = chronological(is_train)
    assert is_train[split.train].all()
    assert not is_train[split.test].any()
    assert len(split.train) + len(split.test) == 40


def test_the_last_train_day_is_the_cut_itself(inputs, tmp_path):
    write_premium(PremiumConfig(n_draws=20, train_until=date(2020, 12, 29), robust=None), inputs, tmp_path)
    # Six of the 15 business days up to 2021-01-11 are on or before 2020-12-29.
    assert PremiumScores.read(tmp_path).n_train_rows == 8 * 6


def test_a_draw_holds_as_many_stocks_as_the_panel():
    draws = list(resample_stocks(7, 20, np.random.default_rng(0)))
    assert [times.sum() for times in draws] == [7] * 20
    assert any(times.max() > 1 for times in draws)


def test_facts_and_scores_tell_the_same(inputs, tmp_path):
    facts = write_premium(FEW, inputs, tmp_path)
    scores = json.loads((tmp_path / "scores.json").read_text())
    premiums, reduction = facts["premiums"], facts["reductions"]["base - trained"]
    assert reduction == scores["reductions"]["base - trained"]
    assert reduction["point"] == premiums["base"] - premiums["trained"]
    assert facts["n_kept_draws"] + sum(facts["dropped_draws"].values()) == 20
