"""Standardized columns and a penalty chosen inside the train part, against scikit-learn and planted truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.premium.config import RobustConfig
from tasks.premium.inference.evaluate import Scheme, score
from tasks.premium.inference.inner_cv import choose_alpha, inner_splits, standardized_paths
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.sensitivity import score_tuned, sensitivity
from tasks.premium.reference.splits import chronological
from tasks.premium.rows import Rows, Split
from tests.premium.sample_panels import cut_after, made_rows

ALPHAS = RobustConfig().alphas
WIDTH = 6


@pytest.fixture(scope="module")
def planted() -> Rows:
    """30 stocks on 60 days; base knows half of the target's variance, trained nothing."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=(30, 60))
    known = (np.sqrt(0.5) * target + np.sqrt(0.5) * rng.normal(size=target.shape)).reshape(-1, 1)
    noise = rng.normal(size=(1800, WIDTH))
    return made_rows(target, base=np.hstack([known, noise[:, 1:]]), trained=rng.normal(size=(1800, 60)))


@pytest.fixture(scope="module")
def schemes(planted) -> list[Scheme]:
    return make_schemes(planted.labels, cut_after(planted, 42))[0]


@given(
    seed=st.integers(0, 2**16),
    shape=st.sampled_from([(40, 5), (12, 30)]),
    alphas=st.lists(st.sampled_from(ALPHAS), min_size=1, max_size=4, unique=True),
)
@settings(max_examples=40)
def test_every_penalty_predicts_as_scikit_learns_scaler_and_ridge_do(seed, shape, alphas):
    rng = np.random.default_rng(seed)
    columns = rng.normal(3, 5, size=shape) * rng.uniform(0.01, 100, size=shape[1])
    target, cut = rng.normal(size=len(columns)), len(columns) * 2 // 3
    split = Split(np.arange(cut), np.arange(cut, len(columns)))
    ours = standardized_paths(columns, target, split, alphas)
    for alpha, predicted in zip(alphas, ours.T, strict=True):
        fit = make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(columns[split.train], target[split.train])
        np.testing.assert_allclose(predicted, fit.predict(columns[split.test]), rtol=1e-7, atol=1e-9)


def test_with_one_penalty_and_columns_already_standardized_it_is_the_plain_ridge():
    rng = np.random.default_rng(1)
    rows = made_rows(rng.normal(size=(20, 40)), base=rng.normal(size=(800, 3)))
    split = chronological((rows.labels["date"] < "2020-02-10").to_numpy())
    columns = rows.columns("base")
    columns = (columns - columns[split.train].mean(axis=0)) / columns[split.train].std(axis=0)
    off = Scheme("off", [[split]])
    tuned = score_tuned(columns, rows, off, [10.0])
    assert tuned.r2 == pytest.approx(score(columns, rows.target, [off], alpha=10.0).r2[0, 0, 0], abs=1e-12)
    assert tuned.alphas == [10.0]


def test_a_planted_signal_takes_a_small_penalty_and_noise_the_largest(planted, schemes):
    signal, noise = (score_tuned(planted.columns(model), planted, schemes[0], ALPHAS) for model in ("base", "trained"))
    assert len(signal.alphas) == len(noise.alphas) == 5
    assert max(signal.alphas) <= 100
    assert set(noise.alphas) == {max(ALPHAS)}
    assert signal.r2 == pytest.approx(0.5, abs=0.05)
    assert noise.r2 == pytest.approx(0, abs=0.01)


def test_the_references_fit_comes_first_with_its_own_figures_and_the_reduction_is_that_of_the_four(planted, schemes):
    plain, tuned = sensitivity(planted, schemes, ALPHAS, 1.0)
    assert (plain.name, tuned.name) == ("unscaled, alpha = 1", "standardized, alpha by purged CV")
    for model, ours in (("base", (plain.base_on, plain.base_off)), ("trained", (plain.trained_on, plain.trained_off))):
        assert ours == tuple(score(planted.columns(model), planted.target, schemes[:2]).r2[0, 0])
    for entry in (plain, tuned):
        expected = (entry.base_on - entry.base_off) - (entry.trained_on - entry.trained_off)
        assert entry.reduction == pytest.approx(expected, abs=1e-15)
    # Five folds and one cut, for two models.
    assert (len(plain.alphas), len(tuned.alphas)) == (0, 12)


def test_the_scale_of_a_column_changes_no_standardized_figure(planted, schemes):
    scaled = planted.states["base"] * np.float32(1024) ** np.arange(WIDTH)
    rows = Rows(planted.labels, planted.target, planted.numeric, {"base": scaled})
    ours, same = (score_tuned(own.columns("base"), own, schemes[1], ALPHAS).r2 for own in (rows, planted))
    assert ours == pytest.approx(same, abs=1e-9)


def test_a_column_that_does_not_vary_in_train_counts_for_nothing():
    rng = np.random.default_rng(2)
    columns, target = rng.normal(size=(50, 3)), rng.normal(size=50)
    split = Split(np.arange(40), np.arange(40, 50))
    constant = np.where(np.arange(50) < 40, 0.1, 1e6)[:, None]
    with_it = standardized_paths(np.hstack([columns, constant]), target, split, [1.0, 2.0])
    np.testing.assert_allclose(with_it, standardized_paths(columns, target, split, [1.0, 2.0]), atol=1e-12)


def test_no_penalty_is_chosen_by_a_row_outside_the_train_side(planted, schemes):
    for split in schemes[0].splits[:2] + schemes[1].splits:
        for inner in inner_splits(planted.labels, split.train, 4):
            assert set(inner.train) | set(inner.test) <= set(split.train)
            assert not set(inner.train) & set(inner.test)


def test_each_train_row_is_tested_once_inside_and_no_label_fitted_on_touches_the_inner_test_span(planted, schemes):
    train = schemes[1].splits[0].train
    inner = inner_splits(planted.labels, train, 4)
    assert sorted(np.concatenate([split.test for split in inner])) == sorted(train)
    for split in inner:
        tested, fitted = planted.labels.iloc[split.test], planted.labels.iloc[split.train]
        first, last = tested["date"].min(), tested["label_until"].max()
        assert ((fitted["label_until"] < first) | (fitted["label_from"] > last)).all()


def test_of_penalties_that_do_equally_well_the_largest_is_taken():
    target = np.tile([1.0, -1.0], 20)
    flat = np.zeros((40, 2))
    inner = [Split(np.arange(20), np.arange(20, 40))]
    assert choose_alpha(flat, target, inner, [1.0, 100.0, 10.0]) == 100.0


def test_a_train_part_with_too_few_days_leaves_the_figure_out_with_its_reason():
    rng = np.random.default_rng(3)
    rows = made_rows(rng.normal(size=(20, 14)), base=rng.normal(size=(280, 2)))
    short = Scheme("off", [[chronological((rows.labels["date"] <= "2020-01-03").to_numpy())]])
    tuned = score_tuned(rows.columns("base"), rows, short, ALPHAS)
    assert tuned.r2 is None
    assert tuned.why_none.startswith("no penalty can be chosen for off: 3 distinct days for 4 blocks of days")
