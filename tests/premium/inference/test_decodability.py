"""Planted codes are decoded and, where they tell days apart, explain the shared-day effect; noise explains nothing."""

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import premium_scores
from tasks.premium.inference.day_directions import find_day_directions
from tasks.premium.inference.decodability import explain
from tasks.sampling.arrays import FloatArray
from tasks.schemas.checks import Checks
from tasks.schemas.decodability import Decodability
from tasks.schemas.estimates import Estimate
from tests.premium.sample_panels import cut_after, made_rows

N_STOCKS, N_DAYS = 30, 60


def planted(seed: int = 11) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Returns, half of whose variance is a shock that all stocks share on a day; and states, a code beside noise."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=N_DAYS) + rng.normal(size=(N_STOCKS, N_DAYS))
    noise = rng.normal(size=(target.size, 40))
    codes = {
        "day": np.tile(np.eye(N_DAYS), (N_STOCKS, 1)),
        "number": np.tile(np.arange(N_DAYS), N_STOCKS)[:, None] / N_DAYS,
        "stock": np.repeat(np.eye(N_STOCKS), N_DAYS, axis=0),
    }
    states = {name: np.hstack([code, noise]) for name, code in codes.items()}
    mixing = rng.normal(size=(100, 100)) / 10
    return target, {**states, "mixed": states["day"] @ mixing, "noise": noise}


@pytest.fixture(scope="module")
def decoded() -> dict[str, Decodability]:
    target, states = planted()
    rows = made_rows(target, **states)
    # The only penalty there is: one chosen to predict unseen days lets nothing of a day's own column through.
    config = cut_after(
        rows, 45, n_draws=25, n_day_groups=5, alphas=(1.0,), portfolio=None, decodability={"n_draws": 24}
    )
    scores = premium_scores(rows, config.model_copy(update={"n_draws": 10}))[0]
    return scores.robust.checks.decodability


def scores_of(found: Decodability) -> dict[str, float]:
    return {probe.name: probe.score for probe in found.probes}


def test_a_planted_code_is_decoded_and_what_is_not_planted_is_at_chance(decoded):
    for model, name, score in (("number", "day", 0.999), ("day", "month", 1), ("stock", "stock", 1)):
        assert scores_of(decoded[model])[name] == pytest.approx(score, abs=2e-3)
    for probe in decoded["noise"].probes:
        low, high = probe.interval
        assert low <= probe.chance <= high, probe.name
        assert probe.score < probe.chance + 0.02, probe.name
    assert {probe.name: probe.n_classes for probe in decoded["noise"].probes} == {"day": None, "month": 3, "stock": 30}
    # A one-hot of the day says nothing of days that the probe has not seen.
    assert scores_of(decoded["day"])["day"] < 0.01
    assert scores_of(decoded["stock"])["month"] < 0.4


@pytest.mark.parametrize("model", ["day", "mixed"])
@pytest.mark.parametrize("fit", ["unscaled", "standardized"])
def test_a_planted_day_code_explains_the_shared_day_effect(decoded, model, fit):
    found = decoded[model].effects[fit]
    assert found.before.point > 0.4
    assert abs(found.after.point) < 0.05
    assert found.removed.point == pytest.approx(found.before.point - found.after.point)
    assert found.removed.interval[0] > 0
    assert found.share == pytest.approx(0.97, abs=0.03)
    assert found.share_interval[0] > 0.7
    assert min(decoded[model].n_directions) >= 55


@pytest.mark.parametrize("model", ["noise", "stock"])
def test_states_without_a_day_explain_nothing(decoded, model):
    assert decoded[model].n_directions == [0] * 5
    for found in decoded[model].effects.values():
        assert found.removed.point == pytest.approx(0, abs=1e-9)
        assert found.share is None
        assert "the interval of the effect itself holds zero" in found.why_none


def test_directions_of_one_panel_read_the_day_of_other_stocks_and_leave_the_rest_of_the_states():
    """Two columns hold a number of the day's own, each at another scale; three hold none."""
    rng = np.random.default_rng(3)
    stock, day = np.divmod(np.arange(40 * 50), 50)
    own = rng.normal(size=(50, 2))[day] * [5.0, 0.01]
    kept = rng.normal(size=(2_000, 3))
    states = np.hstack([own + 0.1 * rng.normal(size=(2_000, 2)) * [5.0, 0.01], kept])
    train = stock < 30
    found = find_day_directions(states[train], pd.Series(day[train]), pd.Series(stock[train]), seed=1)
    assert found.n_directions == 2
    removed = found.remove(states)
    one_hot = np.eye(50)[day]
    for rows in (train, ~train):
        means = one_hot[rows].T @ removed[rows] / one_hot[rows].sum(axis=0)[:, None]
        had = one_hot[rows].T @ states[rows] / one_hot[rows].sum(axis=0)[:, None]
        assert (means.std(axis=0)[:2] < 0.06 * had.std(axis=0)[:2]).all()
    np.testing.assert_allclose(removed[:, 2:], kept, atol=0.25)


def test_days_of_one_stock_each_have_no_direction():
    rng = np.random.default_rng(4)
    found = find_day_directions(rng.normal(size=(50, 4)), pd.Series(range(50)), pd.Series([0] * 50), seed=1)
    assert found.n_directions == 0
    states = rng.normal(size=(9, 4))
    np.testing.assert_array_equal(found.remove(states), states)


def test_noise_is_rarely_taken_for_a_day():
    rng = np.random.default_rng(5)
    stock, day = (pd.Series(own) for own in np.divmod(np.arange(20 * 40), 40))
    found = [find_day_directions(rng.normal(size=(800, 12)), day, stock, seed).n_directions for seed in range(100)]
    assert np.mean(np.array(found) > 0) <= 0.1


def test_a_share_has_an_interval_from_paired_draws_or_a_reason():
    rng = np.random.default_rng(6)
    had = 0.2 + 0.02 * rng.normal(size=50)
    whole = Estimate(point=0.2, interval=(0.16, 0.24))
    found = explain(0.2, 0.05, had, 0.25 * had, whole)
    # The same quarter is left on every draw: the share is certain, though the effect is not.
    assert (found.share, found.why_none) == (0.75, "")
    np.testing.assert_allclose(found.share_interval, (0.75, 0.75))
    half_width = 1.96 * 0.75 * had.std(ddof=1)
    assert found.removed.interval == pytest.approx((0.15 - half_width, 0.15 + half_width))
    few = explain(0.2, 0.05, had[:19], had[:19] / 4, whole)
    assert (few.share, few.share_interval, few.why_none) == (0.75, None, "fewer than 20 two-way draws define it")
    assert explain(0.2, np.nan, had, had, whole).share is None
    unsure = explain(0.2, 0.05, had, had, Estimate(point=0.2, interval=(-0.01, 0.41)))
    assert (unsure.share, unsure.removed.point) == (None, pytest.approx(0.15))


def test_without_it_the_scores_have_no_such_field():
    assert "decodability" not in Checks(decay={}, portfolios={}).model_dump()
