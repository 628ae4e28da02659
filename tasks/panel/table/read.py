"""A table's columns from a file: CSV with every cell as it is written, other formats with their types."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from tasks.common.dataset_files import TABULAR, file_format, open_stream, tables
from tasks.common.unpack import unpacked
from tasks.panel.errors import BadTable
from tasks.panel.sources.csv_file import read_pinned
from tasks.panel.sources.dialect import Dialect
from tasks.panel.table.config import TableColumns, TableSource


@dataclass(frozen=True)
class RawTable:
    """A table's columns before they are checked.

    Args:
        columns: Those that the settings name.
        what: Its name in messages.
        place_of: Names a row, numbered from 0, in messages.
        decimal: What numbers written as text have before their decimals.
    """

    columns: pa.Table
    what: str
    place_of: Callable[[int], str]
    decimal: str = "."


def read_table(source: TableSource) -> tuple[RawTable, str]:
    """Read the columns that the source names, and the file's sha256.

    Raises:
        BadTable: If the file cannot be read, has another digest, lacks a column, or has no row.
    """
    what = f"table {source.path}"
    content, sha256 = read_pinned(
        source.path, source.sha256, what, BadTable, "give a file's path or URL as panel.source.path"
    )
    wanted = wanted_columns(source)
    found = file_format(PurePosixPath(source.path).name)
    if found is None or found.module not in TABULAR:
        raise BadTable(f"{what} has no extension of a table's format: {', '.join(TABULAR)}; write it as one of them.")
    dialect = Dialect()
    try:
        if found.module == "csv":
            dialect = Dialect.of(content, wanted)
            columns = _csv_columns(content, dialect, wanted, what)
        else:
            columns = _other_columns(content, PurePosixPath(source.path).name, found.module, wanted, what)
    except BadTable:
        raise
    except Exception as error:
        # A damaged file can raise any exception: of pyarrow, of datasets, or an end of what it iterates over.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
        raise BadTable(f"{what} cannot be read as {found.module}: {reason}; repair the file.") from error
    return checked(RawTable(columns, what, lambda row: f"row {row + 1} of {what}", dialect.decimal)), sha256


def raw_table(table: object, columns: TableColumns) -> RawTable:
    """The columns of a table in memory.

    Raises:
        BadTable: If it is no DataFrame, lacks a column, or has no row.
    """
    if not isinstance(table, pd.DataFrame):
        raise BadTable(f"the table is of type {type(table).__name__}; pass a pandas DataFrame.")
    wanted = wanted_columns(columns)
    check_names(list(map(str, table.columns)), wanted, "the table")
    arrays = {name: _arrow_of(table[name]) for name in wanted}
    return checked(RawTable(pa.table(arrays), "the table", "row {} of the table, counted from 0,".format))


def wanted_columns(columns: TableColumns) -> list[str]:
    """Every column that the settings name, once."""
    texts = [name for name in (columns.text, columns.text_undated) if name]
    named = [columns.entity, columns.time, *columns.label_columns, *columns.features, *texts, *columns.of_template]
    return list(dict.fromkeys(named))


def check_names(present: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Raise BadTable if a wanted column is missing, or there twice."""
    if missing := [name for name in wanted if name not in present]:
        raise BadTable(
            f"{what} lacks {', '.join(missing)}; it has {', '.join(present)}. Correct the column names in panel.source."
        )
    if repeated := sorted({name for name in wanted if present.count(name) > 1}):
        raise BadTable(f"{what} has more than one column {', '.join(repeated)}; keep one of each.")


def checked(table: RawTable) -> RawTable:
    """The table, if it has a row."""
    if not len(table.columns):
        raise BadTable(f"{table.what} has no row; give one with a row per entity and day.")
    return table


def _csv_columns(content: bytes, dialect: Dialect, wanted: Sequence[str], what: str) -> pa.Table:
    parse = pacsv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True)
    plain = unpacked(content)
    check_names(pacsv.open_csv(pa.BufferReader(plain), parse_options=parse).schema.names, wanted, what)
    # `NA` may be a ticker and 007 an id: a cell is what is written, and an empty one is missing.
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.string()),
        include_columns=wanted,
        null_values=[""],
        strings_can_be_null=True,
    )
    return pacsv.read_csv(pa.BufferReader(plain), parse_options=parse, convert_options=convert)


def _other_columns(content: bytes, name: str, module: str, wanted: list[str], what: str) -> pa.Table:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(content)
        batches = list(tables(open_stream(file, module, Path(folder), {})))
    if not batches:
        raise BadTable(f"{what} has no row; give one with a row per entity and day.")
    check_names(batches[0].column_names, wanted, what)
    found = pa.concat_tables([batch.select(wanted) for batch in batches], promote_options="permissive")
    found.validate(full=True)  # bytes in a column of text need not be text
    return found


def _arrow_of(column: pd.Series) -> pa.Array:
    try:
        if column.dtype == object:
            # Days and times as text: Arrow would shift times of several zones into the first's.
            column = column.map(lambda cell: cell.isoformat() if hasattr(cell, "isoformat") else cell)
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise BadTable(f"the table holds values of several types in {column.name}: {error}.") from error
