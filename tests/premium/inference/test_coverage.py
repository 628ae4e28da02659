"""Intervals cover the truth at their nominal rate; stock draws do not where days bring shocks."""

import numpy as np
import pytest

from tests.simulations import coverage

TRUTH = 0.2762
"""Mean reduction over 2,000 panels at correlation 0.3: what the full simulation found, with standard error 0.0031."""


def covered(n_panels: int, n_draws: int) -> dict[str, float]:
    """Coverage by method where any two stocks' targets correlate by 0.3."""
    ends = np.array([coverage.ends_of_panel(job) for job in coverage.jobs(0.3, n_panels, n_draws, seed=2)])
    return {method: found.coverage for method, found in coverage.cover(ends, TRUTH).items()}


def test_stock_draws_do_not_cover_under_shocks_that_stocks_share_and_two_way_draws_do():
    found = covered(n_panels=40, n_draws=60)
    assert found["stock draws"] < 0.8
    assert found["two-way draws"] >= 0.85


@pytest.mark.slow
def test_two_way_draws_cover_at_their_nominal_rate():
    found = covered(n_panels=150, n_draws=300)
    assert found["stock draws"] < 0.75
    assert 0.93 <= found["two-way draws"] <= 0.99


def test_the_truth_is_the_mean_over_panels_of_their_own():
    points = [coverage.point_of_panel(job) for job in coverage.jobs(0.3, 60, 0, seed=3)]
    assert np.mean(points) == pytest.approx(TRUTH, abs=4 * np.std(points) / np.sqrt(60))


def test_an_interval_covers_if_it_holds_the_truth_ends_included():
    ends = np.array([[[0.0, 1.0]] * 4, [[1.0, 2.0]] * 4, [[1.5, 3.0]] * 4])
    found = coverage.cover(ends, 1.0)["two-way draws"]
    assert (found.coverage, found.mean_width) == pytest.approx((2 / 3, 3.5 / 3))
    assert found.standard_error == pytest.approx(np.sqrt(2 / 9 / 3))
