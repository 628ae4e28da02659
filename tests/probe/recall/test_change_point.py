"""The change point: planted ones are found where they are, and nothing is found where there is none."""

from datetime import date

import numpy as np
import pytest

from tasks.probe.recall.change_point import Lines, _without_own_pull, find_change
from tests.probe.recall.made_curves import CHANGE, FIRST, made, sections


def search(n: int, seed: int, n_draws: int = 99, **shape: object):
    days, values, units, rng = made(n, seed, **shape)
    return find_change(days, values, units, n_draws, rng)


def day(number: int) -> date:
    return np.datetime64(number, "D").item()


def test_a_clear_step_is_found_within_days_of_where_it_is_and_its_height_with_it():
    found = search(400, seed=1, step=4.0, n_draws=499)
    assert abs((found.day - day(CHANGE)).days) < 40
    assert found.interval[0] <= day(CHANGE) < found.interval[1]
    assert (found.interval[1] - found.interval[0]).days < 200
    assert found.rise == pytest.approx(0.6, abs=0.15)
    assert found.p_value == pytest.approx(1 / 500)
    assert found.is_open == (False, False)
    assert not found.why_none


def test_a_bend_without_a_step_is_found_by_its_slopes():
    found = search(400, seed=2, bend=12.0)
    assert found.interval[0] <= day(CHANGE) < found.interval[1]
    before, after = found.slopes
    assert before == pytest.approx(-0.03, abs=0.01)
    assert after - before == pytest.approx(0.18, abs=0.05)


def test_without_a_change_there_is_no_day_but_the_p_value_and_the_reason():
    found = search(200, seed=3)
    assert found.day is None
    assert found.interval is None
    assert found.rise is None
    assert found.p_value > 0.05
    assert found.why_none == f"p = {found.p_value:.3f} of a change as large where there is none"


@pytest.mark.parametrize("spread", ["even", "doubles"])
def test_false_alarms_are_about_one_in_twenty(spread):
    found = [search(60, seed, spread=spread) for seed in range(200)]
    assert sum(own.day is not None for own in found) <= 20  # 5 % expected; 20 or more of 200 in 0.3 % of such tests


def test_a_whole_day_counts_once_where_its_documents_share_a_shock():
    """Twenty documents of each of 30 days: by document half of the tests raise an alarm, by day few do."""

    def alarms(by_day: bool) -> int:
        n = 0
        for seed in range(60):
            rng = np.random.default_rng(seed)
            days = np.repeat(FIRST + 30 * np.arange(30), 20)
            values = np.repeat(rng.normal(size=30), 20) + 0.5 * rng.normal(size=600)
            n += find_change(days, values, days if by_day else np.arange(600), 99, rng).day is not None
        return n

    assert alarms(by_day=False) > 30
    assert alarms(by_day=True) <= 8


def test_false_alarms_are_as_rare_where_days_have_few_and_many_sections():
    alarms = 0
    for seed in range(200):
        days, values = sections(seed, step=0.0)
        alarms += find_change(days, values, days, 99, np.random.default_rng(seed)).day is not None
    assert alarms <= 20  # as above


def test_a_days_residual_is_the_one_from_a_line_through_the_other_days():
    days, values = sections(0, step=0.0)
    lines, x = Lines.over(days), days.astype(float)
    scaled = _without_own_pull(lines, values - lines.fit(values), lines.day_of)
    for day in np.unique(days)[[0, 20, -1]]:
        own = days == day
        line = np.polynomial.Polynomial.fit(x[~own], values[~own], 1)
        assert scaled[own].mean() == pytest.approx((values[own] - line(x[own])).mean())


@pytest.mark.parametrize("shape", [{"step": 1.2}, {"step": 2.0, "spread": "doubles"}, {"bend": 6.0}])
def test_intervals_of_found_changes_cover(shape):
    found = [own for own in (search(120, seed, **shape) for seed in range(150)) if own.day]
    covered = [own.interval[0] <= day(CHANGE) < own.interval[1] for own in found]
    assert len(found) > 60
    assert np.mean(covered) >= 0.9


def test_the_draws_are_those_of_the_seed_and_shifting_all_values_changes_nothing():
    days, values, units, _ = made(120, 5, step=2.0)
    one, other, shifted = (
        find_change(days, values + by, units, 99, np.random.default_rng(7)) for by in (0.0, 0.0, 10.0)
    )
    assert one == other
    assert shifted.day == one.day
    assert shifted.p_value == one.p_value


def test_too_few_documents_or_days_make_no_change_point():
    few = find_change(np.arange(19), np.arange(19.0), np.arange(19), 99, np.random.default_rng(0))
    assert few.why_none == "19 documents, and at least 20 are needed"
    days = np.repeat([1, 2, 3, 4, 5], 10)
    same = find_change(days, np.random.default_rng(0).normal(size=50), np.arange(50), 99, np.random.default_rng(0))
    assert same.why_none == "they are of 5 days, and 4 on either side of a change are needed"
    flat = find_change(np.arange(40), np.zeros(40), np.arange(40), 99, np.random.default_rng(0))
    assert flat.why_none == "the documents do not differ from a line"
