"""A panel that cannot be made is refused in one sentence with a way out, and nothing is left behind."""

import pytest
from pydantic import ValidationError

from tasks.panel.config import CsvSource, PanelConfig
from tasks.panel.errors import EmptySplit, TooFewStocks

CONTRACTS = ("reference", "point_in_time")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_panel_that_ends_before_the_test_side_is_refused(jpx_prices, write, contract):
    with pytest.raises(EmptySplit, match=r"no row on or after test_from=2021-03-01; the panel ends on 2021-01-2"):
        write(jpx_prices, test_from="2021-03-01", contract=contract)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_panel_that_begins_after_the_train_side_is_refused(jpx_prices, write, contract):
    with pytest.raises(EmptySplit, match=r"no row before test_from=2020-01-01; the panel begins on 2020-12-21"):
        write(jpx_prices, test_from="2020-01-01", contract=contract)


def test_a_draw_that_misses_a_side_is_refused(jpx_prices, write):
    with pytest.raises(EmptySplit, match=r"0 of 2 drawn rows are on or after test_from=2021-01-29.*dates_per_stock"):
        write(jpx_prices, test_from="2021-01-29", dates_per_stock=1)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_one_stock_makes_no_panel(jpx_prices, write, contract):
    with pytest.raises(TooFewStocks, match=r"1 stock\(s\) have a row with a target and all features"):
        write(jpx_prices[jpx_prices["SecuritiesCode"] == 1301], contract=contract)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_histories_shorter_than_the_longest_window_make_no_panel(jpx_prices, write, contract):
    with pytest.raises(TooFewStocks, match=r"0 stock.*31 days"):
        write(jpx_prices.groupby("SecuritiesCode").head(30), contract=contract)


def test_two_stocks_of_which_one_begins_after_the_cut_make_no_panel(jpx_prices, write):
    begins_later = (jpx_prices["SecuritiesCode"] == 1302) & (jpx_prices["Date"] < "2020-11-16")
    with pytest.raises(
        TooFewStocks, match=r"1 stock.* all features before test_from=2020-12-23, a panel needs at least"
    ):
        write(jpx_prices[~begins_later], test_from="2020-12-23")


@pytest.mark.parametrize(
    "bad",
    [
        {"n_stocks": 1},
        {"dates_per_stock": 0},
        {"seed": -1},
        {"source": {"kind": "csv"}},
        {"source": {"kind": "jpx", "csv": ""}},
        {"source": {"kind": "csv", "csv": "x", "name": "two\nlines"}},
        {"contract": "hindsight"},
        {"stocks": 3},
    ],
)
def test_settings_out_of_bounds_are_refused_by_the_form(bad):
    with pytest.raises(ValidationError):
        PanelConfig.model_validate(bad)


def test_a_name_may_hold_spaces_but_not_end_in_one():
    assert CsvSource(csv="/x", name="London Stock Exchange stock").name == "London Stock Exchange stock"
    with pytest.raises(ValidationError):
        CsvSource(csv="/x", name="stock ")


def test_the_contracts_former_name_is_refused_with_the_present_one():
    with pytest.raises(ValidationError, match="contract 'seed' is now called 'reference'"):
        PanelConfig.model_validate({"contract": "seed"})
