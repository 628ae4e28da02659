"""The penalty chosen up to the cut, against scikit-learn and planted truth."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.premium.config import RobustConfig
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.inner_cv import choose_penalty, inner_splits
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.rows import Rows
from tasks.sampling.errors import Unscorable
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
def off(planted) -> Scheme:
    return make_schemes(planted.labels, cut_after(planted, 42))[0][1]


def chosen_in_a_loop(columns, rows, split) -> float:
    """The penalty whose scikit-learn fits have the smallest squared error over the inner test rows."""
    sse = dict.fromkeys(sorted(ALPHAS, reverse=True), 0.0)
    for inner in inner_splits(rows.labels, split.train):
        for alpha in sse:
            fit = make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(
                columns[inner.train], rows.target[inner.train]
            )
            sse[alpha] += ((rows.target[inner.test] - fit.predict(columns[inner.test])) ** 2).sum()
    return min(sse, key=sse.get)


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.15, 0.5])
def test_the_penalty_is_the_one_that_a_loop_over_scikit_learns_fits_chooses(planted, off, signal):
    columns = planted.columns("trained") + signal * planted.target[:, None]
    assert choose_penalty(columns, planted, off, ALPHAS) == chosen_in_a_loop(columns, planted, off.splits[0])


def test_a_planted_signal_takes_a_small_penalty_and_noise_the_largest(planted, off):
    signal, noise = (choose_penalty(planted.columns(model), planted, off, ALPHAS) for model in ("base", "trained"))
    assert signal <= 100
    assert noise == max(ALPHAS)


def test_of_penalties_that_do_equally_well_the_largest_is_taken(planted, off):
    flat = np.zeros((len(planted.target), 2))
    assert choose_penalty(flat, planted, off, [1.0, 100.0, 10.0]) == 100.0


def test_a_single_penalty_needs_no_choice(planted, off):
    assert choose_penalty(np.zeros((0, 0)), planted, off, [3.0]) == 3.0


def test_no_penalty_is_chosen_by_a_row_after_the_cut_or_by_a_purged_one(planted, off):
    split = off.splits[0]
    inner = inner_splits(planted.labels, split.train)
    assert len(inner) == 5
    assert all(set(own.train) | set(own.test) <= set(split.train) for own in inner)
    assert sorted(np.concatenate([own.test for own in inner])) == sorted(split.train)


def test_no_label_fitted_on_touches_the_inner_test_span(planted, off):
    for split in inner_splits(planted.labels, off.splits[0].train):
        tested, fitted = planted.labels.iloc[split.test], planted.labels.iloc[split.train]
        first, last = tested["date"].min(), tested["label_until"].max()
        assert ((fitted["label_until"] < first) | (fitted["label_from"] > last)).all()


@pytest.mark.parametrize(("n_label_days", "n_blocks"), [(2, 5), (5, 5), (6, 2)])
def test_long_labels_are_split_in_fewer_blocks(n_label_days, n_blocks):
    """14 days in blocks of three: a middle block's purge of six days on either side leaves nothing."""
    labels = made_rows(np.zeros((20, 14))).labels
    labels["label_until"] = labels["date"] + pd.offsets.BDay(n_label_days)
    assert len(inner_splits(labels, np.arange(280))) == n_blocks


def test_a_train_side_with_too_few_days_is_refused():
    rows = made_rows(np.random.default_rng(3).normal(size=(20, 14)), base=np.ones((280, 2)))
    train = np.flatnonzero(rows.labels["date"] <= "2020-01-03")
    with pytest.raises(Unscorable, match="3 days up to the cut are too few to choose a penalty on: 2 blocks of them"):
        inner_splits(rows.labels, train)


def test_a_penalty_that_is_not_above_zero_is_refused():
    with pytest.raises(ValidationError, match=r"alphas.1\n  Input should be greater than 0"):
        RobustConfig(alphas=(1.0, 0.0))
