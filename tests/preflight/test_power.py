"""The check of the effect the panel can detect, and when it fails a run."""

import re

import numpy as np
import pytest

from tasks.preflight.power import panel_power, power_checks
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Check, Embeddings, Panel
from tests.premium.sample_panels import made_rows

ROBUST = {"n_power_draws": 40, "alphas": [1.0, 100.0]}
STATED = {"statement": "the base knows something"}
TOO_SMALL = {**STATED, "assumed_effect": 0.001}
WITHIN_REACH = {**STATED, "assumed_effect": 3.0}


@pytest.fixture(scope="module")
def panel(tmp_path_factory) -> Panel:
    """30 stocks on the 60 weekdays around the end of 2020."""
    folder = tmp_path_factory.mktemp("panel")
    rows = made_rows(np.random.default_rng(0).normal(size=(30, 60)), first_day="2020-11-11")
    rows.labels.assign(log_close=rows.numeric[:, 0], target=rows.target).to_parquet(folder / "rows.parquet")
    return Panel(folder)


@pytest.fixture
def line(panel):
    def of(plumbing_only: bool = False, states: Embeddings | None = None, **premium: object) -> Check:
        recipe = Recipe.model_validate({"name": "x", "premium": {"robust": ROBUST, **premium}})
        (check,) = power_checks(recipe.premium, plumbing_only, 6, panel, states)
        return check

    return of


def test_the_line_names_the_smallest_effects_and_what_they_come_from(line, panel):
    check = line()
    found = re.fullmatch(
        r"smallest detectable lookahead (\S+), gain (\S+), reduction (\S+) "
        r"\(40 draws of noise, an order of magnitude, 7 columns\)",
        check.value,
    )
    powers = panel_power(Recipe(name="x").premium, RobustConfig.model_validate(ROBUST), 6, panel)
    largest = max(power.smallest_detectable for power in powers if power.metric == "lookahead")
    assert float(found[1]) == pytest.approx(largest, rel=0.05)
    assert (check.name, check.passed, check.bound) == ("power", True, "for information")


def test_the_bases_own_states_take_the_place_of_noise_where_they_exist(line, panel, tmp_path):
    states = np.random.default_rng(1).normal(scale=1e-4, size=(1800, 6)).astype(np.float32)
    np.save(tmp_path / "states.npy", states)
    config, robust = Recipe(name="x").premium, RobustConfig.model_validate(ROBUST)
    own, noise = (panel_power(config, robust, 6, panel, embedded) for embedded in (Embeddings(tmp_path), None))
    assert {power.source for power in own} == {"states"}
    # Their scale is a ten-thousandth of the noise's: the unscaled penalty lets them fit nothing.
    assert own[0].half_width < 0.1 * noise[0].half_width
    assert "40 draws of the first model's own states, 7 columns" in line(states=Embeddings(tmp_path)).value


def test_an_assumed_effect_the_panel_cannot_find_stops_the_run_and_one_it_can_does_not(line):
    check = line(hypothesis=TOO_SMALL)
    assert not check.passed
    assert check.bound == "finds the assumed lookahead of 0.001 with 80%"
    assert "an effect 0.001 from the threshold is found in 3%" in check.value
    assert "Raise panel.n_stocks, panel.n_days or panel.dates_per_stock" in check.way_out
    assert line(hypothesis=WITHIN_REACH).passed


def test_a_hypothesis_with_nothing_but_a_statement_is_not_refused(line):
    check = line(hypothesis=STATED)
    assert check.passed
    assert check.bound == "for information"


def test_an_effect_at_the_threshold_itself_is_said_to_stay_undecided(line):
    check = line(hypothesis={**STATED, "at_least": 0.1, "assumed_effect": 0.1})
    assert not check.passed
    assert "an effect at the threshold itself is undecided in 95 % of panels" in check.value


def test_the_distance_from_the_threshold_counts_and_not_the_effect(line):
    assert line(hypothesis={**STATED, "at_least": 2.999, "assumed_effect": 3.0}).passed is False
    assert line(hypothesis={**STATED, "at_least": 3.0, "assumed_effect": -1.0}).passed


def test_a_run_that_only_shows_that_every_stage_works_is_never_stopped(line):
    assert line(plumbing_only=True, hypothesis=TOO_SMALL).passed


@pytest.mark.parametrize(("metric", "passed"), [("gain", False), ("reduction", False), ("premium_base", True)])
def test_only_differences_between_models_are_held_against_it(line, metric, passed):
    assert line(hypothesis={**TOO_SMALL, "metric": metric}).passed is passed


def test_a_panel_that_cannot_be_split_stops_every_run_for_the_premium_would_be_refused_too(line):
    check = line(n_folds=31, plumbing_only=True)
    assert not check.passed
    assert check.value.startswith("30 distinct stocks for 31 stock-disjoint folds")
    assert "2 for pairs of currencies" in check.way_out


def test_a_panel_of_which_hardly_a_draw_can_be_scored_stops_a_run_that_means_something(line):
    # With a stock a fold, nearly every draw leaves some fold without a stock.
    assert "of 40 draws could be scored" in line(n_folds=30).value
    assert not line(n_folds=30).passed
    assert line(n_folds=30, plumbing_only=True).passed


def test_there_is_no_line_where_the_recipe_has_only_the_references_figures(panel):
    assert list(power_checks(PremiumConfig(robust=None), False, 6, panel)) == []
