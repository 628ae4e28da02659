"""The clipped target, the rank within a day, and the measure of heavy tails, on numbers a reader can check."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.premium.inference.targets import make_targets, tails
from tasks.premium.rows import Rows


def rows_of(target: list[float], days: list[str]) -> Rows:
    labels = pd.DataFrame({"code": range(len(target)), "date": pd.to_datetime(days)})
    return Rows(labels, np.array(target), np.empty((len(target), 0)), {})


def test_the_clipped_target_ends_at_a_quantile_of_the_rows_up_to_the_cut():
    rows = rows_of([-50.0, *np.arange(1.0, 10.0), 99.0], ["2020-01-01"] * 10 + ["2021-01-01"])
    clipped = make_targets(rows, date(2020, 12, 31), 0.1)[:, 1]
    # Up to the cut: -50, 1 ... 9. Position 0.9 and 8.1 of ten sorted values: -50 + 0.9 * 51 and 8 + 0.1.
    np.testing.assert_allclose(clipped, [-4.1, *np.arange(1.0, 9.0), 8.1, 8.1])


def test_ranks_are_within_a_day_about_zero_with_ties_in_their_middle():
    rows = rows_of([5.0, 5.0, 9.0, -1.0, 7.0], ["2020-01-01"] * 4 + ["2020-01-02"])
    found = make_targets(rows, date(2020, 12, 31), 0.01)
    # Ranks 2.5, 2.5, 4 and 1 of four; the second day has one row.
    np.testing.assert_allclose(found[:, 2], [0.0, 0.0, 0.375, -0.375, 0.0])
    np.testing.assert_array_equal(found[:, 0], rows.target)


def test_what_all_stocks_share_on_a_day_changes_no_rank():
    rng = np.random.default_rng(0)
    days = np.repeat(["2020-01-01", "2020-01-02"], 10).tolist()
    own = rng.normal(size=20)
    shocked = own + np.repeat([3.0, -4.0], 10)
    one, other = (
        make_targets(rows_of(values.tolist(), days), date(2020, 12, 31), 0.01)[:, 2] for values in (own, shocked)
    )
    np.testing.assert_array_equal(one, other)


def test_tails_tell_what_the_largest_day_and_five_rows_carry():
    target = np.array([1.0, -1.0] * 50 + [10.0, -10.0])
    days = pd.Series(pd.bdate_range("2021-01-01", periods=51).repeat(2))
    found = tails(target, days, np.ones(102, dtype=bool))
    # Squares: 100 of 1 and 2 of 100; the mean is zero.
    assert found.largest_day == pytest.approx(200 / 300)
    assert found.five_largest_rows == pytest.approx(203 / 300)
    assert found.n_days == 51
    assert found.warning.startswith("of the sum of squares after the cut the largest day, 2021-03-12, carries 67%")


def test_gaussian_rows_are_not_warned_of():
    rng = np.random.default_rng(0)
    days = pd.Series(pd.bdate_range("2021-01-01", periods=100).repeat(20))
    found = tails(rng.normal(size=2000), days, np.ones(2000, dtype=bool))
    assert found.warning == ""
    assert tails(np.zeros(2000), days, np.ones(2000, dtype=bool)).warning == "the target after the cut does not vary"
