"""Numerical noise: the figures of second states less those of the first, and what is within it is undecided."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tasks.premium.build import premium_scores
from tasks.premium.config import VintagesConfig
from tasks.premium.inference.numerical_noise import numerical_noise, pair_noise
from tasks.premium.measurement import measure_models
from tasks.premium.rows import Repeat, Rows
from tasks.premium.vintages import with_vintages
from tasks.schemas.checks import NumericalNoise
from tasks.schemas.estimates import CO_PRIMARY
from tests.premium.sample_panels import cut_after, made_rows

N_STOCKS, N_DAYS, WIDTH = 12, 60, 3


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(3)
    target = rng.normal(size=(N_STOCKS, N_DAYS))
    knows = rng.normal(size=(target.size, WIDTH)) + target.reshape(-1, 1)
    return made_rows(target, one=knows, two=rng.normal(size=(target.size, WIDTH)))


def repeated(rows: Rows, size: float, chosen: slice = slice(None)) -> Rows:
    """The first model's states of some rows a second time, off by so much."""
    first = rows.states["one"]
    again = np.full_like(first, np.nan)
    again[chosen] = first[chosen] + size * np.random.default_rng(5).normal(size=first.shape).astype(np.float32)[chosen]
    return replace(rows, repeats={"one": Repeat("precision bf16", again)})


def test_noise_is_what_a_second_measurement_with_the_second_states_differs_by(rows: Rows) -> None:
    twice = repeated(rows, 0.3)
    # One penalty to choose from, so that the second measurement has the first one's.
    config = cut_after(rows, 40, n_draws=20, alphas=(10.0,))
    found = numerical_noise(twice, config, config.robust, {"one": 10.0, "two": 10.0})["one"]
    second = replace(rows, states={**rows.states, "one": twice.repeats["one"].states})
    one, two = (measure_models(own, config).robust for own in (rows, second))
    for fit in CO_PRIMARY:
        first, again = (own.fit(fit).models["one"] for own in (one, two))
        expected = {name: abs(getattr(again, name).point - getattr(first, name).point) for name in found.figures[fit]}
        assert found.figures[fit] == pytest.approx(expected, rel=1e-9)
        assert set(expected) == {"disjoint", "off", "premium"}
        assert min(expected.values()) > 1e-4
    assert (found.n_rows, found.n_panel_rows, found.settings) == (720, 720, "precision bf16")


def test_equal_states_have_no_noise_and_only_repeated_models_have_an_entry(rows: Rows) -> None:
    config = cut_after(rows, 40)
    found = numerical_noise(repeated(rows, 0.0), config, config.robust, {"one": 10.0, "two": 10.0})
    assert list(found) == ["one"]
    assert found["one"].largest_relative_difference == 0
    assert {change for own in found["one"].figures.values() for change in own.values()} == {0.0}


@pytest.mark.parametrize(("size", "verdict"), [(1e-4, "above zero"), (30.0, "undecided")])
def test_a_difference_within_the_noise_is_undecided(rows: Rows, size: float, verdict: str) -> None:
    config = cut_after(rows, 40, n_draws=40)
    scores, _ = premium_scores(repeated(rows, size), config)
    found = scores.robust.pairs["one - two"].conclusions["lookahead"]
    assert found.verdict == verdict, found.reason
    assert ("is within the numerical noise of" in found.reason) is (verdict == "undecided")
    assert premium_scores(rows, config)[0].robust.noise == {}


def test_rows_that_cannot_be_scored_by_themselves_have_a_spread_and_a_reason(rows: Rows) -> None:
    config = cut_after(rows, 40)
    few = repeated(rows, 0.1, slice(0, 30))
    found = numerical_noise(few, config, config.robust, {"one": 10.0, "two": 10.0})["one"]
    assert found.figures == {}
    assert "the repeated rows cannot be scored by themselves" in found.why_none
    assert found.mean_relative_difference > 0
    assert found.n_rows == 30


def test_rows_that_are_not_measured_have_no_noise_and_a_reason(rows: Rows) -> None:
    config = cut_after(rows, 40)
    twice = repeated(rows, 0.1, slice(0, 30))
    left = twice.only(np.arange(len(rows.target)) >= 30)
    found = numerical_noise(left, config, config.robust, {"one": 10.0, "two": 10.0})["one"]
    assert (found.n_rows, found.mean_relative_difference, found.figures) == (0, None, {})
    assert found.why_none == "none of the repeated rows is among those measured"


def test_a_stitched_model_has_the_second_states_of_its_vintages(rows: Rows) -> None:
    days = rows.labels["date"]
    cutoffs = {"one": date(2019, 12, 31), "two": days.iloc[20].date()}
    vintages = VintagesConfig(name="stitched")
    config = cut_after(rows, 40).model_copy(update={"cutoffs": cutoffs, "vintages": vintages})
    extended, _ = with_vintages(repeated(rows, 0.1), config)
    found, is_old = extended.repeats["stitched"], (days <= pd.Timestamp(cutoffs["two"])).to_numpy()
    np.testing.assert_array_equal(found.states[is_old], repeated(rows, 0.1).repeats["one"].states[is_old])
    assert np.isnan(found.states[~is_old]).all()
    assert found.settings == "precision bf16"


def test_a_pair_has_the_sum_of_both_models_noise_and_each_premium_its_own() -> None:
    figures = {fit: {"disjoint": 0.01, "off": 0.02, "premium": 0.03} for fit in CO_PRIMARY}
    one = NumericalNoise(settings="precision bf16", n_rows=9, n_panel_rows=9, figures=figures)
    both = pair_noise({"one": one, "two": one}, "one - two")
    assert both["lookahead"]["unscaled"] == pytest.approx(0.02)
    assert both["gain"]["standardized"] == pytest.approx(0.04)
    assert both["premium_one"] == dict.fromkeys(CO_PRIMARY, 0.03)
    assert pair_noise({"one": one}, "one - two")["lookahead"]["unscaled"] == pytest.approx(0.01)
    assert pair_noise({}, "one - two") == {}
