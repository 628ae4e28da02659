"""Fixed splits under weights: the Gram way and the plain way, and what weights mean."""

import numpy as np
import pytest

from tasks.premium.gram.cells import CellGrams
from tasks.premium.gram.devices import Torch
from tasks.premium.inference.evaluate import Scheme, predict, score
from tasks.premium.rows import Split
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
    np.testing.assert_allclose(score(*panel[:3], weights, 0.5), sklearn_loops.score(*panel[:3], weights, 0.5), **NEAR)
    once = np.ones((1, len(target)))
    np.testing.assert_allclose(
        score(columns, target, schemes), sklearn_loops.score(columns, target, schemes, once), **NEAR
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
    np.testing.assert_allclose(
        score(columns[drawn], target[drawn], repeated), score(columns, target, schemes, weights[:1]), **NEAR
    )


def test_a_fold_pools_its_splits_about_one_mean(panel):
    columns, target, schemes, _ = panel
    predictions = predict(columns, target, schemes[3])
    folds = []
    for fold in schemes[3].folds:
        tested = np.concatenate([own.test for own in fold])
        errors = ((target - predictions)[tested] ** 2).sum()
        folds.append(1 - errors / ((target[tested] - target[tested].mean()) ** 2).sum())
    assert score(columns, target, schemes)[0, 3] == pytest.approx(np.mean(folds), abs=1e-12)


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
        assert np.isnan(score(columns, changed, schemes[1:2], own)).all()
        assert np.isnan(sklearn_loops.score(columns, changed, schemes[1:2], own)).all()


def test_the_gpus_code_path_gives_the_same_sums(panel):
    columns, target, schemes, weights = panel
    splits = schemes[3].splits
    on_torch = CellGrams(columns, target, splits, Torch("cpu"), 1.0).test_sums(weights[0])
    ours = score(columns, target, schemes[3:4], weights[:1])[0, 0]
    folds = [slice(5 * fold, 5 * fold + 5) for fold in range(5)]
    squared = [
        on_torch.target_squared[f].sum() - on_torch.target[f].sum() ** 2 / on_torch.n_rows[f].sum() for f in folds
    ]
    r2 = [1 - on_torch.sse[f].sum() / sst for f, sst in zip(folds, squared, strict=True)]
    assert ours == pytest.approx(np.mean(r2), abs=1e-12)
