"""A table's columns as texts, numbers and days. Missing values stay missing; every other bad value names its row."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.panel.errors import BadTable
from tasks.panel.table.read import RawTable

TIME = (
    r"^\s*(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<hours>\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(?P<zone>Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?\s*$"
)
NO_ZONE = "no zone"


@dataclass(frozen=True)
class Days:
    """A column's days.

    Args:
        days: (n_rows,) datetime64[us], the day in the column's own time zone; NaT where it is missing.
        zone: That zone; None if the column names none.
        n_with_hours: Values that had a time of day.
    """

    days: pd.Series
    zone: str | None
    n_with_hours: int


def texts(table: RawTable, name: str) -> pd.Series:
    """(n_rows,) a column as it is written, None where it is missing or blank.

    Raises:
        BadTable: If it holds lists or other values that are no text.
    """
    try:
        written = _plain(table, name).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadTable(f"{table.what} holds {_type(table, name)} in {name}, text is needed: {error}.") from error
    found = pd.Series(written.to_pylist(), dtype=object)
    return found.where(found.notna() & (found.str.strip() != ""), None)


def numbers(table: RawTable, name: str) -> NDArray[np.float64]:
    """(n_rows,) float64, NaN where it is missing.

    Raises:
        BadTable: If a value is not a number, or infinite.
    """
    column = _plain(table, name)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = _parsed(table, name, column)
    elif not _holds_numbers(column.type):
        raise BadTable(f"{table.what} holds {column.type} in {name}, numbers are needed; convert the column.")
    # Through uint8: Arrow casts no bool to float. Of a large whole number the nearest float is meant.
    plain = column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column
    found: NDArray[np.float64] = plain.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if len(rows := np.flatnonzero(np.isinf(found))):
        raise BadTable(
            f"{table.place_of(int(rows[0]))} has {name} {found[rows[0]]}, as {len(rows)} rows have one that is "
            "infinite; correct or remove them."
        )
    return found


def days(table: RawTable, name: str) -> Days:
    """The days of a column of days or times.

    Raises:
        BadTable: If a value is neither, or times are of several zones.
    """
    column = _plain(table, name)
    if pa.types.is_date(column.type):
        return Days(_series(column.cast(pa.timestamp("us"))), None, 0)
    if pa.types.is_timestamp(column.type):
        # A time with a zone is stored as UTC, and its day counts where it was taken.
        local = pc.local_timestamp(column) if column.type.tz else column
        times = _series(local.cast(pa.timestamp("us"), safe=False))
        found = times.dt.normalize()
        return Days(found, column.type.tz, int((times != found)[times.notna()].sum()))
    if pa.types.is_null(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _written_days(table, name, pd.Series(column.to_pylist(), dtype=object))
    raise BadTable(
        f"{table.what} holds {column.type} in {name}, days are needed: write them such as 2021-01-04, or as times."
    )


def common_zone(table: RawTable, by_column: dict[str, Days]) -> str | None:
    """The one time zone of all columns of days; None if none of them names one.

    Raises:
        BadTable: If there are two.
    """
    zones = {own.zone: name for name, own in by_column.items() if own.zone}
    if len(zones) > 1:
        (one, first), (other, second) = list(zones.items())[:2]
        raise BadTable(
            f"{table.what} has times of zone {one} in {first} and of zone {other} in {second}; write days, or times of "
            "one zone."
        )
    return next(iter(zones), None)


def _written_days(table: RawTable, name: str, written: pd.Series) -> Days:
    found = written.where(written.notna(), None).astype("str").str.extract(TIME)
    parsed = pd.to_datetime(found["day"], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    is_missing = written.isna() | (written.astype("str").str.strip() == "")
    if len(rows := np.flatnonzero(parsed.isna() & ~is_missing)):
        raise BadTable(
            f"{table.place_of(int(rows[0]))} has {name} {written.iloc[rows[0]]!r}, as {len(rows)} rows have one that "
            "is neither a day such as 2021-01-04 nor an ISO time; correct or remove them."
        )
    zones = found["zone"].map(_zone, na_action="ignore").where(found["zone"].notna(), NO_ZONE)[~is_missing]
    if len(several := zones.drop_duplicates()) > 1:
        first, other = several.index[:2]
        raise BadTable(
            f"{table.place_of(int(first))} has {name} in {zones[first]}, {table.place_of(int(other))} in "
            f"{zones[other]}: {int((zones != zones[first]).sum())} of {len(zones)} times are not of the "
            "first's zone. Write days, or times of one zone."
        )
    has_hours = found["hours"].fillna("").str.contains("[1-9]")
    return Days(parsed, next((zone for zone in several if zone != NO_ZONE), None), int(has_hours.sum()))


def _zone(written: str) -> str:
    digits = written.lstrip("+-").replace(":", "")
    if written in ("Z", "UTC") or not digits.strip("0"):
        return "UTC"
    return f"{written[0]}{digits[:2]}:{digits[2:] or '00'}"


def _parsed(table: RawTable, name: str, column: pa.Array) -> pa.Array:
    """A column of numbers written as text."""
    written = pc.utf8_trim_whitespace(column)
    if table.decimal != ".":
        written = pc.replace_substring(written, table.decimal, ".")
    written = pc.if_else(pc.equal(written, ""), None, written)
    try:
        return written.cast(pa.float64())
    except pa.ArrowInvalid:
        bad = [row for row, cell in enumerate(written.to_pylist()) if cell is not None and not _is_number(cell)]
        first = column[bad[0]].as_py()
        raise BadTable(
            f"{table.place_of(bad[0])} has {name} {first!r}, as {len(bad)} rows have one that is not a number; correct "
            "or remove them."
        ) from None


def _is_number(cell: str) -> bool:
    try:
        pa.scalar(cell).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _holds_numbers(kind: pa.DataType) -> bool:
    fits = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_null)
    return any(each(kind) for each in fits)


def _plain(table: RawTable, name: str) -> pa.Array:
    column = table.columns[name].combine_chunks()
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _type(table: RawTable, name: str) -> pa.DataType:
    return table.columns[name].type


def _series(times: pa.Array) -> pd.Series:
    found: pd.Series = pd.Series(times.to_numpy(zero_copy_only=False)).astype("datetime64[us]")
    return found
