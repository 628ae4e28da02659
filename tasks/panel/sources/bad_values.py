"""Which line of a price file holds a bad value. Reads the file again, which is slow, and only after an error."""

import io
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.common.unpack import unpacked
from tasks.panel.errors import UnreadablePrices
from tasks.panel.sources.dialect import Dialect

BOUNDS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "Close": ("finite and not negative", lambda value: np.isinf(value) | (value < 0)),
    "Volume": ("finite and not negative", lambda value: np.isinf(value) | (value < 0)),
    "AdjustmentFactor": ("finite and positive", lambda value: np.isinf(value) | (value <= 0)),
    "Target": ("finite", np.isinf),
}
"""What a column's values must be, and a test for values that are not. Missing values are left to the contracts."""


def check_values(table: pa.Table, place_of: Callable[[int], str]) -> None:
    """Check that all numbers of a table are possible market data.

    Raises:
        UnreadablePrices: If a value is out of its column's bounds. Names the first by its place, such as its line.
    """
    for column in (column for column in BOUNDS if column in table.column_names):
        must_be, is_bad = BOUNDS[column]
        values = table[column].to_numpy()
        rows = np.flatnonzero(is_bad(values))
        if len(rows):
            raise UnreadablePrices(
                f"{place_of(int(rows[0]))} has {column} {values[rows[0]]:g}, which must be {must_be}, as in "
                f"{len(rows)} rows in all; correct or remove them."
            )


def unreadable_value(content: bytes, types: Mapping[str, pa.DataType], dialect: Dialect) -> str:
    """The first value of a file that its column's Arrow type cannot hold, and its line; empty if none is found."""
    try:
        table = pd.read_csv(io.BytesIO(unpacked(content)), dtype=str, usecols=list(types), sep=dialect.separator)
    except ValueError:
        return ""  # pandas reads another table in the file than Arrow, or none
    bad = {
        column: _unreadable(table[column], kind, dialect)
        for column, kind in types.items()
        if pa.types.is_primitive(kind)
    }
    firsts = {column: int(rows[0]) for column, rows in bad.items() if len(rows)}
    if not firsts:
        return ""
    column = min(firsts, key=lambda name: firsts[name])
    value, line = table[column].iloc[firsts[column]], line_of(content, firsts[column])
    what = "day such as 2021-01-04" if pa.types.is_date(types[column]) else "number"
    return f"line {line} has {column} {value!r}, which is not a {what}; correct or remove it"


def line_of(content: bytes, row: int) -> int:
    """Line number, from 1 and with blank lines counted, of a row numbered from 0 below the header."""
    lines = io.BytesIO(unpacked(content))
    filled = (number for number, line in enumerate(lines, start=1) if line.strip())
    return next((number for position, number in enumerate(filled) if position == row + 1), 0)


def _unreadable(values: pd.Series, kind: pa.DataType, dialect: Dialect) -> np.ndarray:
    """Positions of values that cannot be parsed."""
    if pa.types.is_date(kind):
        parsed = pd.to_datetime(values, format="%Y-%m-%d", errors="coerce")
    else:
        parsed = pd.to_numeric(values.str.replace(dialect.decimal, ".", regex=False), errors="coerce")
    return np.flatnonzero(parsed.isna() & values.notna())
