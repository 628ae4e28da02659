"""Draws scored from Gram matrices are those scored from rows, however the work is cut and wherever it runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from tasks.gpu_trial.premium import made_panel
from tasks.premium.gram.devices import Device, Torch
from tasks.premium.gram.stock_draws import StockGrams
from tasks.premium.reference.draws import StockDraws, assign_folds
from tests.premium import sklearn_loops


def stock_scores(panel, device, n_draws=6, chunk=6, alpha=1.0):
    """The draws, (n_kept, n_folds + 1) R2 of folds and off, and how many fits needed their rows."""
    columns, target, stocks, is_train = panel
    draws = StockDraws(stocks, is_train, target, n_draws, 5, 3)
    ready = StockGrams(columns, target, stocks, is_train, device, alpha)
    taken = [draws.take(start, start + chunk) for start in range(0, len(draws.kept), chunk)]
    on, off = zip(*((ready.score_on(own), ready.score_off(own)) for own in taken), strict=True)
    r2, n_refits = (np.concatenate(own) for own in zip(*on, strict=True))
    r2_off, n_refits_off = (np.concatenate(own) for own in zip(*off, strict=True))
    return draws, np.column_stack([r2, r2_off]), int((n_refits + n_refits_off).sum())


def scored(*args, **kwargs):
    return stock_scores(*args, **kwargs)[:2]


# 3: one tile; 60: two; 130: three with filling; 300: fewer rows than columns.
@pytest.mark.parametrize("n_columns", [3, 60, 130, 300])
@pytest.mark.parametrize("alpha", [1.0, 0.01])
def test_every_fold_of_every_draw_is_that_of_its_rows_written_out(n_columns, alpha):
    panel = made_panel(n_columns)
    draws, ours = scored(panel, Device(), alpha=alpha)
    theirs = [sklearn_loops.draw_scores(*panel, draws.times[draw], alpha) for draw in draws.kept]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


class NarrowTiles(Device):
    tile_width = 17


@pytest.mark.parametrize(
    ("device", "chunk", "threads"), [(Device(), 1, 1), (Device(), 4, 2), (NarrowTiles(), 6, 1), (Torch("cpu"), 6, 2)]
)
def test_chunk_tile_threads_and_device_change_nothing(device, chunk, threads):
    panel = made_panel(130)
    _, expected = scored(panel, Device())
    with threadpool_limits(threads, user_api="blas"):
        _, ours = scored(panel, device, chunk=chunk)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


class Workers(Device):
    def __init__(self, n_workers):
        self.n = n_workers

    def n_workers(self, tiles):
        return self.n


@pytest.mark.parametrize("n_columns", [3, 130])
def test_equally_many_rows_per_stock_and_threads_side_by_side(n_columns):
    """More stocks than a run holds, with few numbers of rows up to the cut: products of many stocks at once."""
    rng = np.random.default_rng(1)
    stocks = rng.permutation(np.repeat(np.arange(150), 4))
    columns = rng.normal(size=(len(stocks), n_columns))
    panel = columns, columns[:, 0] + rng.normal(size=len(stocks)), stocks, rng.random(len(stocks)) < 0.7
    (draws, one), (_, three) = (scored(panel, Workers(n), n_draws=3) for n in (1, 3))
    np.testing.assert_array_equal(three, one)
    theirs = [sklearn_loops.draw_scores(*panel, draws.times[draw], 1.0) for draw in draws.kept]
    np.testing.assert_allclose(one, theirs, rtol=0, atol=1e-10)


@given(st.lists(st.integers(0, 6), min_size=5, max_size=40), st.integers(2, 5))
def test_drawn_stocks_are_assigned_as_group_k_fold_assigns_them(n_rows, n_folds):
    n_rows = np.array(n_rows)
    stocks = np.repeat(np.arange(len(n_rows)), n_rows)
    if np.count_nonzero(n_rows) < n_folds:
        return
    # Beside a draw that others must not change.
    _, folds = assign_folds(np.stack([n_rows[::-1], n_rows]), n_folds)
    for fold, (_, test) in enumerate(GroupKFold(n_folds).split(stocks, groups=stocks)):
        assert set(stocks[test]) == set(np.flatnonzero((folds == fold) & (n_rows > 0)))


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_draw_is_kept_if_and_only_if_its_rows_can_be_scored(seed):
    rng = np.random.default_rng(seed)
    stocks = np.repeat(np.arange(6), rng.integers(1, 5, 6))
    target = rng.integers(0, 2, len(stocks)).astype(float)
    is_train = rng.random(len(stocks)) < 0.5
    draws = StockDraws(stocks, is_train, target, 10, 3, seed)
    for times, reason, is_flat in zip(draws.times, draws.drop_reasons, draws.is_flat, strict=True):
        drawn = np.repeat(np.arange(len(stocks)), times[stocks])
        if np.count_nonzero(times) < 3:
            assert reason == "too_few_stocks"
        elif min(is_train[drawn].sum(), (~is_train[drawn]).sum()) < 10:
            assert reason == "too_few_rows"
        else:
            # scikit-learn's r2_score of one row is NaN, of several with one and the same target it is not.
            tests = [drawn[test] for _, test in GroupKFold(3).split(drawn, groups=stocks[drawn])]
            assert reason == ("undefined_r2" if min(map(len, tests)) < 2 else "")
            flat = [np.ptp(target[test]) == 0 for test in [*tests, drawn[~is_train[drawn]]]]
            assert sorted(flat) == sorted(is_flat)
