"""Any market's prices in JPX's columns."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tasks.panel.build import write_panel
from tasks.panel.config import CsvSource, JpxSource, PanelConfig, Sp500Source
from tasks.panel.labels import two_day_target
from tasks.panel.sources.reader import read_prices
from tasks.schemas.artifacts import Panel
from tasks.schemas.entities import COMPANIES
from tests.panel.conftest import prices_of, walk


def read(file, **settings):
    return read_prices(CsvSource(csv=str(file), **settings), "point_in_time")[0]


def test_the_target_is_the_return_from_the_next_day_to_the_day_after():
    target = two_day_target(prices_of({"A": [100.0, 50.0, 60.0, 66.0], "B": [1.0]}))
    assert target[:2].tolist() == pytest.approx([60 / 50 - 1, 66 / 60 - 1])
    assert target[2:].isna().all()


def test_the_target_is_adjusted_for_a_split_between_its_two_days():
    # Two for one after the third day, as JPX records it: the factor is on the last day before.
    prices = prices_of({"A": [100.0, 50.0, 60.0, 33.0]}).assign(adjustment=[1.0, 1.0, 0.5, 1.0])
    assert two_day_target(prices)[:2].tolist() == pytest.approx([60 / 50 - 1, 66 / 60 - 1])


@pytest.mark.parametrize("close", [0.0, np.nan])
def test_a_target_of_a_day_without_a_price_is_missing(close):
    target = two_day_target(prices_of({"A": [1.0, 1.0, close, 1.0, 1.0, 2.0]}))
    np.testing.assert_array_equal(target, [np.nan, np.nan, 0.0, 1.0, np.nan, np.nan])


def test_sp500_targets_end_two_days_before_each_stocks_last_close():
    prices, _ = read_prices(Sp500Source(), "reference")
    without = prices[prices["target"].isna()]
    assert without.groupby("code").size().to_dict() == dict.fromkeys(COMPANIES, 2)


def test_computed_targets_and_adjusted_closes_are_those_of_the_jpx_file(shared_dir):
    file = shared_dir / "panel" / "sp500_jpx_schema.csv.gz"
    jpx, _ = read_prices(JpxSource(csv=str(file)), "point_in_time")
    np.testing.assert_allclose(two_day_target(jpx), jpx["target"], atol=2e-7)
    assert (jpx["adjustment"] != 1).sum() == 36


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_only_code_day_and_close_are_needed(packed, csv_of, tmp_path):
    source = csv_of({"A": ("2020-11-09", walk(60, 1)), "B": ("2020-11-09", walk(60, 2))})
    file = tmp_path / "market.csv"
    if packed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    facts = write_panel(PanelConfig(source=source), tmp_path)
    assert Panel(tmp_path).numeric_columns() == ["log_close", "ret_5d", "ret_30d", "vol_20d"]
    assert facts["n_splits"] is None
    assert facts["prompt_first"].split(", ")[1].startswith("stock A had")


def test_closes_said_to_be_adjusted_have_no_level_and_take_no_factor(csv_of, tmp_path):
    source = csv_of({"A": ("2020-11-09", walk(60, 1)), "B": ("2020-11-09", walk(60, 2))}, adjusted=True)
    file = tmp_path / "market.csv"
    pd.read_csv(file).assign(AdjustmentFactor=0.5).to_csv(file, index=False)
    write_panel(PanelConfig(source=source), tmp_path)
    assert Panel(tmp_path).numeric_columns() == ["ret_5d", "ret_30d", "vol_20d"]
    steps = np.diff(np.log(walk(60, 1)))
    assert read(file, adjusted=True).query("code == 'A'")["target"].iloc[0] == pytest.approx(np.expm1(steps[1]))


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        (["10", "9"], [9, 10]),
        (["0005", "10"], ["0005", "10"]),
        (["NA", "A"], ["A", "NA"]),
        (["130A", "9"], ["130A", "9"]),
    ],
)
def test_codes_are_numbers_only_where_all_are_written_so(written, codes, tmp_path):
    file = tmp_path / "market.csv"
    file.write_text("SecuritiesCode,Date,Close\n" + "".join(f"{code},2021-01-04,1\n" for code in written))
    assert read(file)["code"].tolist() == codes


def test_a_missing_volume_or_factor_is_no_error(tmp_path):
    file = tmp_path / "market.csv"
    file.write_text("SecuritiesCode,Date,Close,Volume,AdjustmentFactor\nA,2021-01-04,1,,\nA,2021-01-05,2,5,0.5\n")
    assert read(file)["volume"].isna().tolist() == [True, False]
