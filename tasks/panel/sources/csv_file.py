"""Prices from a CSV file in JPX's columns: read, checked against a digest, parsed, sorted.

Columns are separated by commas, semicolons or tabs; decimals may be commas where columns are not (dialect).
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tasks.common.unpack import unpacked
from tasks.common.urls import read_url
from tasks.panel.errors import PanelError, UnreadablePrices
from tasks.panel.sources.bad_values import check_values, line_of, unreadable_value
from tasks.panel.sources.dialect import Dialect

COLUMNS = {
    "SecuritiesCode": "code",
    "Date": "date",
    "Close": "close",
    "Volume": "volume",
    "AdjustmentFactor": "adjustment",
    "Target": "target",
}
ARROW_TYPES = {"SecuritiesCode": pa.dictionary(pa.int32(), pa.string()), "Date": pa.date32()}
"""Codes are read as text, because `0005` is not the number 5 and the ticker `NA` is not a missing value."""
MAX_DIGITS = 18
"""Of a code that is kept as a number of 64 bits."""


def read_price_file(
    csv: str, sha256: str | None, needed: Sequence[str], optional: Sequence[str]
) -> tuple[pd.DataFrame, str]:
    """Read a table of prices.

    Args:
        csv: Path or URL.
        sha256: Digest the file must have; None for any.
        needed: Columns that the file must have.
        optional: Columns read if the file has them.

    Returns:
        Columns as in COLUMNS, sorted by code and date, and the file's sha256. Codes are numbers if all of them are
        written as plain numbers, else text.

    Raises:
        UnreadablePrices: If the file cannot be read as such a table, or has another digest.
    """
    what = f"price file {csv}"
    content, found = read_pinned(csv, sha256, what, UnreadablePrices, "give the path of a stock_prices.csv")
    if content.startswith(b"PK\x03\x04"):
        raise UnreadablePrices(f"{what} is a zip archive, plain or gzipped CSV is read; unpack it.")
    return parse_prices(content, csv, needed, optional), found


def parse_prices(content: bytes, name: str, needed: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Parse a price file's content, plain or gzipped; `name` is its name in messages, the rest as in `read_price_file`.

    Raises:
        UnreadablePrices: If it is not such a table.
    """
    table = _parse(content, name, needed, optional)
    return checked_prices(table, f"price file {name}", lambda row: f"line {line_of(content, row)} of price file {name}")


def checked_prices(table: pa.Table, what: str, place_of: Callable[[int], str]) -> pd.DataFrame:
    """Check keys and values of a table in JPX's columns; `what` names it in messages, `place_of` one of its rows.

    Returns:
        As `read_price_file`'s.

    Raises:
        UnreadablePrices: If a row lacks its stock or its day, or holds an impossible value.
    """
    _check_keys(table, what)
    _check_spellings(table, place_of)
    check_values(table, place_of)
    return _by_code_and_day(table)


def read_pinned(
    path: str, sha256: str | None, what: str, error_type: type[PanelError], way_out: str
) -> tuple[bytes, str]:
    """A file's content and its sha256.

    Args:
        path: Path or URL.
        sha256: Digest the file must have; None for any.
        what: Its name in messages.
        error_type: What is raised if it cannot be read, or has another digest.
        way_out: What to do where it cannot be read.
    """
    try:
        content = read_url(path)
    except (OSError, ValueError, ImportError) as error:
        raise error_type(f"{what} cannot be read: {error}; {way_out}.") from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise error_type(
            f"{what} has sha256 {found}, the recipe asks for {sha256}; "
            "download the file again or change panel.source.sha256."
        )
    return content, found


def _parse(content: bytes, name: str, needed: Sequence[str], optional: Sequence[str]) -> pa.Table:
    """The wanted columns in the file's row order."""
    try:
        dialect = Dialect.of(content, COLUMNS)
        parse = pacsv.ParseOptions(delimiter=dialect.separator)
        plain = unpacked(content)
        present = pacsv.open_csv(pa.BufferReader(plain), parse_options=parse).schema.names
        check_columns(present, needed, f"price file {name}")
        wanted = [column for column in COLUMNS if column in present and column in (*needed, *optional)]
        types = {column: ARROW_TYPES.get(column, pa.float64()) for column in wanted}
        convert = pacsv.ConvertOptions(column_types=types, include_columns=wanted, decimal_point=dialect.decimal)
        return pacsv.read_csv(pa.BufferReader(plain), parse_options=parse, convert_options=convert)
    except (ValueError, OSError, pa.ArrowException) as error:
        bad = unreadable_value(content, types, dialect) if "conversion error" in str(error) else ""
        reason = bad or f"{str(error).rstrip('.')}; download the file again or repair it"
        raise UnreadablePrices(f"price file {name} is not a table of prices: {reason}.") from error


def check_columns(present: Sequence[str], needed: Sequence[str], what: str) -> None:
    """Raise UnreadablePrices if a table of prices lacks a column or has one twice."""
    if missing := [column for column in needed if column not in present]:
        raise UnreadablePrices(f"{what} lacks {', '.join(missing)}; a panel needs the columns {', '.join(needed)}.")
    if repeated := sorted({column for column in COLUMNS if present.count(column) > 1}):
        raise UnreadablePrices(f"{what} has more than one column {', '.join(repeated)}; keep one of each.")


def _check_keys(table: pa.Table, what: str) -> None:
    codes, dates = table["SecuritiesCode"].cast(pa.string()), table["Date"]
    is_bad = codes.is_null().to_numpy() | (codes.to_numpy() == "") | dates.is_null().to_numpy()
    if n_bad := int(is_bad.sum()):
        raise UnreadablePrices(f"{n_bad} of {len(table)} rows of {what} lack SecuritiesCode or Date; remove them.")


def _check_spellings(table: pa.Table, place_of: Callable[[int], str]) -> None:
    """Raise UnreadablePrices if two codes are the same stock written differently: its history would be cut in two."""
    written = table["SecuritiesCode"].unify_dictionaries().combine_chunks()
    first: dict[str, str] = {}
    for code in written.dictionary.to_pylist():
        other = first.setdefault(canonical(code), code)
        if other != code:
            rows = [pc.index(written.cast(pa.string()), pa.scalar(text)).as_py() for text in (other, code)]
            raise UnreadablePrices(
                f"{place_of(rows[1])} has SecuritiesCode {code!r}, which is written {other!r} in {place_of(rows[0])}; "
                "write each stock in one way."
            )


def canonical(code: str) -> str:
    """Without blanks around it, full-width characters and the `.0` of a number that was once read as a float."""
    plain = unicodedata.normalize("NFKC", code).strip()
    return re.sub(r"^(\d+)\.0+$", r"\1", plain)


def are_plain_numbers(codes: Iterable[str]) -> bool:
    """Whether all codes are whole numbers of at most MAX_DIGITS without leading zeros."""
    return all(
        text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and str(int(text)) == text for text in codes
    )


def _by_code_and_day(table: pa.Table) -> pd.DataFrame:
    named = table.rename_columns([COLUMNS[column] for column in table.column_names]).unify_dictionaries()
    prices: pd.DataFrame = named.to_pandas(date_as_object=False)
    code = prices["code"]
    written = code.cat.categories
    are_numbers = are_plain_numbers(written)
    if are_numbers:
        code = code.cat.rename_categories([int(text) for text in written])
    code = code.cat.reorder_categories(sorted(code.cat.categories))
    order = np.lexsort((prices["date"], code.cat.codes))
    return prices.assign(code=code.astype("int64" if are_numbers else "str")).iloc[order].reset_index(drop=True)
