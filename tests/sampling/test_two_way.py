"""Draws of stocks and days: what a row weighs, and how far draws spread."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sampling.errors import BadLabels
from tasks.sampling.two_way import rescaled, two_way_interval, two_way_weights
from tests.sampling.splitters.panels import balanced, pairs


@given(n_stocks=st.integers(1, 40), n_days=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_a_row_weighs_its_stocks_weight_times_its_days(n_stocks, n_days, seed):
    (flat,) = two_way_weights(balanced(n_stocks, n_days), 1, np.random.default_rng(seed))
    weights = flat.reshape(n_stocks, n_days)
    stocks, days = (own[own > 0] for own in (weights.max(axis=1), weights.max(axis=0)))
    np.testing.assert_allclose(weights[np.ix_(weights.any(axis=1), weights.any(axis=0))], weights.max())
    assert len(stocks) in {max(1, int(0.7 * n_stocks)), int(0.7 * n_stocks) + 1}
    # Days are kept in runs of two, from the first or from the second day on; a run at an end may be of one day.
    ends = [np.flatnonzero(np.diff(np.r_[0, weights.any(axis=0), 0]))]
    n_runs = {n_days // 2 + n_days % 2, n_days // 2 + 1}
    assert len(days) <= 2 * max(max(1, int(0.7 * n)) + 1 for n in n_runs)
    inner = [end for end in ends[0] if 0 < end < n_days]
    assert len({end % 2 for end in inner}) <= 1


@pytest.mark.parametrize("n", [5, 10, 11, 1000])
def test_rescaled_draws_of_a_mean_vary_as_the_mean_does(n):
    # One day and n stocks: a draw's mean is that of seven tenths of them, and the mean of n has variance S^2 / n.
    values = np.random.default_rng(1).normal(size=n)
    weights = two_way_weights(balanced(n, 1), 8_000, np.random.default_rng(0))
    draws = rescaled(weights @ values / weights.sum(axis=1), values.mean())
    # For few stocks the number kept is a draw itself, and the two variances agree less closely.
    assert draws.var(ddof=1) == pytest.approx(values.var(ddof=1) / n, rel=0.25 if n < 10 else 0.08)


@pytest.mark.parametrize("persistence", [0.0, 0.5])
def test_rescaled_draws_of_days_vary_as_their_mean_does_and_more_where_neighbours_move_together(persistence):
    # A moving average of order one, so that runs of two hold half of what neighbours share.
    shocks = np.random.default_rng(1).normal(size=2_001)
    values = shocks[1:] + persistence * shocks[:-1]
    weights = two_way_weights(balanced(1, 2_000), 4_000, np.random.default_rng(0))
    draws = rescaled(weights @ values / weights.sum(axis=1), values.mean())
    shared = np.mean((values[1:] - values.mean()) * (values[:-1] - values.mean()))
    assert draws.var(ddof=1) == pytest.approx((values.var() + shared) / 2_000, rel=0.1)


@given(chunks=st.lists(st.integers(0, 5), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_draws_are_the_same_in_whatever_chunks_they_are_made(chunks, seed):
    table, rng = balanced(5, 7), np.random.default_rng(seed)
    in_chunks = np.vstack([two_way_weights(table, n_draws, rng) for n_draws in chunks])
    np.testing.assert_array_equal(in_chunks, two_way_weights(table, sum(chunks), np.random.default_rng(seed)))


def test_weights_are_one_on_average_and_a_stocks_rows_move_together():
    table = balanced(10, 19)
    weights = two_way_weights(table, 4_000, np.random.default_rng(0))
    # Seven of ten stocks, and of ten runs of days: a weight varies by 3/7, two stocks' weights covary by -1/21.
    own, other = 1 + 3 / 7, 1 - 1 / 21
    assert weights.mean(axis=0) == pytest.approx(np.ones(190), abs=5 * np.sqrt((own**2 - 1) / 4_000))
    same_stock, same_day, neither = (np.cov(weights[:, 0], weights[:, row])[0, 1] for row in (5, 19, 24))
    assert (same_stock, same_day) == pytest.approx((own * other - 1,) * 2, abs=0.05)
    assert neither == pytest.approx(other**2 - 1, abs=0.05)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_pair_weighs_one_currencys_weight_times_the_others(seed):
    table = pairs(list("ABCDEFGHIJKL"), 2)
    weights = pd.Series(two_way_weights(table, 1, np.random.default_rng(seed))[0])
    by_pair = weights.groupby(table["code"]).sum()
    # Eight or nine of twelve currencies are kept: only pairs of two of them have a weight, all the same.
    left_out = [name for name in "ABCDEFGHIJKL" if not by_pair[[name in code for code in by_pair.index]].any()]
    n_kept = 12 - len(left_out)
    assert n_kept in (8, 9)
    assert np.count_nonzero(by_pair) == n_kept * (n_kept - 1) // 2
    assert len(set(by_pair[by_pair > 0])) == 1


def test_codes_do_not_matter_where_currencies_are_named():
    table = pairs(list("ABCDE"), 4)
    renamed = table.assign(code=range(len(table)))
    one, other = (two_way_weights(own, 5, np.random.default_rng(3)) for own in (table, renamed))
    np.testing.assert_array_equal(one, other)


def test_draws_without_a_value_are_left_out_and_the_others_make_an_interval_of_196_rescaled_deviations():
    values = np.r_[np.tile([0.9, 1.1], 50), np.full(7, np.nan)]
    half_width = 1.96 * np.sqrt(7 / 3) * 0.1 * np.sqrt(100 / 99)
    assert two_way_interval(0.5, values) == pytest.approx((0.5 - half_width, 0.5 + half_width))


def test_there_is_no_interval_of_fewer_than_twenty_draws_with_a_value():
    assert two_way_interval(0.5, np.r_[np.arange(19.0), np.full(500, np.nan)]) is None
    assert two_way_interval(0.5, np.zeros(20)) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda t: t.drop(columns="date"), "labels lack date, they need date, code; take them from the panel"),
        (lambda t: t.drop(columns="code"), "labels lack code, they need date, code"),
        (lambda t: t.assign(date=t["date"].where(t.index > 0)), "date is missing in 1 of 12 labels, none may be"),
    ],
)
def test_labels_without_a_stock_or_a_day_are_refused(break_it, message):
    with pytest.raises(BadLabels, match=message):
        two_way_weights(break_it(balanced(3, 4)), 2, np.random.default_rng(0))


@pytest.mark.parametrize("days_per_run", [1, 3, 10])
def test_days_of_a_run_are_kept_or_left_out_together(days_per_run):
    labels, rng = balanced(1, 40), np.random.default_rng(0)
    offsets = set()
    for weights in two_way_weights(labels, 60, rng, days_per_run):
        ends = np.flatnonzero(np.diff(weights)) + 1
        assert len({end % days_per_run for end in ends}) <= 1
        offsets |= {end % days_per_run for end in ends}
    # From a random day on, so that no two days always share a run.
    assert offsets == set(range(days_per_run))
