"""Draws of stocks and days: what a row weighs, and what the percentiles leave out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.premium.errors import BadLabels
from tasks.premium.inference.two_way import percentile_interval, two_way_weights
from tasks.schemas.estimates import Interval
from tests.premium.splitters.panels import balanced, pairs


@given(n_stocks=st.integers(1, 8), n_days=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_a_row_weighs_its_stocks_draws_times_its_days_draws(n_stocks, n_days, seed):
    (weights,) = two_way_weights(balanced(n_stocks, n_days), 1, np.random.default_rng(seed)).reshape(
        1, n_stocks, n_days
    )
    # As many stocks are drawn as there are, and as many days: all rows together weigh what they weigh undrawn.
    assert weights.sum() == n_stocks * n_days
    stocks, days = weights.sum(axis=1) / n_days, weights.sum(axis=0) / n_stocks
    np.testing.assert_array_equal(weights, np.outer(stocks, days))
    assert stocks.sum() == n_stocks
    assert days.sum() == n_days


@given(chunks=st.lists(st.integers(0, 5), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_draws_are_the_same_in_whatever_chunks_they_are_made(chunks, seed):
    table, rng = balanced(5, 7), np.random.default_rng(seed)
    in_chunks = np.vstack([two_way_weights(table, n_draws, rng) for n_draws in chunks])
    np.testing.assert_array_equal(in_chunks, two_way_weights(table, sum(chunks), np.random.default_rng(seed)))


def test_weights_are_one_on_average_and_a_stocks_rows_move_together():
    table = balanced(10, 10)
    weights = two_way_weights(table, 4_000, np.random.default_rng(0))
    # A stock's draws vary by 0.9 and a day's too, so a weight by 0.9 + 0.9 + 0.81; five standard errors.
    assert weights.mean(axis=0) == pytest.approx(np.ones(100), abs=5 * np.sqrt(2.61 / 4_000))
    same_stock, same_day, neither = (np.cov(weights[:, 0], weights[:, other])[0, 1] for other in (1, 10, 11))
    # Two days of one stock: 1.9 * 0.9 - 1; rows that share nothing: 0.9 * 0.9 - 1.
    assert (same_stock, same_day, neither) == pytest.approx((0.71, 0.71, -0.19), abs=0.25)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_pair_weighs_one_currencys_draws_times_the_others(seed):
    table = pairs(list("ABCDE"), 2)
    weights = pd.Series(two_way_weights(table, 1, np.random.default_rng(seed))[0])
    by_pair = weights.groupby(table["code"]).sum()
    # With times a..e drawn, pairs weigh a b, c d and so on: opposite pairs of any four have one product.
    assert by_pair["A/B"] * by_pair["C/D"] == by_pair["A/C"] * by_pair["B/D"] == by_pair["A/D"] * by_pair["B/C"]
    assert set(weights) <= {float(a * b * day) for a in range(6) for b in range(6 - a) for day in range(3)}


def test_codes_do_not_matter_where_currencies_are_named():
    table = pairs(list("ABCDE"), 4)
    renamed = table.assign(code=range(len(table)))
    one, other = (two_way_weights(own, 5, np.random.default_rng(3)) for own in (table, renamed))
    np.testing.assert_array_equal(one, other)


def test_draws_without_a_value_are_left_out():
    values = np.r_[np.arange(101.0), np.full(7, np.nan)]
    assert percentile_interval(values) == Interval(p2_5=2.5, p50=50.0, p97_5=97.5)


def test_there_is_no_interval_of_fewer_than_twenty_draws_with_a_value():
    assert percentile_interval(np.r_[np.arange(19.0), np.full(500, np.nan)]) is None
    assert percentile_interval(np.zeros(20)) == Interval(p2_5=0, p50=0, p97_5=0)


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
