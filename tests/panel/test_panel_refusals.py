"""A panel that cannot be made is refused in one sentence with a way out."""

import pytest
from pydantic import ValidationError

from tasks.panel.build import write_panel
from tasks.panel.config import JpxSource, PanelConfig
from tasks.panel.errors import AmbiguousPrices, EmptySplit, TooFewStocks, UnreadablePrices


def write(prices, tmp_path, **settings):
    file = tmp_path / "prices.csv"
    prices.to_csv(file, index=False)
    return write_panel(PanelConfig(source=JpxSource(csv=str(file), **settings.pop("source", {})), **settings), tmp_path)


def test_a_panel_that_ends_before_the_test_side_is_refused(jpx_prices, tmp_path):
    with pytest.raises(EmptySplit, match=r"no row on or after test_from=2021-03-01; the panel ends on 2021-01-29"):
        write(jpx_prices, tmp_path, test_from="2021-03-01")


def test_a_panel_that_begins_after_the_train_side_is_refused(jpx_prices, tmp_path):
    with pytest.raises(EmptySplit, match=r"no row before test_from=2020-01-01; the panel begins on 2020-12-21"):
        write(jpx_prices, tmp_path, test_from="2020-01-01")


def test_a_draw_that_misses_a_side_is_refused(jpx_prices, tmp_path):
    with pytest.raises(EmptySplit, match=r"0 of 2 drawn rows lie on or after test_from=2021-01-29.*dates_per_stock"):
        write(jpx_prices, tmp_path, test_from="2021-01-29", dates_per_stock=1)


def test_one_stock_makes_no_panel(jpx_prices, tmp_path):
    with pytest.raises(TooFewStocks, match=r"1 stock\(s\) have a row with a target and all features"):
        write(jpx_prices[jpx_prices["SecuritiesCode"] == 1301], tmp_path)


def test_histories_shorter_than_the_longest_window_make_no_panel(jpx_prices, tmp_path):
    with pytest.raises(TooFewStocks, match=r"0 stock.*31 days"):
        write(jpx_prices.groupby("SecuritiesCode").head(30), tmp_path)


def test_missing_columns_are_named(jpx_prices, tmp_path):
    with pytest.raises(UnreadablePrices, match="lacks Volume, Target; a panel needs the columns SecuritiesCode, Date"):
        write(jpx_prices.drop(columns=["Volume", "Target"]), tmp_path)


def test_a_row_without_a_day_is_refused(jpx_prices, tmp_path):
    jpx_prices.loc[5, "Date"] = None
    with pytest.raises(UnreadablePrices, match=r"1 of 120 rows .* lack SecuritiesCode or Date"):
        write(jpx_prices, tmp_path)


def test_a_price_that_is_no_number_is_refused(jpx_prices, tmp_path):
    prices = jpx_prices.astype({"Close": str})
    prices.loc[0, "Close"] = "n/a!"
    with pytest.raises(UnreadablePrices, match="no table of prices: could not convert string to float: 'n/a!'"):
        write(
            jpx_prices.astype({"Close": str}).replace({"Close": {jpx_prices.at[0, "Close"].astype(str): "n/a!"}}),
            tmp_path,
        )


def test_two_prices_for_a_day_are_refused(jpx_prices, tmp_path):
    jpx_prices.loc[1, "Date"] = jpx_prices.loc[0, "Date"]
    with pytest.raises(AmbiguousPrices, match=r"stock 1301 has more than one row for 2020-11-09, and 1 rows in all"):
        write(jpx_prices, tmp_path)


def test_another_file_under_a_pinned_digest_is_refused(jpx_prices, tmp_path):
    with pytest.raises(UnreadablePrices, match=f"the recipe asks for {'0' * 64}"):
        write(jpx_prices, tmp_path, source={"sha256": "0" * 64})


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(UnreadablePrices, match=r"absent\.csv cannot be read: .*give the path of a stock_prices\.csv"):
        write_panel(PanelConfig(source=JpxSource(csv=str(tmp_path / "absent.csv"))), tmp_path)


def test_a_cut_gzip_file_is_refused(jpx_prices, tmp_path):
    file = tmp_path / "cut.csv.gz"
    jpx_prices.to_csv(file, index=False)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UnreadablePrices, match=r"cut\.csv\.gz is no table of prices: Compressed file ended"):
        write_panel(PanelConfig(source=JpxSource(csv=str(file))), tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(UnreadablePrices, match="no table of prices: No columns to parse"):
        write_panel(PanelConfig(source=JpxSource(csv=str(tmp_path / "empty.csv"))), tmp_path)


@pytest.mark.parametrize(
    "bad", [{"n_stocks": 1}, {"dates_per_stock": 0}, {"seed": -1}, {"source": {"kind": "jpx"}}, {"stocks": 3}]
)
def test_settings_out_of_bounds_are_refused_by_the_form(bad):
    with pytest.raises(ValidationError):
        PanelConfig.model_validate(bad)
