"""The check of the effect the panel can detect, and when it fails a run."""

import numpy as np
import pytest

from tasks.preflight.power import panel_power, power_checks
from tasks.premium.build import premium_scores
from tasks.premium.config import PremiumConfig, RobustConfig
from tasks.premium.rows import Rows
from tasks.recipe import Recipe
from tasks.schemas.artifacts import Check, Panel
from tests.premium.sample_panels import made_rows

BEYOND_ANY = {"statement": "the premium falls by a thousandth", "at_least": 0.001}
WITHIN_REACH = {"statement": "the premium falls by three", "at_least": 3.0}


@pytest.fixture(scope="module")
def panel(tmp_path_factory) -> Panel:
    """30 stocks on the 60 weekdays around the end of 2020."""
    folder = tmp_path_factory.mktemp("panel")
    rows = made_rows(np.random.default_rng(0).normal(size=(30, 60)), first_day="2020-11-11")
    rows.labels.assign(log_close=rows.numeric[:, 0], target=rows.target).to_parquet(folder / "rows.parquet")
    return Panel(folder)


@pytest.fixture
def line(panel):
    def of(plumbing_only: bool = False, **premium: object) -> Check:
        recipe = Recipe.model_validate(
            {
                "name": "x",
                "report": {"plumbing_only": plumbing_only},
                "premium": {"robust": {"n_power_draws": 40}, **premium},
            }
        )
        (check,) = power_checks(recipe, 6, panel)
        return check

    return of


def test_the_line_says_what_noise_of_the_models_width_gives_on_this_panel(line, panel):
    recipe = Recipe(name="x")
    power = panel_power(recipe.premium, RobustConfig(n_power_draws=40), 6, panel)
    check = line()
    assert check.value == (
        f"reduction half-width +-{power.half_width:.2g}, smallest detectable {power.smallest_detectable:.2g} "
        "(40 draws of noise, 6 columns)"
    )
    assert (check.name, check.passed, check.bound) == ("power", True, "for information")
    assert 0 < power.half_width < 1


def test_preflight_and_report_name_the_same_half_width(panel):
    table = panel.rows()
    states = np.random.default_rng(1).normal(size=(len(table), 6)).astype(np.float32)
    rows = Rows(table, table["target"].to_numpy(), table[["log_close"]].to_numpy(), {"base": states, "trained": states})
    config = PremiumConfig(robust=RobustConfig(n_draws=20, n_power_draws=40))
    assert panel_power(config, config.robust, 6, panel) == premium_scores(rows, config)[0].robust.power


def test_a_threshold_the_panel_cannot_detect_stops_the_run_and_one_it_can_does_not(line):
    check = line(hypothesis=BEYOND_ANY)
    assert not check.passed
    assert check.bound == "detects the hypothesis' 0.001"
    assert "Raise panel.n_stocks or panel.dates_per_stock" in check.way_out
    assert line(hypothesis=WITHIN_REACH).passed


def test_a_run_that_only_shows_that_every_stage_works_is_never_stopped(line):
    assert line(plumbing_only=True, hypothesis=BEYOND_ANY).passed


@pytest.mark.parametrize(("metric", "passed"), [("lookahead", False), ("premium_base", True)])
def test_only_differences_between_models_are_held_against_it(line, metric, passed):
    assert line(hypothesis={**BEYOND_ANY, "metric": metric}).passed is passed


def test_a_panel_that_cannot_be_split_stops_every_run_for_the_premium_would_be_refused_too(line):
    check = line(n_folds=31, plumbing_only=True)
    assert not check.passed
    assert check.value.startswith("30 distinct stocks for 31 stock-disjoint folds")
    assert "2 for pairs of currencies" in check.way_out


def test_a_panel_of_which_hardly_a_draw_can_be_scored_stops_a_run_that_means_something(line):
    # With a stock a fold, nearly every draw leaves some fold without a stock.
    assert "40 draws of noise columns have a premium" in line(n_folds=30).value
    assert not line(n_folds=30).passed
    assert line(n_folds=30, plumbing_only=True).passed


def test_there_is_no_line_where_the_recipe_has_only_the_references_figures(panel):
    recipe = Recipe.model_validate({"name": "x", "premium": {"robust": None}})
    assert list(power_checks(recipe, 6, panel)) == []
