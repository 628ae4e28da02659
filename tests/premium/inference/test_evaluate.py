"""Fixed splits under weights: the Gram way and the plain way, what weights mean, and what standardizing means."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tasks.premium.gram.devices import Device, Torch
from tasks.premium.inference.evaluate import Scheme, predict, score
from tasks.sampling.arrays import Split
from tests.premium import sklearn_loops

NEAR = {"rtol": 0, "atol": 1e-10}


def split(train, test) -> Split:
    return Split(np.flatnonzero(train), np.flatnonzero(test))


@pytest.fixture(params=[3, 40, 130])
def panel(request):
    """20 stocks, 60 days, 600 rows, splits by stock, by day, by both with a gap, and along time."""
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(600, request.param)) + 5
    target = 0.01 + 0.03 * rng.normal(size=600) + 0.01 * columns[:, 0]
    stock, day = rng.integers(0, 20, 600), rng.integers(0, 60, 600)
    fold, block = stock % 5, day // 12
    schemes = [
        Scheme("on", [[split(fold != own, fold == own)] for own in range(5)]),
        Scheme("off", [[split(day < 46, day > 47)]]),
        Scheme("date_disjoint", [[split(block != own, block == own)] for own in range(5)]),
        Scheme(
            "disjoint",
            [
                [
                    split((fold != own) & (block != gone) & (day % 12 < 11), (fold == own) & (block == gone))
                    for gone in range(5)
                ]
                for own in range(5)
            ],
        ),
    ]
    times = [rng.multinomial(20, [1 / 20] * 20)[stock] * rng.multinomial(60, [1 / 60] * 60)[day] for _ in range(4)]
    return columns, target, schemes, np.array(times, dtype=float)


def test_weighted_scores_are_those_of_scikit_learn_with_sample_weights(panel):
    columns, target, schemes, weights = panel
    np.testing.assert_allclose(
        score(*panel[:3], weights, 0.5).r2[:, 0], sklearn_loops.score(*panel[:3], weights, 0.5), **NEAR
    )
    once = np.ones((1, len(target)))
    np.testing.assert_allclose(
        score(columns, target, schemes).r2[:, 0], sklearn_loops.score(columns, target, schemes, once), **NEAR
    )


def test_a_row_of_weight_two_is_a_row_written_twice(panel):
    columns, target, schemes, weights = panel
    drawn = np.repeat(np.arange(600), weights[0].astype(int))

    def written_out(rows):
        return np.flatnonzero(np.isin(drawn, rows))

    repeated = [
        Scheme(own.name, [[Split(written_out(s.train), written_out(s.test)) for s in fold] for fold in own.folds])
        for own in schemes
    ]
    written = score(columns[drawn], target[drawn], repeated, penalty=10.0)
    weighted = score(columns, target, schemes, weights[:1], penalty=10.0)
    np.testing.assert_allclose(written.r2, weighted.r2, **NEAR)


def test_a_fold_pools_its_splits_about_one_mean(panel):
    columns, target, schemes, _ = panel
    predictions = predict(columns, target, schemes[3])
    folds = []
    for fold in schemes[3].folds:
        tested = np.concatenate([own.test for own in fold])
        errors = ((target - predictions)[tested] ** 2).sum()
        folds.append(1 - errors / ((target[tested] - target[tested].mean()) ** 2).sum())
    assert score(columns, target, schemes).r2[0, 0, 3] == pytest.approx(np.mean(folds), abs=1e-12)


def test_rows_that_no_split_tests_are_not_predicted(panel):
    columns, target, schemes, _ = panel
    predicted = np.isfinite(predict(columns, target, schemes[1]))
    assert set(np.flatnonzero(predicted)) == set(schemes[1].folds[0][0].test)


def test_what_is_not_defined_is_no_number(panel):
    columns, target, schemes, weights = panel
    no_train, no_test = weights[:1].copy(), weights[:1].copy()
    off = schemes[1].folds[0][0]
    no_train[0, off.train], no_test[0, off.test] = 0, 0
    flat = target.copy()
    flat[off.test] = 0.02
    for changed, own in ((target, no_train), (target, no_test), (flat, weights[:1])):
        assert np.isnan(score(columns, changed, schemes[1:2], own, penalty=1.0).r2).all()
        assert np.isnan(sklearn_loops.score(columns, changed, schemes[1:2], own)).all()


@pytest.mark.parametrize(("weighting", "penalty"), [(0, 0.1), (None, 1000.0)])
def test_standardized_fits_of_every_target_are_those_of_a_scaler_and_a_ridge(panel, weighting, penalty):
    columns, target, schemes, weights = panel
    rng = np.random.default_rng(2)
    targets = np.column_stack([target, rng.normal(size=600), target**2])
    scaled = columns * 10.0 ** rng.integers(-1, 2, columns.shape[1])
    own = np.ones(600) if weighting is None else weights[weighting]
    scored = score(scaled, targets, schemes, own[None], 0.5, penalty)
    assert scored.r2.shape == (1, 4, 4)
    np.testing.assert_allclose(scored.r2[0, 0], sklearn_loops.score(scaled, target, schemes, own[None], 0.5)[0], **NEAR)
    for fit, column in enumerate(targets.T, start=1):
        expected = standardized_loop(scaled, column, schemes, own, penalty)
        np.testing.assert_allclose(scored.r2[0, fit], expected, **NEAR)


def standardized_loop(columns, target, schemes, weights, penalty):
    """(n_schemes,) R2 of scikit-learn's scaler and ridge, of the rows written out."""
    found = []
    for scheme in schemes:
        folds = []
        for fold in scheme.folds:
            truth, predicted = [], []
            for own in fold:
                train, test = (np.repeat(rows, weights[rows].astype(int)) for rows in (own.train, own.test))
                fit = make_pipeline(StandardScaler(), Ridge(alpha=penalty)).fit(columns[train], target[train])
                truth.append(target[test])
                predicted.append(fit.predict(columns[test]) if len(test) else [])
            truth, predicted = np.concatenate(truth), np.concatenate(predicted)
            folds.append(1 - ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())
        found.append(np.mean(folds))
    return found


