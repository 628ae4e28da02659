"""The change point: planted ones are found where they are, and nothing is found where there is none."""

from datetime import date

import numpy as np
import pytest

from tasks.probe.recall.change_point import find_change
from tasks.probe.recall.curves import unit_means
from tasks.probe.recall.two_lines import Lines
from tests.probe.recall.made_curves import CHANGE, YEAR, made, sections


def search(n: int, seed: int, n_draws: int = 99, **shape: object):
    days, values, rng = made(n, seed, **shape)
    return find_change(days, values, n_draws, rng)


def search_sections(seed: int, step: float = 0.0, *, by_day: bool, n_draws: int = 99):
    days, values = sections(seed, step)
    observed = unit_means(days, values, days if by_day else np.arange(len(days)))
    return find_change(*observed, n_draws, np.random.default_rng(seed))


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


@pytest.mark.parametrize("by_day", [True, False])
def test_false_alarms_are_rare_where_a_day_counts_once_and_not_where_its_sections_count_one_by_one(by_day):
    """Days of 1 to 20 sections that share a shock: by section most tests raise an alarm."""
    n_alarms = sum(search_sections(seed, by_day=by_day).day is not None for seed in range(200))
    assert n_alarms <= 20 if by_day else n_alarms > 100  # as above


def test_the_day_of_a_step_in_sections_is_placed_within_years_by_day():
    found = [own for own in (search_sections(seed, 2.0, by_day=True) for seed in range(100)) if own.day]
    covered = [own.interval[0] <= day(YEAR * 20) < own.interval[1] for own in found]
    widths = [(own.interval[1] - own.interval[0]).days / YEAR for own in found]
    assert len(found) > 80
    assert np.mean(covered) >= 0.9
    assert np.median(widths) <= 5


def test_one_document_of_a_unit_is_as_good_as_its_mean():
    days, rates = np.array([3, 3, 5, 9]).astype("datetime64[D]"), np.array([1.0, 2.0, 4.0, 8.0])
    by_day, by_document = (unit_means(days, rates, units) for units in (days, np.arange(4)))
    assert [own.tolist() for own in by_day] == [[3, 5, 9], [1.5, 4.0, 8.0]]
    assert [own.tolist() for own in by_document] == [[3, 3, 5, 9], rates.tolist()]


@pytest.mark.parametrize("last", [None, 20])
def test_residuals_are_those_from_lines_through_the_other_observations(last):
    days, values, _ = made(60, 0, step=1.0)
    lines, x = Lines.over(days), days.astype(float)
    fitted, residuals = lines.fit(values, last)
    is_first = lines.day_of <= (len(lines.days) if last is None else last)
    for place in (0, 10, 40, 59):
        side = is_first == is_first[place]
        others = side & (np.arange(60) != place)
        line, own = (np.polynomial.Polynomial.fit(x[used], values[used], 1)(x[place]) for used in (others, side))
        assert residuals[place] == pytest.approx(values[place] - line)
        assert fitted[place] == pytest.approx(own)


@pytest.mark.parametrize("shape", [{"step": 1.2}, {"step": 2.0, "spread": "doubles"}, {"bend": 6.0}])
def test_intervals_of_found_changes_cover(shape):
    found = [own for own in (search(120, seed, **shape) for seed in range(150)) if own.day]
    covered = [own.interval[0] <= day(CHANGE) < own.interval[1] for own in found]
    assert len(found) > 60
    assert np.mean(covered) >= 0.9


def test_the_draws_are_those_of_the_seed_and_shifting_all_values_changes_nothing():
    days, values, _ = made(120, 5, step=2.0)
    one, other, shifted = (find_change(days, values + by, 99, np.random.default_rng(7)) for by in (0.0, 0.0, 10.0))
    assert one == other
    assert shifted.day == one.day
    assert shifted.p_value == one.p_value


def test_too_few_documents_or_days_make_no_change_point():
    few = find_change(np.arange(19), np.arange(19.0), 99, np.random.default_rng(0), "days")
    assert few.why_none == "19 days, and at least 20 are needed"
    days = np.repeat([1, 2, 3, 4, 5], 10)
    same = find_change(days, np.random.default_rng(0).normal(size=50), 99, np.random.default_rng(0))
    assert same.why_none == "they are of 5 days, and 4 on either side of a change are needed"
    flat = find_change(np.arange(40), np.zeros(40), 99, np.random.default_rng(0))
    assert flat.why_none == "the documents do not differ from a line"
