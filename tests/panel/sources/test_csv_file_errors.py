"""A price file that cannot be read, or holds what no market records, is refused by value and line."""

import numpy as np
import pytest

from tasks.panel.build import write_panel
from tasks.panel.config import JpxSource, PanelConfig
from tasks.panel.errors import AmbiguousPrices, EmptySplit, TooFewStocks, UnreadablePrices
from tasks.panel.sources.csv_file import parse_prices


@pytest.fixture
def read_text():
    """Parse a price file's text."""

    def read(text):
        return parse_prices(text.encode(), "prices.csv", ("SecuritiesCode", "Date", "Close"))

    return read


FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in "1301")
CONTRACTS = ("reference", "point_in_time")


def test_missing_columns_are_named(jpx_prices, write):
    with pytest.raises(UnreadablePrices, match="lacks Volume, Target; a panel needs the columns SecuritiesCode, Date"):
        write(jpx_prices.drop(columns=["Volume", "Target"]))


def test_splits_are_asked_for_only_where_returns_are_adjusted(jpx_prices, write):
    with pytest.raises(UnreadablePrices, match="lacks AdjustmentFactor; a panel needs the columns"):
        write(jpx_prices.drop(columns="AdjustmentFactor"))
    with pytest.raises(EmptySplit):
        write(jpx_prices.drop(columns="AdjustmentFactor"), contract="reference", test_from="2022-01-01")


@pytest.mark.parametrize("column", ["Date", "SecuritiesCode"])
def test_a_row_without_a_day_or_a_code_is_refused(jpx_prices, write, column):
    prices = jpx_prices.astype({"SecuritiesCode": str})
    prices.loc[5, column] = None
    with pytest.raises(UnreadablePrices, match=r"1 of 120 rows .* lack SecuritiesCode or Date"):
        write(prices)


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("Close", "n/a!", "which is not a number"),
        ("Volume", "1,000", "which is not a number"),
        ("Target", "up", "which is not a number"),
        ("Date", "2020-02-30", "which is not a day such as 2021-01-04"),
        ("Date", "04.01.2021", "which is not a day such as 2021-01-04"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_its_line(jpx_prices, write, column, value, what):
    prices = jpx_prices.astype({column: object})
    prices.loc[7, column] = value
    prices.loc[9, column] = "later"
    with pytest.raises(UnreadablePrices, match=f"line 9 has {column} '{value}', {what}; correct or remove it"):
        write(prices)


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(
    ("column", "value", "bound"),
    [
        ("Close", np.inf, "finite and not negative"),
        ("Close", -0.5, "finite and not negative"),
        ("Volume", -1, "finite and not negative"),
        ("Target", -np.inf, "finite"),
        ("AdjustmentFactor", 0.0, "finite and positive"),
    ],
)
def test_a_number_no_market_records_is_named_with_its_line(jpx_prices, write, column, value, bound, contract):
    prices = jpx_prices.astype({column: float})
    prices.loc[[7, 9], column] = value
    with pytest.raises(UnreadablePrices, match=rf"line 9 of .* has {column} {value:g}, which must be {bound}, as in 2"):
        write(prices, contract=contract)


def test_blank_lines_count_as_lines(jpx_prices, write):
    header, *rows = jpx_prices.astype({"Close": object}).to_csv(index=False).splitlines()
    rows[0] = rows[0].replace(str(jpx_prices.at[0, "Close"]), "inf")
    with pytest.raises(UnreadablePrices, match=r"line 4 of .* has Close inf"):
        write("\n".join([header, "", "", *rows, ""]).encode())


@pytest.mark.parametrize("contract", CONTRACTS)
def test_two_prices_for_a_day_are_refused(jpx_prices, write, contract):
    jpx_prices.loc[1, "Date"] = jpx_prices.loc[0, "Date"]
    with pytest.raises(AmbiguousPrices, match=r"stock 1301 has more than one row for 2020-11-09, and 1 rows in all"):
        write(jpx_prices, contract=contract)


def test_another_file_under_a_pinned_digest_is_refused(jpx_prices, write):
    with pytest.raises(UnreadablePrices, match=f"the recipe asks for {'0' * 64}"):
        write(jpx_prices, source={"sha256": "0" * 64})


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(UnreadablePrices, match=r"absent\.csv cannot be read: .*give the path of a stock_prices\.csv"):
        write_panel(PanelConfig(source=JpxSource(csv=str(tmp_path / "absent.csv"))), tmp_path)


@pytest.mark.parametrize("n_bytes", [4, 100, 2_000])
def test_a_cut_gzip_file_is_refused(jpx_prices, write, tmp_path, n_bytes):
    file = tmp_path / "cut.csv.gz"
    jpx_prices.to_csv(file, index=False)
    with pytest.raises(UnreadablePrices, match=r"not a table of prices: .*; download the file again or repair it"):
        write(file.read_bytes()[:-n_bytes])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a table of prices: Empty CSV file; download"),
        (b"\n\n", "not a table of prices: "),
        (b"<!DOCTYPE html>\n<p>Sign in, please</p>\n", "not a table of prices: |lacks SecuritiesCode"),
        (b"PAR1\x15\x04\x15\xd0\xff\x00", "not a table of prices: |lacks SecuritiesCode"),
        (b"PK\x03\x04rest", "is a zip archive, plain or gzipped CSV is read; unpack it"),
        (b"SecuritiesCode,Date,Close,Close\n", "lacks Volume"),
    ],
    ids=["empty", "blank", "html", "parquet", "zip", "header"],
)
def test_a_file_that_is_no_table_is_refused(write, content, why):
    with pytest.raises(UnreadablePrices, match=why):
        write(content)


