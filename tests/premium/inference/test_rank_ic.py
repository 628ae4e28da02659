"""Rank correlation within a day, against scipy and against simulated truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tasks.premium.inference.day_blocks import DAYS_PER_BLOCK
from tasks.premium.inference.rank_ic import daily_correlations, rank_ic


def days(n_days: int, n_stocks: int) -> pd.Series:
    return pd.Series(np.repeat(pd.bdate_range("2020-01-01", periods=n_days), n_stocks))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=6, max_size=20))
def test_a_days_correlation_is_scipys_spearman_ties_included(pairs):
    predicted, target = np.array(pairs, dtype=float).T
    ours = daily_correlations(predicted, target, days(1, len(pairs)))
    if np.ptp(predicted) == 0 or np.ptp(target) == 0:
        assert len(ours) == 0
    else:
        assert ours == pytest.approx([spearmanr(predicted, target).statistic], abs=1e-12)


def test_the_mean_is_over_days_and_not_over_rows():
    # Eleven days: ten of five stocks in order, one of 50 stocks in reverse.
    dates = pd.concat([days(10, 5), pd.Series([pd.Timestamp("2021-01-01")] * 50)])
    target = np.concatenate([np.tile(np.arange(5.0), 10), np.arange(50.0)])
    predicted = np.concatenate([target[:50], -target[50:]])
    assert rank_ic(predicted, target, dates).mean == pytest.approx((10 - 1) / 11)


def test_what_all_stocks_of_a_day_share_changes_nothing():
    rng = np.random.default_rng(0)
    predicted, target = rng.normal(size=(2, 200))
    shift = np.repeat(rng.normal(size=20) * 9, 10)
    assert rank_ic(predicted, target, days(20, 10)) == rank_ic(predicted + shift, target - shift, days(20, 10))


def test_rows_no_split_tested_and_days_with_too_few_stocks_are_left_out():
    rng = np.random.default_rng(1)
    predicted, target = rng.normal(size=(2, 120))
    dates = days(12, 10)
    predicted[:6] = np.nan  # leaves four stocks on the first day
    predicted[10] = np.nan  # and nine on the second
    ours = daily_correlations(predicted, target, dates)
    assert len(ours) == rank_ic(predicted, target, dates).n_days == 11
    assert ours[0] == pytest.approx(spearmanr(predicted[11:20], target[11:20]).statistic)


def test_too_few_days_give_no_figure_but_a_reason():
    found = rank_ic(np.arange(45.0), np.arange(45.0), days(9, 5))
    assert (found.mean, found.standard_error, found.n_days) == (None, None, 9)
    assert found.why_none.startswith("9 days have 5 stocks to order, 10 are needed")


def test_predictions_that_order_nothing_give_no_figure():
    found = rank_ic(np.zeros(100), np.arange(100.0), days(20, 5))
    assert (found.mean, found.n_days) == (None, 0)


def test_the_standard_error_is_that_of_the_mean_of_blocks_of_days():
    rng = np.random.default_rng(2)
    predicted, target = rng.normal(size=(2, 400))
    dates = days(40, 10)
    by_day = daily_correlations(predicted, target, dates)
    blocks = by_day.reshape(-1, DAYS_PER_BLOCK).mean(axis=1)
    expected = blocks.std(ddof=1) / np.sqrt(len(blocks))
    assert rank_ic(predicted, target, dates).standard_error == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_the_standard_error_covers_where_days_taken_as_independent_do_not():
    """Returns and predictions are sums of three draws, two of them the neighbours' too. Truth: no correlation."""
    rng = np.random.default_rng(3)
    n_panels, n_days, n_stocks = 300, 100, 12
    missed = {"blocks": 0, "days": 0}
    for _ in range(n_panels):
        drawn = rng.normal(size=(2, n_days + 2, n_stocks))
        predicted, target = (drawn[:, 2:] + drawn[:, 1:-1] + drawn[:, :-2]).reshape(2, -1)
        found = rank_ic(predicted, target, days(n_days, n_stocks))
        by_day = daily_correlations(predicted, target, days(n_days, n_stocks))
        missed["blocks"] += abs(found.mean) > 1.96 * found.standard_error
        missed["days"] += abs(found.mean) > 1.96 * by_day.std(ddof=1) / np.sqrt(n_days)
    # Nominal 5 %; twenty blocks and their borders make 8 % of it, single days 17 %.
    assert missed["blocks"] <= 0.12 * n_panels < missed["days"]
