"""Draws of stocks and days: what a row weighs, and how far draws spread."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.premium.errors import BadLabels
from tasks.premium.inference.two_way import rescaled, two_way_interval, two_way_weights
from tests.premium.splitters.panels import balanced, pairs


@given(n_stocks=st.integers(1, 40), n_days=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_a_row_weighs_its_stocks_weight_times_its_days(n_stocks, n_days, seed):
    (flat,) = two_way_weights(balanced(n_stocks, n_days), 1, np.random.default_rng(seed))
    weights = flat.reshape(n_stocks, n_days)
    # All rows together weigh what they weigh without a draw.
    assert weights.sum() == pytest.approx(n_stocks * n_days)
    stocks, days = weights.sum(axis=1) / n_days, weights.sum(axis=0) / n_stocks
    np.testing.assert_allclose(weights, np.outer(stocks, days))
    for own, n in ((stocks, n_stocks), (days, n_days)):
        n_kept = np.count_nonzero(own)
        np.testing.assert_allclose(own[own > 0], n / n_kept)
        assert n_kept in {max(1, int(0.8 * n)), int(0.8 * n) + 1}


@pytest.mark.parametrize("n", [5, 10, 11, 1000])
def test_rescaled_draws_of_a_mean_vary_as_the_mean_does(n):
    # One day and n stocks: a draw's mean is that of four fifths of them, and the mean of n has variance S^2 / n.
    values = np.random.default_rng(1).normal(size=n)
    weights = two_way_weights(balanced(n, 1), 8_000, np.random.default_rng(0))
    draws = rescaled(weights @ values / weights.sum(axis=1), values.mean())
    # For few stocks the number kept is a draw itself, and the two variances agree less closely.
    assert draws.var(ddof=1) == pytest.approx(values.var(ddof=1) / n, rel=0.25 if n < 10 else 0.08)


@given(chunks=st.lists(st.integers(0, 5), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_draws_are_the_same_in_whatever_chunks_they_are_made(chunks, seed):
    table, rng = balanced(5, 7), np.random.default_rng(seed)
    in_chunks = np.vstack([two_way_weights(table, n_draws, rng) for n_draws in chunks])
    np.testing.assert_array_equal(in_chunks, two_way_weights(table, sum(chunks), np.random.default_rng(seed)))


def test_weights_are_one_on_average_and_a_stocks_rows_move_together():
    table = balanced(10, 10)
    weights = two_way_weights(table, 4_000, np.random.default_rng(0))
    # Eight of ten are kept: a stock's weight varies by 1/4, two stocks' weights covary by -1/36.
    own, other = 1 + 1 / 4, 1 - 1 / 36
    assert weights.mean(axis=0) == pytest.approx(np.ones(100), abs=5 * np.sqrt((own**2 - 1) / 4_000))
    same_stock, same_day, neither = (np.cov(weights[:, 0], weights[:, row])[0, 1] for row in (1, 10, 11))
    assert (same_stock, same_day) == pytest.approx((own * other - 1,) * 2, abs=0.05)
    assert neither == pytest.approx(other**2 - 1, abs=0.05)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_pair_weighs_one_currencys_weight_times_the_others(seed):
    table = pairs(list("ABCDEFGHIJKL"), 2)
    weights = pd.Series(two_way_weights(table, 1, np.random.default_rng(seed))[0])
    by_pair = weights.groupby(table["code"]).sum()
    # Nine or ten of twelve currencies are kept: only pairs of two of them have a weight, all the same.
    left_out = [name for name in "ABCDEFGHIJKL" if not by_pair[[name in code for code in by_pair.index]].any()]
    n_kept = 12 - len(left_out)
    assert n_kept in (9, 10)
    assert np.count_nonzero(by_pair) == n_kept * (n_kept - 1) // 2
    assert len(set(by_pair[by_pair > 0])) == 1


def test_codes_do_not_matter_where_currencies_are_named():
    table = pairs(list("ABCDE"), 4)
    renamed = table.assign(code=range(len(table)))
    one, other = (two_way_weights(own, 5, np.random.default_rng(3)) for own in (table, renamed))
    np.testing.assert_array_equal(one, other)


def test_draws_without_a_value_are_left_out_and_the_others_make_an_interval_of_196_rescaled_deviations():
    values = np.r_[np.tile([0.9, 1.1], 50), np.full(7, np.nan)]
    half_width = 1.96 * 2 * 0.1 * np.sqrt(100 / 99)
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
