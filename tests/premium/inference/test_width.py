"""Which intervals are called wide: by two standard errors, and not where the target makes draws too narrow."""

import numpy as np
import pandas as pd
import pytest

from tasks.premium.inference.replicates import Replicates
from tasks.premium.inference.targets import tails
from tasks.premium.inference.width import is_wide, mark_wide, width_ratio
from tasks.schemas.estimates import Estimate, ModelDifference
from tasks.schemas.scores import Tails

NORMAL = Tails(largest_day=0.1, n_days=20, five_largest_rows=0.1, kurtosis=3.0, autocorrelation=0.0)
FIGURES = {
    "all days": ("disjoint", "lookahead"),
    "R2 off": ("off", "premium", "gain", "reduction", "date_disjoint_premium", "date_disjoint_reduction"),
    "two fits": ("shared_day_effect", "walk_forward"),
}
EVERY = [figure for figures in FIGURES.values() for figure in figures]


def estimate(ratio: float, rng: np.random.Generator | None = None) -> Estimate:
    """Of replicates whose draws deviate by 0.3 and whose jackknife has a standard error of 0.3 / ratio."""
    rng = rng or np.random.default_rng(0)
    draws, left_out = (own - own.mean() for own in (rng.normal(size=120), rng.normal(size=20)))
    draws *= 0.3 / draws.std(ddof=1)
    left_out *= 0.3 / ratio / np.sqrt(19 * left_out.var())
    return Replicates(np.float64(1.0), 1.0 + draws, 1.0 + left_out).estimate()


@pytest.mark.parametrize("ratio", [0.5, 1.19, 1.21, 3.0])
def test_an_interval_is_wide_if_draws_deviate_more_than_1_2_times_as_far_as_the_jackknife_says(ratio):
    own = estimate(ratio)
    assert width_ratio(own) == pytest.approx(ratio)
    assert [is_wide(figure, own, NORMAL) for figure in EVERY] == [ratio > 1.2] * len(EVERY)


@pytest.mark.parametrize(
    ("changed", "unmarked"),
    [
        ({"kurtosis": 7.1}, "all days"),
        ({"kurtosis": None}, "all days"),
        ({"autocorrelation": 0.31}, "R2 off"),
        ({"autocorrelation": None}, "R2 off"),
        ({"warning": "the largest day carries 61%"}, "R2 off"),
    ],
)
def test_a_target_that_makes_draws_too_narrow_leaves_the_figures_it_concerns_unmarked(changed, unmarked):
    target, own = NORMAL.model_copy(update=changed), estimate(2.0)
    for kind, figures in FIGURES.items():
        assert [is_wide(figure, own, target) for figure in figures] == [kind != unmarked] * len(figures)


@pytest.mark.parametrize("figure", ["on", "matched", "date_disjoint"])
def test_r2_of_splits_that_share_days_or_stocks_is_never_called_wide(figure):
    assert not is_wide(figure, estimate(5.0), NORMAL)


@pytest.mark.parametrize(
    "own",
    [
        Estimate(point=None, why_none="undefined"),
        Estimate(point=1.0, interval=(0.0, 2.0)),
        Estimate(point=1.0, jackknife_se=0.1),
        Estimate(point=0.0, interval=(0.0, 0.0), jackknife_se=0.0),
    ],
)
def test_what_cannot_be_compared_is_not_wide(own):
    assert width_ratio(own) is None
    assert not is_wide("shared_day_effect", own, NORMAL)


def test_marking_changes_the_mark_of_the_wide_figures_alone_and_an_unmarked_one_is_written_as_before():
    wide, right = estimate(2.0), estimate(1.0)
    figures = ModelDifference(lookahead=wide, gain=right, reduction=wide)
    found = mark_wide(figures, NORMAL.model_copy(update={"autocorrelation": 0.6}))
    assert found == figures.model_copy(update={"lookahead": wide.model_copy(update={"is_wide": True})})
    assert "is_wide" not in found.gain.model_dump()
    assert Estimate.model_validate(found.lookahead.model_dump()).is_wide
    assert not Estimate.model_validate(figures.lookahead.model_dump()).is_wide


def test_the_target_is_described_by_its_kurtosis_and_by_how_long_days_last():
    rng, n_days = np.random.default_rng(0), 400
    dates = pd.Series(pd.bdate_range("2021-01-01", periods=n_days).repeat(5))
    shock = rng.normal(size=n_days)
    for day in range(1, n_days):
        shock[day] += 0.7 * shock[day - 1]
    is_test = np.ones(5 * n_days, dtype=bool)
    slow = tails(np.repeat(shock, 5), dates, is_test)
    assert slow.autocorrelation == pytest.approx(0.7, abs=0.1)
    assert slow.kurtosis == pytest.approx(3.0, abs=0.5)
    # Of a hundred rows 99 are 1 or -1 and one is 10 or -10: (0.99 + 0.01 * 1e4) / (0.99 + 0.01 * 1e2)^2.
    rare = tails(np.tile([*([1.0, -1.0] * 99), 10.0, -10.0], 10), dates, is_test)
    assert rare.kurtosis == pytest.approx(100.99 / 1.99**2)
