"""Measures of a factor against loops over a day's entities, and what a measure must say of a factor that is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tasks.formulas.catalogue import Catalogue
from tasks.formulas.evaluate import evaluate
from tasks.formulas.language import parse
from tasks.formulas.operators.registry import FloatArray
from tasks.formulas.panel import Panel, panel_from_rows
from tests.formulas.prices import rows

DAYS = (80, 200, 329)


@pytest.mark.parametrize("h", [1, 5, 20])
def test_rank_ic_is_spearmans_correlation_with_the_return_since(panel: Panel, computed: dict, h: int) -> None:
    factor, close = panel.columns["factor"], panel.columns["close"]
    for day in DAYS:
        wanted = stats.spearmanr(factor[day - h], close[day] / close[day - h] - 1).statistic
        np.testing.assert_allclose(computed[f"factor.RANK_IC{h}"][day], wanted, rtol=1e-9)


def test_ic_decay_and_icir_are_of_sixty_days(panel: Panel, computed: dict) -> None:
    factor, returns = panel.columns["factor"], panel.columns["returns"]
    for lag in (1, 10):
        daily = [stats.spearmanr(factor[day - lag], returns[day]).statistic for day in range(270, 330)]
        np.testing.assert_allclose(computed[f"factor.IC_DECAY{lag}"][-1], np.mean(daily), rtol=1e-9)
        if lag == 1:
            wanted = np.mean(daily) / np.std(daily, ddof=1)
            np.testing.assert_allclose(computed["factor.RANK_ICIR"][-1], wanted, rtol=1e-9)


def test_turnover_is_what_must_be_traded(panel: Panel, computed: dict) -> None:
    factor = panel.columns["factor"]

    def weights(day: int) -> FloatArray:
        above = factor[day] - factor[day].mean()
        return above / np.abs(above).sum()

    for day in DAYS:
        traded = np.abs(weights(day) - weights(day - 1)).sum() / 2
        np.testing.assert_allclose(computed["factor.FACTOR_TURNOVER"][day], traded, rtol=1e-9)


def test_the_half_life_of_a_known_factor_is_found() -> None:
    """Of x(t) = 0.9 x(t - 1) + noise it is log(0.5) / log(0.9) = 6.6 days, up to the ranks' and the sample's error."""
    rng = np.random.RandomState(3)
    factor = np.zeros((300, 400))
    for day in range(1, 300):
        factor[day] = 0.9 * factor[day - 1] + rng.normal(0, 1, 400)
    days = pd.bdate_range("2019-01-01", periods=300)
    table = pd.DataFrame({"entity": np.tile(np.arange(400), 300), "date": days.repeat(400), "factor": factor.ravel()})
    expression = "log(0.5) / log(ts_mean(cs_rank_corr(factor, delay(factor, 1)), 60))"
    ((_, values),) = evaluate({"x": parse(expression)}, panel_from_rows(table))
    assert values[-1, 0] == pytest.approx(6.6, abs=0.7)


def test_winsorization_clips_at_three_scaled_deviations(panel: Panel, computed: dict, catalogue: Catalogue) -> None:
    table = rows()
    table.loc[table["entity"] == "03", "factor"] *= 50
    extreme = panel_from_rows(table)
    ((_, values),) = evaluate(catalogue.choose(["MAD_WINSORIZATION"]), extreme)
    for day in DAYS:
        own = extreme.columns["factor"][day]
        width = 3 * stats.median_abs_deviation(own) * 1.4826
        np.testing.assert_allclose(values[day], np.clip(own, np.median(own) - width, np.median(own) + width))
    assert (values != extreme.columns["factor"]).any()


def test_a_neutralized_factor_has_no_slope_left(panel: Panel, computed: dict) -> None:
    for day in DAYS:
        exposure, left = np.log(panel.columns["amount"][day]), computed["factor.FACTOR_NEUTRALIZATION"][day]
        line = stats.linregress(exposure, panel.columns["factor"][day])
        np.testing.assert_allclose(
            left, panel.columns["factor"][day] - line.intercept - line.slope * exposure, atol=1e-12
        )
        assert abs(np.corrcoef(left, exposure)[0, 1]) < 1e-9


def test_a_missing_entity_is_left_out_of_a_days_ranks() -> None:
    table = pd.DataFrame({"entity": list("ABCDE"), "date": "2020-01-01", "close": [3, 1, np.nan, 2, 2.0]})
    table["factor"] = [1.0, 2, 3, np.nan, 5]
    panel = panel_from_rows(table)
    texts = ("rank(close)", "scale(close)", "cs_median(close)", "cs_rank_corr(close, factor)")
    found = {name: values[0] for name, values in evaluate({text: parse(text) for text in texts}, panel)}
    np.testing.assert_allclose(found["rank(close)"], [1, 0.25, np.nan, 0.625, 0.625])
    np.testing.assert_allclose(found["scale(close)"], [3 / 8, 1 / 8, np.nan, 2 / 8, 2 / 8])
    np.testing.assert_allclose(found["cs_median(close)"], [2] * 5)
    np.testing.assert_allclose(
        found["cs_rank_corr(close, factor)"], [stats.spearmanr([3, 1, 2], [1, 2, 5]).statistic] * 5
    )


def test_equal_values_are_ties_also_if_rounding_parts_them() -> None:
    table = pd.DataFrame({"entity": list("ABC"), "date": "2020-01-01", "close": [0.3, 0.1 + 0.2, 0.5]})
    ((_, values),) = evaluate({"x": parse("rank(close)")}, panel_from_rows(table))
    np.testing.assert_allclose(values[0], [0.5, 0.5, 1])
    ((_, values),) = evaluate({"x": parse("rank(close - 0.3)")}, panel_from_rows(table))
    np.testing.assert_allclose(values[0], [0.5, 0.5, 1])
