"""Figures and influences, against libraries and against weights that do move."""

import numpy as np
import pytest
from scipy.stats import linregress
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from tasks.probe.recall.intervals import estimate_of
from tasks.probe.recall.statistics import auc, mean, ratio, slope

RNG = np.random.default_rng(0)
N = 60
X, Y = RNG.normal(size=(2, N)).round(1)
USED = RNG.random(N) < 0.8
IS_ONE = RNG.random(N) < 0.4
ONES = np.ones(N)


def test_points_are_those_of_the_libraries():
    assert mean(Y, USED).point == pytest.approx(Y[USED].mean())
    assert auc(X, IS_ONE, USED).point == pytest.approx(roc_auc_score(IS_ONE[USED], X[USED]))
    own = linregress(X[USED], Y[USED])
    assert slope(X, Y, ONES, USED).point == pytest.approx(own.slope * X[USED].std())
    weights = np.exp(Y)
    fitted = LinearRegression().fit(X[USED, None], (Y / weights)[USED], weights[USED])
    assert slope(X, Y, weights, USED).point == pytest.approx(fitted.coef_[0] * X[USED].std())
    halves = ratio(Y, weights, USED & IS_ONE).point - ratio(Y, weights, USED & ~IS_ONE).point
    assert slope(IS_ONE.astype(float), Y, weights, USED).point == pytest.approx(halves * IS_ONE[USED].std())


def weighted_auc(weights: np.ndarray) -> float:
    return roc_auc_score(IS_ONE[USED], X[USED], sample_weight=weights[USED])


FIGURES = {
    "mean": (mean(Y, USED), lambda w: np.average(Y[USED], weights=w[USED])),
    "ratio": (ratio(Y, np.exp(X), USED), lambda w: (w * Y)[USED].sum() / (w * np.exp(X))[USED].sum()),
    "auc": (auc(X, IS_ONE, USED), weighted_auc),
    "difference": (
        mean(Y, USED & IS_ONE) - mean(Y, USED & ~IS_ONE),
        lambda w: (
            np.average(Y[USED & IS_ONE], weights=w[USED & IS_ONE])
            - np.average(Y[USED & ~IS_ONE], weights=w[USED & ~IS_ONE])
        ),
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_an_influence_is_how_fast_the_figure_moves_with_an_observations_weight(name):
    statistic, figure = FIGURES[name]
    assert statistic.influence.sum() == pytest.approx(0, abs=1e-12)
    assert not statistic.influence[~USED].any()
    for place in range(0, N, 7):
        heavier = np.ones(N)
        heavier[place] += 1e-6
        moved = (figure(heavier) - figure(np.ones(N))) / 1e-6
        assert statistic.influence[place] == pytest.approx(moved, abs=1e-6)


def test_a_slopes_influence_has_its_robust_standard_error():
    """Heteroskedasticity-consistent (HC0), in units of the fixed standard deviation of x."""
    x, y = X[USED], Y[USED]
    scaled = (x - x.mean()) / x.std()
    left = y - y.mean() - slope(X, Y, ONES, USED).point * scaled
    error = ((scaled**2 * left**2).sum()) ** 0.5 / (scaled**2).sum()
    assert (slope(X, Y, ONES, USED).influence ** 2).sum() ** 0.5 == pytest.approx(error)


def test_what_is_not_defined_has_its_reason():
    nothing = np.zeros(N, dtype=bool)
    assert mean(Y, nothing, why="no row").why_none == "no row"
    assert auc(X, np.ones(N, dtype=bool), USED).why_none == "all of its rows went the same way"
    assert slope(ONES, Y, ONES, USED).why_none == "it is the same on all rows"
    assert estimate_of(mean(Y, nothing, why="no row"), np.arange(N)).why_none == "no row"


def test_ratios_intervals_cover_where_documents_differ_in_length_and_are_few():
    """Twelve documents of lognormal length; longer ones are easier."""
    n_covered, truth = 0, 3 * 1.0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        n_bytes = np.exp(rng.normal(7, 0.6, 12))
        bits = 3 * n_bytes * np.exp(rng.normal(-0.02, 0.2, 12))
        found = estimate_of(ratio(bits, n_bytes, np.ones(12, dtype=bool)), np.arange(12))
        n_covered += found.interval[0] <= truth <= found.interval[1]
    assert 0.90 <= n_covered / 400 <= 0.99


def test_an_interval_needs_three_documents_that_differ():
    two = mean(Y[:5], np.array([True, True, False, False, False]))
    assert estimate_of(two, np.arange(5)).why_none == "an interval needs 3 documents, and there are 2"
    assert "no measure of error" in estimate_of(mean(np.ones(5), np.ones(5, dtype=bool)), np.arange(5)).why_none