def test_a_file_cut_within_a_row_is_refused(jpx_prices, write):
    content = jpx_prices.to_csv(index=False).rsplit(",", 2)[0]
    with pytest.raises(UnreadablePrices, match=r"not a table of prices: .*Expected 6 columns, got 4"):
        write(content.encode())


def test_a_header_without_rows_makes_no_panel(jpx_prices, write):
    with pytest.raises(TooFewStocks, match="0 stock"):
        write(jpx_prices[:0])


def test_a_column_given_twice_is_refused(write):
    with pytest.raises(UnreadablePrices, match="more than one column Close; keep one of each"):
        write(b"SecuritiesCode,Date,Close,Close,Volume,AdjustmentFactor,Target\n")


@pytest.mark.parametrize("twin", ["1301.0", "1301 ", " 1301", FULL_WIDTH, "1301.00"])
def test_a_stock_written_in_two_ways_is_refused_with_both_lines(write, twin):
    rows = [f"{code},2021-01-{day:02d},10,5,1,0.1" for day in (4, 5, 6) for code in ("1301", "1305")]
    rows[4] = rows[4].replace("1301", twin, 1)
    header = "SecuritiesCode,Date,Close,Volume,AdjustmentFactor,Target"
    with pytest.raises(UnreadablePrices) as refused:
        write("\n".join([header, *rows, ""]).encode())
    assert "line 6 of price file" in str(refused.value)
    assert f"has SecuritiesCode {twin!r}, which is written '1301' in line 2 of" in str(refused.value)


def test_codes_that_differ_in_a_leading_zero_or_a_letter_are_two_stocks(read_text):
    prices = read_text(
        "SecuritiesCode,Date,Close\n0005,2021-01-04,1\n5,2021-01-04,2\nNA,2021-01-04,3\n1301A,2021-01-04,4\n"
    )
    assert sorted(prices["code"]) == ["0005", "1301A", "5", "NA"]


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", ","), (";", "."), ("\t", "."), ("\t", ","), (",", ".")], ids=str
)
def test_a_dialect_is_read_as_the_same_table(read_text, separator, decimal):
    rows = [["SecuritiesCode", "Date", "Close"], ["1301", "2021-01-04", f"10{decimal}5"], ["1305", "2021-01-04", "7"]]
    prices = read_text("\n".join(separator.join(row) for row in rows) + "\n")
    assert prices["close"].tolist() == [10.5, 7.0]
    assert prices["code"].tolist() == [1301, 1305]


def test_a_bad_number_of_another_dialect_is_named_with_its_line(read_text):
    with pytest.raises(UnreadablePrices, match=r"line 3 has Close '1\.000,5', which is not a number"):
        read_text("SecuritiesCode;Date;Close\n1301;2021-01-04;10,5\n1305;2021-01-04;1.000,5\n")
