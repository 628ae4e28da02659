"""Penalties chosen inside the train side, against scikit-learn and planted truth."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.premium.config import RobustConfig
from tasks.premium.errors import TooFewDates
from tasks.premium.inference import inner_cv
from tasks.premium.inference.evaluate import Scheme
from tasks.premium.inference.inner_cv import choose_penalties, inner_splits
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.reference.splits import chronological
from tasks.premium.rows import Rows
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
    return make_schemes(planted.labels, cut_after(planted, 42))[0][:2]


def chosen_in_a_loop(columns, rows, split) -> float:
    """The penalty whose scikit-learn fits have the smallest squared error over the inner test rows."""
    sse = dict.fromkeys(sorted(ALPHAS, reverse=True), 0.0)
    for inner in inner_splits(rows.labels, split.train, 4):
        for alpha in sse:
            fit = make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(
                columns[inner.train], rows.target[inner.train]
            )
            sse[alpha] += ((rows.target[inner.test] - fit.predict(columns[inner.test])) ** 2).sum()
    return min(sse, key=sse.get)


@pytest.mark.parametrize("at_once", [1e9, 1.0])
@pytest.mark.parametrize("model", ["base", "trained"])
def test_each_split_gets_the_penalty_that_a_loop_over_scikit_learns_fits_chooses(
    planted, schemes, model, at_once, monkeypatch
):
    monkeypatch.setattr(inner_cv, "BYTES_AT_ONCE", at_once)
    # A little of the target, so that penalties differ from split to split.
    columns = (
        planted.columns(model) + 0.15 * planted.target[:, None] * (np.arange(len(planted.target)) % 3 == 0)[:, None]
    )
    found = choose_penalties(columns, planted.target, planted.labels, schemes, ALPHAS)
    expected = [chosen_in_a_loop(columns, planted, split) for scheme in schemes for split in scheme.splits]
    assert found.tolist() == expected


def test_a_planted_signal_takes_a_small_penalty_and_noise_the_largest(planted, schemes):
    signal, noise = (
        choose_penalties(planted.columns(model), planted.target, planted.labels, schemes, ALPHAS)
        for model in ("base", "trained")
    )
    assert max(signal) <= 100
    assert set(noise) == {max(ALPHAS)}


def test_of_penalties_that_do_equally_well_the_largest_is_taken(planted, schemes):
    flat = np.zeros((len(planted.target), 2))
    assert set(choose_penalties(flat, planted.target, planted.labels, schemes, [1.0, 100.0, 10.0])) == {100.0}


def test_no_penalty_is_chosen_by_a_row_outside_the_train_side(planted, schemes):
    for split in schemes[0].splits[:2] + schemes[1].splits:
        inner = inner_splits(planted.labels, split.train, 4)
        assert all(set(own.train) | set(own.test) <= set(split.train) for own in inner)
        assert sorted(np.concatenate([own.test for own in inner])) == sorted(split.train)


def test_no_label_fitted_on_touches_the_inner_test_span(planted, schemes):
    for split in inner_splits(planted.labels, schemes[1].splits[0].train, 4):
        tested, fitted = planted.labels.iloc[split.test], planted.labels.iloc[split.train]
        first, last = tested["date"].min(), tested["label_until"].max()
        assert ((fitted["label_until"] < first) | (fitted["label_from"] > last)).all()


def test_a_train_side_with_too_few_days_is_refused():
    rows = made_rows(np.random.default_rng(3).normal(size=(20, 14)), base=np.ones((280, 2)))
    short = Scheme("off", [[chronological((rows.labels["date"] <= "2020-01-03").to_numpy())]])
    with pytest.raises(TooFewDates, match="3 distinct days for 4 blocks of days"):
        choose_penalties(rows.columns("base"), rows.target, rows.labels, [short], ALPHAS)
