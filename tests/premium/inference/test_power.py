"""What a panel could detect: half-widths that shrink with the panel, effects found as often as promised."""

import numpy as np
import pytest

from tasks.premium.errors import TooFewDraws
from tasks.premium.inference.evaluate import score
from tasks.premium.inference.power import expected_power, power_of
from tasks.premium.inference.schemes import make_schemes
from tasks.premium.inference.two_way import two_way_weights
from tasks.premium.rows import Rows
from tasks.schemas.scores import Power
from tests.premium.sample_panels import cut_after, made_rows


def power(rows: Rows, n_train_days: int, n_columns: int = 4, n_draws: int = 60, seed: int = 0) -> Power:
    schemes, _ = make_schemes(rows.labels, cut_after(rows, n_train_days))
    weights = two_way_weights(rows.labels, n_draws, np.random.default_rng(seed))
    return expected_power(rows.target, rows.numeric, n_columns, schemes, weights, alpha=1.0, seed=seed)


def panel(n_stocks: int, n_days: int, seed: int = 0) -> Rows:
    return made_rows(np.random.default_rng(seed).normal(size=(n_stocks, n_days)))


def test_a_larger_panel_detects_smaller_effects():
    small, large = power(panel(12, 30), 21), power(panel(60, 120), 84)
    # Twenty times the rows; noise columns cost an R2 of about columns / rows.
    assert large.half_width < small.half_width / 4


def test_wider_states_need_a_larger_panel():
    rows = panel(20, 50)
    assert power(rows, 35, n_columns=40).half_width > 1.5 * power(rows, 35, n_columns=2).half_width


def test_the_half_width_is_half_of_the_interval_of_the_difference_of_two_independent_noises():
    rows = panel(40, 40)
    schemes, _ = make_schemes(rows.labels, cut_after(rows, 28))
    weights = two_way_weights(rows.labels, 60, np.random.default_rng(0))
    premiums = []
    for generator in np.random.default_rng(0).spawn(2):
        columns = np.hstack([generator.standard_normal((1600, 4)), rows.numeric])
        on, off = score(columns, rows.target, schemes[:2], weights).r2[:, 0].T
        premiums.append(on - off)
    low, high = np.percentile(premiums[0] - premiums[1], [2.5, 97.5])
    found = power(rows, 28)
    assert found.half_width == pytest.approx((high - low) / 2, abs=1e-12)
    assert (found.n_columns, found.n_draws) == (4, 60)


def test_the_smallest_detectable_effect_is_found_with_eighty_percent_power():
    detectable = power_of(half_width=1.96, n_columns=1, n_draws=1).smallest_detectable  # a standard error of 1
    estimates = np.random.default_rng(0).normal(detectable, 1.0, size=100_000)
    assert (estimates > 1.96).mean() == pytest.approx(0.80, abs=0.005)


def test_the_same_seed_expects_the_same_and_another_seed_something_else():
    rows = panel(12, 30)
    assert power(rows, 21, seed=1) == power(rows, 21, seed=1) != power(rows, 21, seed=2)


def test_draws_without_a_premium_are_not_counted_and_too_few_others_are_refused():
    rows = panel(12, 30)
    schemes, _ = make_schemes(rows.labels, cut_after(rows, 21))
    weights = np.ones((40, len(rows.target)))
    weights[:15] = rows.is_train(cut_after(rows, 21).train_until)  # nothing is drawn from after the cut
    arguments = {"target": rows.target, "numeric": rows.numeric, "n_columns": 2, "schemes": schemes}
    assert expected_power(**arguments, weights=weights, alpha=1.0, seed=0).n_draws == 25
    with pytest.raises(TooFewDraws, match=r"15 of 30 draws of noise columns have a premium, .* needs 20"):
        expected_power(**arguments, weights=weights[:30], alpha=1.0, seed=0)
