"""What a panel could detect: smaller effects in larger panels, found as often as promised."""

import numpy as np
import pytest

from tasks.premium.config import RobustConfig
from tasks.premium.errors import TooFewDraws
from tasks.premium.inference import power as module
from tasks.premium.inference.decompose import decompose_models
from tasks.premium.inference.power import expected_power, observed_power, power_of
from tasks.premium.rows import Rows
from tasks.schemas.scores import Power
from tests.premium.sample_panels import cut_after, made_rows

ROBUST = {"n_power_draws": 60, "alphas": [1.0, 100.0]}


def powers(rows: Rows, n_train_days: int, seed: int = 123, **robust: object) -> dict[tuple[str, str], Power]:
    config = cut_after(rows, n_train_days, **{**ROBUST, **robust}).model_copy(update={"seed": seed})
    return {(own.metric, own.fit): own for own in expected_power(rows, "states", config, config.robust)}


def panel(n_stocks: int, n_days: int, n_columns: int = 4, scale: float = 1.0, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    states = scale * rng.normal(size=(n_stocks * n_days, n_columns))
    return made_rows(rng.normal(size=(n_stocks, n_days)), base=states)


def test_a_larger_panel_detects_smaller_effects_in_every_figure_and_fit():
    small, large = powers(panel(12, 30), 21), powers(panel(60, 120), 84)
    assert list(small) == [(m, f) for m in ("lookahead", "gain", "reduction") for f in ("unscaled", "standardized")]
    for key, own in large.items():
        assert own.smallest_detectable < small[key].smallest_detectable / 2, key


def test_wider_states_need_a_larger_panel():
    narrow, wide = (powers(panel(20, 50, n_columns), 35)["lookahead", "unscaled"] for n_columns in (2, 40))
    assert wide.half_width > 1.5 * narrow.half_width
    assert (narrow.n_columns, wide.n_columns) == (3, 41)


def test_only_the_unscaled_fit_depends_on_the_scale_of_the_states():
    one, hundredth = (powers(panel(20, 50, 20, scale), 35) for scale in (1.0, 0.01))
    standardized = [found["lookahead", "standardized"].half_width for found in (one, hundredth)]
    # Not exactly equal: the planted effect is the one that the less certain fit, here the unscaled one, needs.
    assert standardized[0] == pytest.approx(standardized[1], rel=3e-2)
    # At a hundredth of the scale the penalty of 1 binds, noise fits nothing and the difference hardly varies.
    assert hundredth["lookahead", "unscaled"].half_width < 0.5 * one["lookahead", "unscaled"].half_width


def test_states_dealt_within_their_day_keep_what_they_tell_about_days_and_lose_the_rest():
    rows = panel(10, 30)
    day = np.tile(np.arange(30.0), 10)
    rows = made_rows(rows.target.reshape(10, 30), base=np.column_stack([day, np.arange(300.0)]))
    dealt = module._dealt_within_days(rows, np.random.default_rng(0))
    np.testing.assert_array_equal(dealt[:, 0], day)
    assert sorted(dealt[:, 1]) == list(np.arange(300.0))
    assert (dealt[:, 1] == np.arange(300.0)).mean() < 0.3
    np.testing.assert_array_equal(dealt[:, 2], rows.numeric[:, 0])


def test_a_planted_column_carries_the_target_with_the_given_r2_at_the_states_scale():
    rows = panel(60, 120, scale=7.0)
    column = module._planted(rows, 0.25, np.random.default_rng(0))
    assert np.corrcoef(column, rows.target)[0, 1] ** 2 == pytest.approx(0.25, abs=0.03)
    assert column.std() == pytest.approx(7.0, rel=0.05)
    constant = module._planted(panel(60, 120, scale=0.0), 0.25, np.random.default_rng(0))
    assert constant.std() == pytest.approx(1.0, rel=0.05)


def test_states_that_predict_nothing_expect_the_half_width_of_a_base_that_has_the_effect():
    """Standardized, they are shrunk to nothing and hardly vary; a base with the effect to be found is not."""
    rows, grid = panel(30, 60, seed=3), {"alphas": RobustConfig().alphas}
    expected = powers(rows, 45, **grid)
    effect = max(own.smallest_detectable for (metric, _), own in expected.items() if metric == "lookahead")
    column = module._planted(rows, effect, np.random.default_rng(1))
    states = {"base": np.column_stack([rows.states["base"], column]), "trained": panel(30, 60, seed=4).states["base"]}
    config = cut_after(rows, 45, n_draws=60, **grid)
    found = decompose_models(Rows(rows.labels, rows.target, rows.numeric, states), config, config.robust)
    for own in observed_power(found, "base", "trained", 5):
        assert 0.5 < expected[own.metric, own.fit].half_width / own.half_width < 1.5, (own.metric, own.fit)


def test_the_smallest_detectable_effect_is_found_with_eighty_percent_power():
    found = power_of("lookahead", "unscaled", "draws", half_width=1.96, n_columns=1, n_draws=1)  # an error of 1
    estimates = np.random.default_rng(0).normal(found.smallest_detectable, 1.0, size=100_000)
    assert (estimates > 1.96).mean() == pytest.approx(0.80, abs=0.005)
    assert found.detection(found.smallest_detectable) == pytest.approx(0.80, abs=1e-4)


def test_the_same_seed_expects_the_same_and_another_seed_something_else():
    rows = panel(12, 30)
    assert powers(rows, 21, seed=1) == powers(rows, 21, seed=1) != powers(rows, 21, seed=2)


def test_too_few_draws_that_can_be_scored_are_refused():
    with pytest.raises(
        TooFewDraws, match=r"of 60 draws could be scored, the expected half-width needs 20; raise panel"
    ):
        powers(panel(5, 30), 21)  # with a stock a fold, nearly every draw leaves some fold without a stock
