"""The long-short portfolio: returns, costs and intervals of signals of which it is known what they are worth."""

import numpy as np
import pandas as pd
import pytest

from tasks.premium.config import PortfolioConfig, PremiumConfig, RobustConfig
from tasks.premium.inference.checks import make_checks
from tasks.premium.inference.portfolio import difference, portfolio, trade
from tasks.premium.rows import Rows
from tasks.schemas.estimates import CO_PRIMARY

CONFIG = PortfolioConfig()
N_STOCKS, N_DAYS = 10, 250


@pytest.fixture
def rows(make_rows) -> Rows:
    """Ten stocks on 250 days in a row, with returns of 1 %."""
    target = 0.01 * np.random.default_rng(2).normal(size=(N_STOCKS, N_DAYS))
    return make_rows(target, 200, np.zeros((target.size, 1)))


def noise(rows: Rows, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(rows.target))


def test_a_perfect_signal_earns_the_spread_of_its_quantiles_and_costs_take_from_it(rows):
    traded = trade(rows, rows.target, CONFIG)
    by_day = np.sort(rows.target.reshape(N_STOCKS, N_DAYS), axis=0)
    np.testing.assert_allclose(traded.days["gross"], by_day[-2:].mean(axis=0) - by_day[:2].mean(axis=0))
    found = portfolio(traded)
    assert found.gross.interval[0] > 0
    assert 0 < found.net.point < found.gross.point
    assert (found.n_tested_days, found.n_days, found.stocks_per_day) == (N_DAYS, N_DAYS, N_STOCKS)
    # A day each day: 365.25 in a year.
    assert found.days_per_year == pytest.approx(365.25)
    values = traded.days["gross"]
    assert found.gross.point == pytest.approx(values.mean() / values.std(ddof=0) * np.sqrt(365.25))


def test_without_costs_net_is_gross(rows):
    found = portfolio(trade(rows, noise(rows), CONFIG.model_copy(update={"cost_bps": 0.0})))
    assert found.net == found.gross


def test_predictions_permuted_within_days_earn_nothing_beyond_chance(rows):
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(25):
        permuted = rng.permuted(rows.target.reshape(N_STOCKS, N_DAYS), axis=0).ravel()
        low, high = portfolio(trade(rows, permuted, CONFIG)).gross.interval
        held += low <= 0 <= high
    assert held >= 22


def test_a_model_does_not_differ_from_itself_and_a_perfect_one_does_from_noise(rows):
    perfect, guessed = (trade(rows, predictions, CONFIG) for predictions in (rows.target, noise(rows)))
    same = difference(guessed, guessed)
    for figure in (same.gross, same.net):
        assert (figure.point, figure.standard_error, figure.interval) == (0, 0, (0, 0))
    found = difference(perfect, guessed).gross
    assert found.point == pytest.approx(portfolio(perfect).gross.point - portfolio(guessed).gross.point)
    assert found.interval[0] > 0


def test_a_ratios_error_is_lo_s_where_days_are_independent(make_rows):
    """sqrt((1 + SR^2 / 2) / T) of a day's ratio; over panels, as blocks of days leave one error uncertain."""
    rng, errors, ratios = np.random.default_rng(5), [], []
    for _ in range(40):
        rows = make_rows(0.01 * rng.normal(size=(N_STOCKS, N_DAYS)), 200, np.zeros((N_STOCKS * N_DAYS, 1)))
        found = portfolio(trade(rows, rows.target + 0.05 * noise(rows), CONFIG)).gross
        errors.append(found.standard_error / np.sqrt(365.25))
        ratios.append(found.point / np.sqrt(365.25))
    expected = np.sqrt((1 + np.mean(ratios) ** 2 / 2) / N_DAYS)
    assert np.mean(errors) == pytest.approx(expected, rel=0.1)
    assert np.std(ratios) == pytest.approx(expected, rel=0.35)


def held_for(days: list[str], weights_up: list[str]) -> pd.DataFrame:
    """Days of a panel of two stocks, one held long and the other short on each; labels are the next two days."""
    labels = pd.DataFrame({"code": ["A", "B"] * len(days), "date": pd.to_datetime(np.repeat(days, 2))})
    labels["label_from"], labels["label_until"] = (labels["date"] + pd.Timedelta(days=ahead) for ahead in (1, 2))
    up = np.repeat(weights_up, 2)
    rows = Rows(labels, np.full(len(labels), 0.01), np.empty((len(labels), 0)), {})
    return trade(rows, (labels["code"] == up).to_numpy(float), PortfolioConfig(quantile=0.5)).days


def test_a_position_that_is_kept_costs_nothing_and_one_after_a_gap_is_opened_anew():
    # Open 2; keep; turn both sides, 4, and close 2 before the gap; open 2 and close 2.
    days = held_for(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-05"], ["A", "A", "B", "B"])
    assert days["turnover"].tolist() == [2, 0, 6, 4]
    assert days["net"].tolist() == pytest.approx((-days["turnover"] * 5e-4).tolist())


def test_stocks_of_equal_predictions_share_their_places_and_a_day_without_order_does_not_count(rows):
    by_day = rows.labels["date"].rank(method="dense").to_numpy()
    predictions = np.where(by_day <= 100, 0.0, np.where(rows.labels["code"] < 4, 1.0, 0.0))
    traded = trade(rows, predictions, CONFIG)
    assert (len(traded.days), traded.n_tested_days) == (150, 250)
    target = rows.target.reshape(N_STOCKS, N_DAYS)[:, 100:]
    # Four share the long side's two places, six the short side's.
    np.testing.assert_allclose(traded.days["gross"], target[:4].mean(axis=0) - target[4:].mean(axis=0))
    order = np.random.default_rng(6).permutation(len(predictions))
    mixed = Rows(rows.labels.iloc[order].reset_index(drop=True), rows.target[order], rows.numeric[order], {})
    pd.testing.assert_frame_equal(trade(mixed, predictions[order], CONFIG).days, traded.days)


def test_too_few_days_with_enough_stocks_are_refused_with_their_number(make_rows):
    rows = make_rows(np.random.default_rng(7).normal(size=(4, 60)), 50, np.zeros((240, 1)))
    found = portfolio(trade(rows, noise(rows), CONFIG))
    assert (found.gross.point, found.net.point, found.turnover) == (None, None, None)
    assert found.gross.why_none == (
        "0 of 60 tested days have 5 stocks that the predictions order, 20 are needed; the median day has 4: raise "
        "panel.n_stocks or panel.dates_per_stock."
    )


def test_returns_that_do_not_vary_have_no_ratio(rows):
    constant = Rows(rows.labels, np.zeros(len(rows.target)), rows.numeric, rows.states)
    assert portfolio(trade(constant, noise(rows), CONFIG)).gross.why_none == "its returns do not vary"


def test_a_portfolio_is_left_out_where_the_target_is_no_return_or_the_recipe_says_so(rows):
    predictions = {"base": {fit: {"walk_forward": noise(rows)} for fit in CO_PRIMARY}}
    event = Rows(rows.labels, (rows.target > 0).astype(float), rows.numeric, rows.states)
    without = RobustConfig(portfolio=None)
    assert list(make_checks(rows, PremiumConfig(), RobustConfig(), predictions).portfolios) == list(CO_PRIMARY)
    for own, robust, reason in ((event, RobustConfig(), "two values"), (rows, without, "portfolio is null")):
        found = make_checks(own, PremiumConfig(), robust, predictions)
        assert found.portfolios == {}
        assert reason in found.why_no_portfolio