def test_predictions_under_a_penalty_are_those_of_the_standardized_fit(panel):
    columns, target, schemes, _ = panel
    predicted = predict(columns, target, schemes[0], penalty=30.0)
    for own in schemes[0].splits:
        fit = make_pipeline(StandardScaler(), Ridge(alpha=30.0)).fit(columns[own.train], target[own.train])
        np.testing.assert_allclose(predicted[own.test], fit.predict(columns[own.test]), **NEAR)


@pytest.mark.parametrize("outside", [0.1, 1e6])
def test_a_column_that_does_not_vary_in_train_has_no_effect(panel, outside):
    columns, target, schemes, weights = panel
    off = schemes[1]
    constant = np.full(600, outside)
    constant[off.splits[0].train] = 0.1
    plain, beside = (
        score(own, target, [off], weights, penalty=3.0).r2[:, 1]
        for own in (columns, np.column_stack([columns, constant]))
    )
    np.testing.assert_allclose(beside, plain, **NEAR)


def test_the_gpus_code_path_gives_the_same_scores(panel):
    columns, target, schemes, weights = panel
    targets = np.column_stack([target, target**2])
    on_torch, ours = (
        score(columns, targets, schemes, weights, penalty=10.0, device=device) for device in (Torch("cpu"), Device())
    )
    np.testing.assert_allclose(on_torch.r2, ours.r2, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(on_torch.n_refits, ours.n_refits)


class Threads(Device):
    def __init__(self, n_threads):
        self.n_threads = n_threads

    def n_workers(self, tiles):
        return self.n_threads


def test_threads_side_by_side_change_no_score():
    rng = np.random.default_rng(3)
    columns, target, fold = rng.normal(size=(300, 520)), rng.normal(size=300), np.arange(300) % 7
    on = [Scheme("on", [[split(fold != own, fold == own)] for own in range(7)])]
    one, three = (score(columns, target, on, penalty=9.0, device=Threads(n)).r2 for n in (1, 3))
    np.testing.assert_array_equal(three, one)
    np.testing.assert_allclose(one[:, 0], sklearn_loops.score(columns, target, on, np.ones((1, 300))), **NEAR)
