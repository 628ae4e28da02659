"""What a row's features are made of, and what they never read."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.panel.config import CsvSource, PanelConfig
from tasks.panel.contracts import rows_of_contract
from tasks.panel.features import add_features, is_complete, split_so_far
from tests.panel.conftest import prices_of, walk

FEATURES = ["log_close", "log_volume", "ret_5d", "ret_30d", "vol_20d"]
closes = st.lists(st.floats(1, 1000), min_size=31, max_size=40)


def with_splits(prices: pd.DataFrame, factors: dict[int, float]) -> pd.DataFrame:
    """Closes as traded if the stock of these rows split after these of its days: the factor is on the last day
    before the split, the price falls on the next."""
    adjustment = pd.Series(1.0, index=prices.index)
    for day, factor in factors.items():
        adjustment.iloc[day] = factor
    return prices.assign(close=prices["close"] * adjustment.cumprod().shift(fill_value=1.0), adjustment=adjustment)


def point_in_time(prices: pd.DataFrame) -> pd.DataFrame:
    return add_features(prices.assign(split_so_far=split_so_far(prices)), "point_in_time")


@settings(deadline=None)
@given(closes, st.lists(st.floats(1, 1000), max_size=40), st.lists(st.floats(1, 1000), max_size=40))
def test_features_of_a_stock_never_read_another_stocks_rows(own, before, after):
    alone = point_in_time(prices_of({"B": own}).assign(adjustment=0.5))
    beside = point_in_time(prices_of({"A": before, "B": own, "C": after}).assign(adjustment=0.5))
    kept = beside[beside["code"] == "B"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, kept, check_exact=True)


@pytest.mark.parametrize("contract", ["reference", "point_in_time"])
def test_other_stocks_order_and_prices_leave_a_panels_features_alone(contract):
    prices = prices_of({"A": walk(60, 1), "B": walk(60, 2), "C": walk(60, 3)}, first="2020-11-01").assign(target=0.1)
    config = PanelConfig(source=CsvSource(csv="/x"), contract=contract)
    whole = rows_of_contract(prices, config)[1].set_index(["code", "date"])
    others = prices_of({"A": walk(45, 9), "B": walk(60, 2), "D": walk(70, 8)}, first="2020-11-01").assign(target=0.1)
    other = rows_of_contract(others, config)[1].set_index(["code", "date"])
    pd.testing.assert_frame_equal(whole.loc[["B"]], other.loc[["B"]], check_exact=True)


@settings(deadline=None)
@given(
    day=st.integers(31, 58),
    later=st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1e6), st.sampled_from([0.1, 0.5, 1.0, 3.0])), min_size=1),
)
def test_features_never_read_a_later_row_be_it_a_later_split(day, later):
    prices = prices_of({"A": walk(60)}, first="2020-11-01").assign(volume=1000.0, adjustment=1.0, target=0.1)
    prices.loc[20, "adjustment"] = 0.5
    changed = prices.copy()
    for row, values in zip(range(day + 1, 60), later, strict=False):
        changed.loc[row, ["close", "volume", "adjustment"]] = values
    until = prices["date"][day]
    rows = [point_in_time(table[table["close"] > 0]) for table in (prices, changed, prices[: day + 1])]
    known, *others = [table.loc[table["date"] <= until, FEATURES] for table in rows]
    assert is_complete(known).any()
    for other in others:
        pd.testing.assert_frame_equal(known, other, check_exact=True)


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 58), st.sampled_from([0.1, 0.25, 0.5, 2.0, 10.0]), max_size=4))
def test_a_split_leaves_adjusted_returns_and_volatility_unmoved(factors):
    prices = prices_of({"A": walk(60)})
    whole, split = point_in_time(prices.assign(adjustment=1.0)), point_in_time(with_splits(prices, factors))
    unmoved = ["ret_5d", "ret_30d", "vol_20d"]
    pd.testing.assert_frame_equal(whole[unmoved], split[unmoved], rtol=1e-9, atol=1e-12)


def test_log_close_stays_as_traded():
    split = point_in_time(with_splits(prices_of({"A": [100.0] * 40}), {34: 0.5}))
    assert split["log_close"].tolist() == [np.log(100.0)] * 35 + [np.log(50.0)] * 5
    assert split["ret_5d"][35:].tolist() == pytest.approx([0.0] * 5)


def test_the_reference_takes_a_split_for_a_return():
    split = add_features(with_splits(prices_of({"A": [100.0] * 40}), {34: 0.5}), "reference")
    assert split["ret_5d"][35:].tolist() == pytest.approx([np.log(0.5)] * 5)


def test_a_split_on_a_day_without_a_price_is_in_force_all_the_same():
    prices = with_splits(prices_of({"A": [100.0] * 40}), {33: 0.5})
    prices.loc[33, "close"] = np.nan
    rows = prices.assign(split_so_far=split_so_far(prices)).dropna()
    assert add_features(rows, "point_in_time")["ret_5d"].dropna().tolist() == pytest.approx([0.0] * 34)


def test_returns_and_volatility_count_the_stocks_own_rows():
    # The logarithm of the close rises by 0.01 a day, so that five days give 0.05 and the daily steps do not vary.
    rows = add_features(prices_of({"A": list(np.exp(0.01 * np.arange(31)))}), "reference")
    assert is_complete(rows).sum() == 1
    assert rows.iloc[-1][["ret_5d", "ret_30d", "vol_20d"]].tolist() == pytest.approx([0.05, 0.30, 0.0], abs=1e-9)
    assert rows["vol_20d"].first_valid_index() == 20


def test_volatility_is_the_sample_deviation_of_the_last_20_steps():
    rows = add_features(prices_of({"A": walk(50)}), "reference")
    steps = np.diff(np.log(rows["close"]))
    assert rows["vol_20d"][45] == pytest.approx(np.std(steps[25:45], ddof=1), rel=1e-12)


def test_under_the_reference_a_close_of_zero_and_a_volume_of_zero_keep_their_logarithms_finite():
    prices = prices_of({"A": [0.0]}).assign(volume=0.0)
    assert add_features(prices, "reference").loc[0, ["log_close", "log_volume"]].tolist() == [np.log(1e-6), 0.0]
