"""Panels of which the truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_score

from tasks.panel.build import write_panel
from tasks.panel.config import PanelConfig, PlantedSource
from tasks.panel.sources.planted import DAILY_VOLATILITY, planted_premium
from tasks.panel.sources.reader import read_prices
from tasks.schemas.artifacts import Panel

shares = st.floats(0, 1)


def r2(one: pd.Series, other: pd.Series) -> float:
    return float(np.corrcoef(one, other)[0, 1] ** 2)


def planted(**settings) -> pd.DataFrame:
    return read_prices(PlantedSource(**settings), "point_in_time")[0].dropna()


@pytest.mark.parametrize(
    ("pi", "kappa", "theta", "premium"),
    [(0, 0, 0, 0.0), (0.4, 0.5, 0, 0.041), (0.6, 0.75, 0, 0.09225), (0.8, 1, 0, 0.164), (1, 1, 1, 0.0)],
)
def test_the_premium_over_cutoffs_is_a_tent_with_its_peak_at_the_cut(pi, kappa, theta, premium):
    # A fifth of the rows is test, R2 is 0.1, and knowledge grows year by year.
    assert planted_premium(0.1, pi, kappa, theta) == pytest.approx(premium)


@settings(deadline=None)
@given(st.floats(0, 1), shares, shares, shares)
def test_the_premium_is_on_less_off(r, pi, kappa, theta):
    on, off = r * pi**2, r * (2 * kappa * theta - kappa**2)
    assert planted_premium(r, pi, kappa, theta) == pytest.approx(on - off, abs=1e-12)


@pytest.mark.parametrize("r", [0.0, 0.1, 0.5])
def test_the_column_has_the_planted_r2_with_the_target(r):
    rows = planted(lookahead=r)
    # Four standard errors of a squared correlation.
    error = 4 * (2 * np.sqrt(r) * (1 - r) / np.sqrt(len(rows)) + 1 / len(rows))
    assert r2(rows["planted"], rows["target"]) == pytest.approx(r, abs=max(error, 16 / len(rows)))


def test_after_the_last_known_day_the_column_is_noise_of_the_same_variance():
    rows = planted(lookahead=0.5, known_until="2019-12-31")
    is_known = rows["date"] <= "2019-12-31"
    assert r2(rows["planted"][is_known], rows["target"][is_known]) == pytest.approx(0.5, abs=0.01)
    assert r2(rows["planted"][~is_known], rows["target"][~is_known]) < 16 / (~is_known).sum()
    assert rows["planted"].groupby(is_known).std().tolist() == pytest.approx([1.0, 1.0], abs=0.02)


def test_a_penalty_of_one_takes_nothing_off_the_columns_weight():
    rows = planted(n_stocks=20, lookahead=0.5).groupby("code").head(30)
    weights = [Ridge(alpha=alpha).fit(rows[["planted"]], rows["target"]).coef_[0] for alpha in (1.0, 1e-12)]
    assert weights[0] / weights[1] == pytest.approx(len(rows) / (len(rows) + 1), rel=1e-3)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_stocks_returns_on_a_day_have_the_stated_correlation(rho):
    rows = planted(n_stocks=100, date_shock=rho, first_day="2010-01-01")
    by_day = rows.pivot(index="date", columns="code", values="target")
    between = by_day.corr().to_numpy()[~np.eye(100, dtype=bool)].mean()
    assert between == pytest.approx(rho, abs=0.03)
    assert rows["target"].std() == pytest.approx(DAILY_VOLATILITY, rel=0.02)


@pytest.mark.parametrize("known_until", ["2016-12-31", "2019-12-31", "2020-12-31", None])
def test_the_premium_of_planted_panels_is_the_formulas_within_three_standard_errors(known_until, tmp_path):
    differences = []
    for seed in range(5):
        source = PlantedSource(seed=seed, n_stocks=60, known_until=known_until)
        truth = write_panel(PanelConfig(source=source, dates_per_stock=60), tmp_path)["planted"]["premium"]
        differences.append(measured_premium(Panel(tmp_path)) - truth)
    standard_error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert abs(np.mean(differences)) < 3 * standard_error


def measured_premium(panel: Panel) -> float:
    rows = panel.rows()
    columns, target = rows[panel.numeric_columns()], rows["target"]
    is_test = rows["date"] >= "2021-01-01"
    off = Ridge(alpha=1).fit(columns[~is_test], target[~is_test]).score(columns[is_test], target[is_test])
    on = cross_val_score(Ridge(alpha=1), columns, target, groups=rows["code"], cv=GroupKFold(5)).mean()
    return on - off


def test_the_record_tells_the_truth_counted_on_the_drawn_rows(tmp_path):
    source = PlantedSource(n_stocks=10, known_until="2021-06-30", lookahead=0.2)
    truth = write_panel(PanelConfig(source=source), tmp_path)["planted"]
    rows = Panel(tmp_path).rows()
    is_known, is_test = rows["date"] <= "2021-06-30", rows["date"] >= "2021-01-01"
    assert truth["pi"] == pytest.approx(is_known.mean())
    assert (truth["kappa"], truth["theta"]) == (1.0, pytest.approx(is_known[is_test].mean()))
    assert truth["premium"] == pytest.approx(planted_premium(0.2, truth["pi"], 1.0, truth["theta"]))


def test_the_column_stands_among_the_features_and_not_in_the_sentence(tmp_path):
    write_panel(PanelConfig(source=PlantedSource(n_stocks=2)), tmp_path)
    panel = Panel(tmp_path)
    assert panel.numeric_columns() == ["log_close", "ret_5d", "ret_30d", "vol_20d", "planted"]
    row = panel.rows().iloc[0]
    assert f"{row['planted']:.4f}" not in row["prompt"]


def test_another_seed_gives_other_prices_and_the_same_seed_the_same():
    one, same, other = (planted(n_stocks=2, seed=seed)["close"] for seed in (5, 5, 6))
    assert one.equals(same)
    assert not np.isclose(one, other).all()


@pytest.mark.parametrize("bad", [{"date_shock": 1.0}, {"lookahead": 1.0}, {"first_day": "2022-01-01"}])
def test_a_truth_that_cannot_be_planted_is_refused_by_the_form(bad):
    with pytest.raises(ValidationError):
        PlantedSource(**bad)
