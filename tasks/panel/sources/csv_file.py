"""Prices from a CSV file in JPX's columns: fetched, checked against its digest, parsed, refused by value and line."""

import hashlib
from collections.abc import Sequence

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from tasks.panel.config import PriceFile
from tasks.panel.errors import UnreadablePrices
from tasks.panel.sources.bad_values import GZIP_MAGIC, refuse_impossible_values, unreadable_value

COLUMNS = {
    "SecuritiesCode": "code",
    "Date": "date",
    "Close": "close",
    "Volume": "volume",
    "AdjustmentFactor": "adjustment",
    "Target": "target",
}
ARROW_TYPES = {"SecuritiesCode": pa.dictionary(pa.int32(), pa.string()), "Date": pa.date32()}
"""Codes are read as text, so that neither `0005` nor the ticker `NA` is taken for something else."""


def read_price_file(source: PriceFile, needed: Sequence[str], welcome: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Read a table of prices.

    Args:
        source: Path or URL, and the digest it must have.
        needed: Columns without which the file is refused.
        welcome: Columns read where the file has them.

    Returns:
        Columns as in COLUMNS, sorted by code and date, and the file's sha256. Codes are numbers if all of them are
        written as plain numbers, else text.

    Raises:
        UnreadablePrices: If the file cannot be read as such a table, or has another digest than asked for.
    """
    content = _fetch(source.csv)
    sha256 = hashlib.sha256(content).hexdigest()
    if source.sha256 not in (None, sha256):
        raise UnreadablePrices(
            f"price file {source.csv} has sha256 {sha256}, the recipe asks for {source.sha256}; "
            "fetch the file again or change panel.source.sha256."
        )
    return parse_prices(content, source.csv, needed, welcome), sha256


def parse_prices(content: bytes, name: str, needed: Sequence[str], welcome: Sequence[str] = ()) -> pd.DataFrame:
    """A price file's table.

    Args:
        content: The file, plain or gzipped.
        name: What messages call it.
        needed: Columns without which it is refused.
        welcome: Columns read where it has them.

    Returns:
        As of `read_price_file`.

    Raises:
        UnreadablePrices: If it is no such table.
    """
    table = _parse(content, name, needed, welcome)
    _refuse_nameless_rows(table, name)
    refuse_impossible_values(table, content, name)
    return _by_code_and_day(table)


def _fetch(csv: str) -> bytes:
    try:
        with fsspec.open(csv, "rb") as file:
            content: bytes = file.read()
    except (OSError, ValueError, ImportError) as error:
        raise UnreadablePrices(
            f"price file {csv} cannot be read: {error}; give the path of a stock_prices.csv."
        ) from error
    if content.startswith(b"PK\x03\x04"):
        raise UnreadablePrices(f"price file {csv} is a zip archive, plain or gzipped CSV is read; unpack it.")
    return content


def _stream(content: bytes) -> pa.NativeFile:
    plain = pa.BufferReader(content)
    return pa.CompressedInputStream(plain, "gzip") if content.startswith(GZIP_MAGIC) else plain


def _parse(content: bytes, name: str, needed: Sequence[str], welcome: Sequence[str]) -> pa.Table:
    """A column per wanted column of the file, in the file's row order."""
    try:
        present = pacsv.open_csv(_stream(content)).schema.names
        _refuse_missing_columns(present, needed, name)
        wanted = [column for column in COLUMNS if column in present and column in (*needed, *welcome)]
        types = {column: ARROW_TYPES.get(column, pa.float64()) for column in wanted}
        convert = pacsv.ConvertOptions(column_types=types, include_columns=wanted)
        return pacsv.read_csv(_stream(content), convert_options=convert)
    except (ValueError, OSError) as error:
        if "conversion error" in str(error) and (where := unreadable_value(content, types)):
            raise UnreadablePrices(f"price file {name} is no table of prices: {where}.") from error
        reason = str(error).rstrip(".")
        raise UnreadablePrices(
            f"price file {name} is no table of prices: {reason}; fetch the file again or repair it."
        ) from error


def _refuse_missing_columns(present: Sequence[str], needed: Sequence[str], name: str) -> None:
    if missing := [column for column in needed if column not in present]:
        raise UnreadablePrices(
            f"price file {name} lacks {', '.join(missing)}; a panel needs the columns {', '.join(needed)}."
        )
    if twice := sorted({column for column in COLUMNS if present.count(column) > 1}):
        raise UnreadablePrices(f"price file {name} has more than one column {', '.join(twice)}; keep one of each.")


def _refuse_nameless_rows(table: pa.Table, name: str) -> None:
    codes, dates = table["SecuritiesCode"].cast(pa.string()), table["Date"]
    nameless = codes.is_null().to_numpy() | (codes.to_numpy() == "") | dates.is_null().to_numpy()
    if n_nameless := int(nameless.sum()):
        raise UnreadablePrices(
            f"{n_nameless} of {len(table)} rows of price file {name} lack SecuritiesCode or Date; remove them."
        )


def _by_code_and_day(table: pa.Table) -> pd.DataFrame:
    codes, own_code = _codes(table["SecuritiesCode"])
    days = table["Date"].cast(pa.int32()).to_numpy()
    order = np.lexsort((days, own_code))
    prices = {"code": codes.take(own_code[order]), "date": days[order].astype("datetime64[D]").astype("datetime64[us]")}
    values = [column for column in table.column_names if column not in ARROW_TYPES]
    return pd.DataFrame(prices | {COLUMNS[column]: table[column].to_numpy()[order] for column in values})


def _codes(column: pa.ChunkedArray) -> tuple[pd.Index, np.ndarray]:
    """The distinct codes in order, and each row's place among them."""
    encoded = column.unify_dictionaries().combine_chunks()
    written = encoded.dictionary.to_pylist()
    are_numbers = all(code.isascii() and code.isdigit() and str(int(code)) == code for code in written)
    codes = pd.Index([int(code) for code in written] if are_numbers else written)
    order = codes.argsort()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return codes.take(order), place[encoded.indices.to_numpy()]
