"""What holds of every panel, on numbers a reader can check."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.artifacts import Panel
from tasks.panel.build import write_panel
from tasks.panel.config import REVISION, JpxSource, PanelConfig, Sp500Source
from tasks.panel.features import add_features, complete_rows
from tasks.panel.prompts import COMPANIES, sentences
from tasks.panel.sample import draw_days, longest_histories
from tasks.panel.sources import read_prices, two_day_target


def prices_of(closes: dict[str, list[float]]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"code": code, "date": pd.bdate_range("2020-01-01", periods=len(own)), "close": own})
        for code, own in closes.items()
    ]
    return pd.concat(tables, ignore_index=True)


def test_the_target_is_the_return_from_the_next_day_to_the_day_after():
    target = two_day_target(pd.Series([100.0, 50.0, 60.0, 66.0]))
    assert target[:2].tolist() == pytest.approx([60 / 50 - 1, 66 / 60 - 1])
    assert target[2:].isna().all()


def test_sp500_targets_end_two_days_before_each_stocks_last_close():
    prices, _ = read_prices(Sp500Source())
    without = prices[prices["target"].isna()]
    assert without.groupby("code").size().to_dict() == dict.fromkeys(COMPANIES, 2)


@given(st.lists(st.floats(1, 1000), min_size=31, max_size=40), st.lists(st.floats(1, 1000), min_size=1, max_size=40))
def test_features_of_a_stock_never_read_another_stocks_rows(own, other):
    alone = add_features(prices_of({"B": own}))
    beside = add_features(prices_of({"A": other, "B": own, "C": other}))
    pd.testing.assert_frame_equal(alone, beside[beside["code"] == "B"].reset_index(drop=True))


def test_features_never_read_a_later_row():
    closes = list(np.exp(np.random.default_rng(1).normal(size=45)))
    whole = add_features(prices_of({"A": closes}))
    until_day_40 = add_features(prices_of({"A": closes[:40]}))
    pd.testing.assert_frame_equal(until_day_40, whole[:40])


def test_returns_and_volatility_count_the_stocks_own_rows():
    # The logarithm of the close rises by 0.01 a day, so that five days give 0.05 and the daily steps do not vary.
    rows = add_features(prices_of({"A": list(np.exp(0.01 * np.arange(31)))}))
    assert len(complete_rows(rows)) == 1
    assert rows.iloc[-1][["ret_5d", "ret_30d", "vol_20d"]].tolist() == pytest.approx([0.05, 0.30, 0.0], abs=1e-9)
    assert rows["vol_20d"].first_valid_index() == 20


def test_a_close_of_zero_and_a_volume_of_zero_keep_their_logarithms_finite():
    prices = prices_of({"A": [0.0]}).assign(volume=0.0)
    assert add_features(prices).loc[0, ["log_close", "log_volume"]].tolist() == [np.log(1e-6), 0.0]


def test_volume_is_absent_where_nobody_recorded_it(tmp_path):
    write_panel(PanelConfig(n_stocks=2, dates_per_stock=30), tmp_path)
    assert Panel(tmp_path).numeric_columns() == ["log_close", "ret_5d", "ret_30d", "vol_20d"]


def test_the_longest_histories_are_kept_and_ties_go_by_code():
    rows = prices_of({"C": [1.0] * 3, "A": [1.0] * 2, "D": [1.0] * 2, "B": [1.0] * 2})
    assert longest_histories(rows, 3) == ["A", "B", "C"]


def test_a_stock_with_few_days_keeps_all_and_leaves_the_others_draw_alone():
    short_first = prices_of({"A": [1.0] * 4, "B": [1.0] * 9})
    drawn = draw_days(short_first, ["A", "B"], 4, seed=42)
    assert drawn[drawn["code"] == "A"]["date"].is_monotonic_increasing
    alone = draw_days(prices_of({"B": [1.0] * 9}), ["B"], 4, seed=42)
    pd.testing.assert_frame_equal(drawn[drawn["code"] == "B"].reset_index(drop=True), alone)


def test_no_day_of_a_stock_is_drawn_twice(tmp_path):
    write_panel(PanelConfig(n_stocks=5, dates_per_stock=500), tmp_path)
    assert not Panel(tmp_path).rows().duplicated(["code", "date"]).any()


def test_a_sentence_tells_day_stock_and_past_and_not_the_target():
    row = {"code": "AAPL", "date": pd.Timestamp("2019-10-18"), "target": 0.7777}
    rows = pd.DataFrame([{**row, "ret_5d": 0.0234, "ret_30d": -0.0594, "vol_20d": 0.0081}])
    assert sentences(rows, "sp500") == [
        "On 2019-10-18, S&P 500 stock Apple (AAPL) had recent 5-day log return +0.0234, "
        "30-day log return -0.0594, 20-day volatility 0.0081."
    ]


def test_every_sp500_stock_has_a_name():
    prices, _ = read_prices(Sp500Source())
    assert set(prices["code"]) == set(COMPANIES)


def test_rows_are_dropped_with_a_reason_and_none_is_lost(jpx_prices, tmp_path):
    file = tmp_path / "prices.csv"
    jpx_prices.loc[[3, 70], "Target"] = None
    jpx_prices.to_csv(file, index=False)
    facts = write_panel(PanelConfig(source=JpxSource(csv=str(file)), dates_per_stock=25), tmp_path)
    assert facts["n_rows_raw"] == 120
    # 59 rows with a target per stock, of which the first 30 lack the 30-day return.
    assert facts["n_dropped"] == {"no_target": 2, "missing_feature": 60, "stock_not_kept": 0, "day_not_drawn": 8}
    assert facts["n_rows"] == facts["n_train_rows"] + facts["n_test_rows"] == 50


def test_the_order_of_the_price_file_does_not_matter(jpx_prices, tmp_path):
    panels = []
    for name, prices in [("sorted", jpx_prices), ("shuffled", jpx_prices.sample(frac=1, random_state=7))]:
        (tmp_path / name).mkdir()
        prices.to_csv(tmp_path / name / "prices.csv", index=False)
        source = JpxSource(csv=str(tmp_path / name / "prices.csv"))
        write_panel(PanelConfig(source=source, dates_per_stock=25), tmp_path / name)
        panels.append((tmp_path / name / "rows.parquet").read_bytes())
    assert panels[0] == panels[1]


def test_revision_is_raised_with_the_bytes(tmp_path):
    write_panel(PanelConfig(n_stocks=3, dates_per_stock=4, test_from="2010-01-01"), tmp_path)
    rows = Panel(tmp_path).rows().to_csv(index=False, float_format="%.9g")
    known = {1: "d97e2fa78a02a4a8"}
    assert known.get(REVISION) == hashlib.sha256(rows.encode()).hexdigest()[:16], (
        "the same panel config gives other rows: raise REVISION in tasks/panel/config.py and add the new digest here, "
        "or stores will serve the old rows for the new code"
    )
