"""Leaving out groups of days: who is left out, and the classical standard error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.premium.inference.jackknife import jackknife, leave_out_weights
from tasks.sampling.errors import TooFewDates
from tests.sampling.splitters.panels import balanced


@given(n_days=st.integers(2, 30), data=st.data())
def test_every_row_is_left_out_once_with_the_neighbours_of_its_day(n_days, data):
    n_groups = data.draw(st.integers(2, n_days))
    left_out = leave_out_weights(balanced(3, n_days), n_groups).reshape(n_groups, 3, n_days) == 0
    assert (left_out.sum(axis=0) == 1).all()
    assert (left_out == left_out[:, :1]).all()
    group_of_day = left_out[:, 0].argmax(axis=0)
    assert (np.diff(group_of_day) >= 0).all()
    assert np.ptp(np.bincount(group_of_day, minlength=n_groups)) <= 1


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=30))
def test_of_a_mean_it_is_the_textbooks_standard_error(values):
    days = np.array(values)
    left_out = leave_out_weights(balanced(1, len(days)), len(days)) @ days / (len(days) - 1)
    se, _ = jackknife(float(days.mean()), left_out)
    assert se == pytest.approx(days.std(ddof=1) / np.sqrt(len(days)), abs=1e-12)


def test_the_interval_is_students_t():
    # Five groups: the standard error is sqrt(4 * variance) = 2, t with four degrees of freedom is 2.776.
    se, (low, high) = jackknife(7.0, np.array([1.0, -1.0, 1.0, -1.0, 0.0]) * np.sqrt(1.25))
    assert se == pytest.approx(2)
    assert (low, high) == pytest.approx((7 - 2 * 2.776445, 7 + 2 * 2.776445), abs=1e-5)


@pytest.mark.parametrize(("point", "values"), [(np.nan, [1.0, 2.0, 3.0]), (1.0, [1.0, np.nan, 3.0])])
def test_a_figure_that_is_not_defined_without_a_group_has_no_standard_error(point, values):
    assert jackknife(point, np.array(values)) is None


def test_fewer_days_than_groups_are_refused():
    with pytest.raises(TooFewDates, match="9 distinct days for 10 groups of days to leave out; ask for fewer or raise"):
        leave_out_weights(balanced(3, 9), 10)
