"""The days of the prices a target is made of."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.panel.labels import label_days, return_ahead
from tests.panel.conftest import prices_of


def days(*texts: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(text) for text in texts]


def test_a_target_is_made_of_the_stocks_own_next_two_rows():
    # A has no price on Friday the 3rd, on which the market, here B, was open.
    prices = prices_of({"A": [1.0] * 5, "B": [1.0] * 5}).drop(index=2).reset_index(drop=True)
    labels = label_days(prices)
    assert labels.iloc[0].tolist() == days("2020-01-02", "2020-01-06")
    assert labels.iloc[1].tolist() == days("2020-01-06", "2020-01-07")


def test_a_stock_that_ends_takes_the_markets_next_days():
    # The market is closed on Friday the 3rd: B's rows skip it, so that A's last rows do too.
    prices = pd.concat([prices_of({"A": [1.0] * 2}), prices_of({"B": [1.0] * 6}).drop(index=2)], ignore_index=True)
    labels = label_days(prices)
    assert labels.iloc[0].tolist() == days("2020-01-02", "2020-01-06")
    assert labels.iloc[1].tolist() == days("2020-01-06", "2020-01-07")


def test_where_the_table_ends_the_next_weekdays_count():
    labels = label_days(prices_of({"A": [1.0] * 3}))  # ends on a Friday
    assert labels.iloc[1].tolist() == days("2020-01-03", "2020-01-06")
    assert labels.iloc[2].tolist() == days("2020-01-06", "2020-01-07")


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.dates(min_value=pd.Timestamp("2020-01-01").date())), unique=True))
def test_labels_begin_after_their_row_and_end_later_still(rows):
    prices = pd.DataFrame(sorted(rows), columns=["code", "date"]).astype({"date": "datetime64[us]"})
    labels = label_days(prices)
    assert (prices["date"] < labels["label_from"]).all()
    assert (labels["label_from"] < labels["label_until"]).all()


def test_dropping_a_row_afterwards_does_not_move_another_rows_label(jpx_prices, tmp_path):
    from tasks.panel.build import write_panel
    from tasks.panel.config import JpxSource, PanelConfig
    from tasks.schemas.artifacts import Panel

    file = tmp_path / "prices.csv"
    jpx_prices.loc[40:42, "Target"] = None
    jpx_prices.to_csv(file, index=False)
    write_panel(PanelConfig(source=JpxSource(csv=str(file)), contract="reference", dates_per_stock=60), tmp_path)
    rows = Panel(tmp_path).rows().query("code == 1301").set_index("date")
    before = pd.Timestamp(jpx_prices["Date"][39])
    assert rows.loc[before, ["label_from", "label_until"]].tolist() == days(*jpx_prices["Date"][[40, 41]])


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_a_horizons_target_ends_so_many_of_the_stocks_own_rows_ahead(horizon):
    prices = prices_of({"A": [1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0], "B": [10.0, 9.0]})
    found = return_ahead(prices, horizon)
    closes = prices["close"].to_numpy()
    expected = [closes[row + horizon] / closes[row] - 1 if row + horizon < 7 else np.nan for row in range(7)]
    np.testing.assert_allclose(found[:7], expected)
    assert found[7:].notna().tolist() == [horizon == 1, False]
    labels = label_days(prices, horizon)
    assert (labels["label_from"][:6] == prices["date"][1:7].to_numpy()).all()
    assert (labels["label_until"][: 7 - horizon] == prices["date"][horizon:7].to_numpy()).all()


def test_a_split_is_no_return_of_a_horizon():
    # JPX records a split's factor on the last day before it: the price halves from the third day on.
    prices = prices_of({"A": [10.0, 10.0, 5.0, 5.0]}).assign(adjustment=[1.0, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(return_ahead(prices, 2)[:2], [0.0, 0.0])
