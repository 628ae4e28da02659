"""Long tables as panels: what is derived, what is kept, what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.formulas.errors import BadPrices
from tasks.formulas.panel import panel_from_rows, read_panel
from tests.formulas.prices import rows, rows_with_gaps

TABLE = pd.DataFrame(
    {
        "entity": ["B", "A", "A", "B"],
        "date": ["2020-01-02", "2020-01-02", "2020-01-03", "2020-01-06"],
        "close": [1.0, 2.0, 3.0, 1.5],
        "volume": [10.0, 20.0, 0.0, 40.0],
        "amount": [11.0, 44.0, 0.0, 60.0],
        "note": list("abcd"),
    }
)


def test_returns_and_vwap_follow_where_they_are_absent() -> None:
    panel = panel_from_rows(TABLE)
    assert list(panel.entities) == ["A", "B"]
    np.testing.assert_allclose(panel.columns["returns"], [[np.nan] * 2, [0.5, np.nan], [np.nan] * 2])
    np.testing.assert_allclose(panel.columns["log_returns"], np.log1p(panel.columns["returns"]))
    np.testing.assert_allclose(panel.columns["vwap"], [[2.2, 1.1], [np.nan] * 2, [np.nan, 1.5]])
    own = panel_from_rows(TABLE.assign(returns=0.7, vwap=9.0))
    assert np.nanmax(own.columns["returns"]) == 0.7
    assert np.nanmax(own.columns["vwap"]) == 9


def test_a_long_table_has_its_own_rows_in_order() -> None:
    panel = panel_from_rows(TABLE)
    table = panel.long([("x", panel.columns["close"])])
    assert list(zip(table["entity"], table["date"].astype(str), table["x"], strict=True)) == [
        ("A", "2020-01-02", 2.0),
        ("A", "2020-01-03", 3.0),
        ("B", "2020-01-02", 1.0),
        ("B", "2020-01-06", 1.5),
    ]
    assert len(panel_from_rows(rows_with_gaps()).long([])) == len(rows()) - 9


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (TABLE.drop(columns="date"), "the table lacks date; it has entity, close"),
        (TABLE[["entity", "date", "note"]], "has none of the columns open, high"),
        (TABLE.assign(date="soon"), "row 1 (entity B, date soon), the first of 4, has no entity, or a date"),
        (TABLE.assign(entity=["B", None, "A", "B"]), "row 2 (entity nan"),
        (TABLE.assign(date="2020-01-02"), "row 3 (entity A, date 2020-01-02), the first of 2, repeats an entity's day"),
        (TABLE.assign(close=["1", "2", "x", "4"]), "row 3 (entity A, date 2020-01-03), the first of 1, has close 'x'"),
        (TABLE.assign(close=[1, 2, 3, np.inf]), "has close 'inf'; a finite number is needed"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(table: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(BadPrices) as refused:
        panel_from_rows(table)
    assert sentence in str(refused.value).replace("None", "nan")


@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz", "prices.parquet"])
def test_a_file_is_read_as_the_table_it_holds(tmp_path: Path, name: str) -> None:
    file, table = tmp_path / name, TABLE.assign(entity=["007", "1", "1", "007"])
    table.to_parquet(file) if name.endswith("parquet") else table.to_csv(file, index=False)
    panel = read_panel(file)
    assert list(panel.entities) == ["007", "1"]
    np.testing.assert_array_equal(panel.columns["close"], panel_from_rows(table).columns["close"])


def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "prices.parquet"
    with pytest.raises(BadPrices, match=r"prices\.parquet is not a file; give a CSV or parquet file"):
        read_panel(file)
    file.write_text("entity,date\n")
    with pytest.raises(BadPrices, match=r"prices\.parquet is not a table"):
        read_panel(file)
    TABLE.drop(columns="date").to_parquet(file)
    with pytest.raises(BadPrices, match=r"prices\.parquet: the table lacks date"):
        read_panel(file)
