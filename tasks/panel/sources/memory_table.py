"""Prices from a pandas table in JPX's columns, checked as a file of them is."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from tasks.panel.errors import UnreadablePrices
from tasks.panel.sources.csv_file import COLUMNS, check_columns, checked_prices

ARROW_TYPES = {"SecuritiesCode": pa.string(), "Date": pa.date32()}


def parse_table(table: pd.DataFrame, needed: Sequence[str], optional: Sequence[str]) -> pd.DataFrame:
    """Check a table of prices and sort it by code and date.

    Args:
        table: One row per stock and day.
        needed: Columns that it must have.
        optional: Columns read if it has them; no other is.

    Returns:
        As `read_price_file`'s.

    Raises:
        UnreadablePrices: If it is not such a table.
    """
    if not isinstance(table, pd.DataFrame):
        raise UnreadablePrices(f"prices are of type {type(table).__name__}; pass a pandas DataFrame.")
    check_columns(list(table.columns), needed, "the table of prices")
    wanted = [name for name in COLUMNS if name in table and name in (*needed, *optional)]
    columns = {name: _arrow_of(table[name]) for name in wanted}
    columns["SecuritiesCode"] = columns["SecuritiesCode"].dictionary_encode()
    return checked_prices(pa.table(columns), "the table of prices", "row {} of the prices, counted from 0,".format)


def _arrow_of(column: pd.Series) -> pa.Array:
    name = str(column.name)
    kind = ARROW_TYPES.get(name, pa.float64())
    try:
        if pa.types.is_string(kind):
            return pa.array(column.astype("str").where(column.notna(), None), kind)
        found = pa.array(column, from_pandas=True)
        converted = found.cast(kind)
        # A cast to days drops the time without a word, after a shift to UTC.
        if pa.types.is_timestamp(found.type) and (found.type.tz or not converted.cast(found.type).equals(found)):
            raise pa.ArrowInvalid("it has a time of day or a time zone")
        return converted
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        what = "days without a time" if pa.types.is_date(kind) else "numbers"
        raise UnreadablePrices(f"prices hold {column.dtype} in {name}, {what} are needed: {error}.") from error
