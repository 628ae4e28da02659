"""The choice of stocks does not use the future."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.panel.build import write_panel
from tasks.panel.config import CsvSource, PanelConfig
from tasks.panel.contracts import rows_of_contract
from tasks.schemas.artifacts import Panel
from tests.panel.conftest import walk

CUT = "2021-01-01"


@pytest.fixture
def five_stocks(csv_of):
    """AAAA ends before the cut, BBBB soon after it, CCCC and DDDD live on, EEEE begins after it.

    The days run from 2020-06-01 to 2021-05-31, 154 business days before the cut and 107 after.
    """
    return csv_of(
        {
            "AAAA": ("2020-06-01", walk(150, 1)),
            "BBBB": ("2020-06-02", walk(160, 2)),
            "CCCC": ("2020-09-01", walk(195, 3)),
            "DDDD": ("2020-10-01", walk(173, 4)),
            "EEEE": ("2021-01-04", walk(106, 5)),
        }
    )


def test_stocks_are_chosen_by_their_rows_before_the_cut_and_survivorship_is_told(five_stocks, tmp_path):
    facts = write_panel(PanelConfig(source=five_stocks, n_stocks=2, dates_per_stock=500), tmp_path)
    assert set(Panel(tmp_path).rows()["code"]) == {"AAAA", "BBBB"}
    # By their whole histories it would have been BBBB and CCCC, 2020-09-01 to 2021-05-31.
    assert facts["survivorship"] == {
        "n_stocks_before_cut": 4,
        "n_chosen_without_test_close": 1,
        "n_chosen_ended_early": 2,
        "n_chosen_without_row": 0,
        "n_chosen_by_whole_span_too": 0,
    }


def test_the_reference_chooses_by_whole_histories(five_stocks, tmp_path):
    config = PanelConfig(source=five_stocks, n_stocks=2, dates_per_stock=500, contract="reference")
    facts = write_panel(config, tmp_path)
    assert set(Panel(tmp_path).rows()["code"]) == {"CCCC", "DDDD"}
    assert facts["survivorship"]["n_chosen_by_whole_span_too"] == 2


def alive_until(n_days_after, closes_after) -> pd.DataFrame:
    """A to F with 50, 48, 46, 44, 42 and 40 rows before the cut; each has n_days_after more."""
    before, after = pd.bdate_range(end="2020-12-31", periods=50), pd.bdate_range(CUT, periods=60)
    own = [
        pd.DataFrame({"code": code, "date": [*before[2 * row :], *after[:n_days]]}).assign(
            close=[*walk(50 - 2 * row, row), *[closes_after] * n_days]
        )
        for row, (code, n_days) in enumerate(zip("ABCDEF", n_days_after, strict=True))
    ]
    return pd.concat(own, ignore_index=True).assign(target=0.01)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 60), min_size=4, max_size=4), st.floats(0, 100))
def test_nothing_that_happens_from_the_cut_on_changes_which_stocks_are_chosen(n_days_after, close):
    config = PanelConfig(source=CsvSource(csv="/x"), n_stocks=5)
    prices = alive_until([1, *n_days_after, 60], close + 1)
    assert rows_of_contract(prices, config)[2] == ["A", "B", "C", "D", "E"]


def test_rows_are_dropped_with_a_reason_and_none_is_lost(csv_of, tmp_path):
    closes = {"A": walk(60, 1), "B": walk(60, 2), "C": walk(59, 3)}
    closes["A"][10], closes["A"][11], closes["B"][12] = 0.0, np.nan, 0.0
    source = csv_of({code: ("2020-11-09", own) for code, own in closes.items()})
    facts = write_panel(PanelConfig(source=source, n_stocks=2, dates_per_stock=27), tmp_path)
    assert facts["n_rows_raw"] == 179
    assert facts["n_dropped"] == {
        "no_close": 1,
        "close_of_zero": 2,
        "missing_feature": 90,  # the first 30 priced rows of each
        "no_target": 6,  # the last two of each; the others next to a missing close fall into the first 30
        "stock_not_kept": 26,  # B and C have more rows before the cut than A
        "day_not_drawn": 0,
    }
    assert facts["n_rows"] == 54
    assert facts["n_rows_raw"] - sum(facts["n_dropped"].values()) == facts["n_rows"]


def test_windows_count_rows_with_a_price_whether_or_not_they_have_a_target(jpx_prices, tmp_path):
    rows = {}
    jpx_prices.loc[40:45, "Target"] = None
    file = tmp_path / "prices.csv"
    jpx_prices.to_csv(file, index=False)
    for contract in ("reference", "point_in_time"):
        source = {"kind": "jpx", "csv": str(file)}
        config = PanelConfig.model_validate({"source": source, "contract": contract, "dates_per_stock": 60})
        write_panel(config, tmp_path)
        rows[contract] = Panel(tmp_path).rows().query("code == 1301").set_index("date")["ret_5d"]
    day = pd.Timestamp(jpx_prices["Date"][47])
    log_close = np.log(jpx_prices["Close"])
    assert rows["point_in_time"][day] == pytest.approx(log_close[47] - log_close[42])
    assert rows["reference"][day] == pytest.approx(log_close[47] - log_close[36])


def test_a_chosen_stock_without_a_row_to_draw_is_counted(jpx_prices, tmp_path):
    third = jpx_prices[jpx_prices["SecuritiesCode"] == 1301].assign(SecuritiesCode=1299, Target=None)
    file = tmp_path / "prices.csv"
    pd.concat([jpx_prices, third]).to_csv(file, index=False)
    facts = write_panel(PanelConfig.model_validate({"source": {"kind": "jpx", "csv": str(file)}}), tmp_path)
    assert facts["n_stocks"] == 2
    assert facts["survivorship"]["n_chosen_without_row"] == 1
