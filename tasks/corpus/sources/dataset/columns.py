"""Files with columns: CSV, parquet, Arrow, and any other format of `datasets` that has them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.dataset import ParquetFragmentScanOptions

from tasks.common.dataset_files import ROWS_PER_BATCH, FileFormat, open_stream, tables
from tasks.corpus.config import DatasetSource
from tasks.corpus.errors import DamagedSource
from tasks.corpus.sources.dataset.rows import (
    PLACEHOLDER_DAYS,
    SCHEMA,
    missing_value,
    placeholder_date,
)

OPTIONS: dict[str, dict[str, Any]] = {
    # An empty cell is an empty text, and `NA` a text. Without index_col, a row longer than the header is shifted.
    "csv": {"chunksize": 1_000, "keep_default_na": False, "index_col": False},
    # By default a batch is a row group, and all that was read of the file stays in memory until its end.
    "parquet": {"batch_size": ROWS_PER_BATCH, "fragment_scan_options": ParquetFragmentScanOptions(pre_buffer=False)},
}


def column_batches(
    file: Path, path: str, name: str, file_format: FileFormat, source: DatasetSource, cache_dir: Path
) -> Iterator[pa.RecordBatch]:
    """Read a file's rows.

    Args:
        file: On this machine, packed or not.
        path: What errors call it.
        name: What ids made of file and row call it.
        file_format: Its format.
        source: The names of its columns.
        cache_dir: For `datasets`.

    Yields:
        Batches of SCHEMA, ROWS_PER_BATCH rows each but the last.

    Raises:
        DamagedSource: If a column is missing or of a type that is neither text nor, for the date, a day or time.
    """
    module, options = file_format.module, {**file_format.options, **OPTIONS.get(file_format.module, {})}
    columns = list(dict.fromkeys(column for column in (source.id, source.date, source.text) if column))
    found = _column_names(open_stream(file, module, cache_dir, options))
    if not found:
        return
    if missing := [column for column in columns if column not in found]:
        raise DamagedSource(
            f"{path} has no column {', '.join(map(repr, missing))}; it has {', '.join(found)}. "
            "Name the columns of id, date and text in corpus.source."
        )
    stream = open_stream(file, module, cache_dir, options | _only(columns, module)).select_columns(columns)
    first_row = 1
    for table in tables(stream):
        yield _Rows(table, path, name, first_row, source).checked()
        first_row += table.num_rows


def _column_names(stream: Any) -> list[str]:
    """All columns; those of CSV are known once a row is read, and empty if there is none."""
    names: list[str] | None = stream.column_names
    return names if names is not None else next((table.column_names for table in tables(stream)), [])


def _only(columns: list[str], module: str) -> dict[str, Any]:
    """Options by which nothing but the columns is read, and CSV's cells as they are written: 007 stays as it is."""
    from datasets import Features, Value

    if module == "parquet":
        return {"columns": columns}
    return {"features": Features({column: Value("string") for column in columns})} if module == "csv" else {}


class _Rows:
    """Rows of a file.

    Args:
        table: The columns.
        path: What errors call the file.
        name: What ids made of file and row call it.
        first_row: Number of the first row in the file, from 1.
        source: The names of the columns.
    """

    def __init__(self, table: pa.Table, path: str, name: str, first_row: int, source: DatasetSource) -> None:
        self._table, self._path, self._name, self._first, self._source = table, path, name, first_row, source

    def checked(self) -> pa.RecordBatch:
        """The rows as a batch of SCHEMA."""
        ids, dates, texts = self._ids(), self._dates(), self._texts(self._source.text)
        return pa.record_batch([values.cast(pa.large_binary()) for values in (ids, dates, texts)], schema=SCHEMA)

    def _ids(self) -> pa.Array:
        column = self._source.id
        if column is None:
            rows = range(self._first, self._first + self._table.num_rows)
            return pa.array([f"{self._name}:{row}" for row in rows], pa.large_string())
        values = self._column(column)
        return self._texts(column) if not pa.types.is_integer(values.type) else self._strings(column, values)

    def _dates(self) -> pa.Array:
        """Days as text; of a time with a zone, the day in that zone."""
        values = self._column(self._source.date)
        if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
            return self._without_placeholders(self._strings(self._source.date, values.cast(pa.date32())))
        return self._without_placeholders(self._texts(self._source.date, " or days"))

    def _without_placeholders(self, days: pa.Array) -> pa.Array:
        if self._source.on_placeholder_date == "keep":
            return days
        written = pc.utf8_slice_codeunits(days, 0, 10)
        found = pc.is_in(written, value_set=pa.array(PLACEHOLDER_DAYS, written.type))
        row = pc.index(found, True).as_py()
        if row < 0:
            return days
        where = f"{self._path}, row {self._first + row},"
        return pc.if_else(found, placeholder_date(where, written[row].as_py(), self._source), days)

    def _texts(self, column: str, others: str = "") -> pa.Array:
        values = self._column(column)
        found = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        is_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
        if not any(fits(found) for fits in is_text):
            raise DamagedSource(
                f"{self._path} has column {column!r} of type {values.type}; strings{others} are needed. "
                "Write the file with that type, or name another column."
            )
        return self._strings(column, values)

    def _strings(self, column: str, values: pa.Array) -> pa.Array:
        strings = values.cast(pa.large_string())
        if not strings.null_count:
            return strings
        row = self._first + pc.index(pc.is_null(strings), True).as_py()
        return strings.fill_null(missing_value(f"{self._path}, row {row},", column, self._source))

    def _column(self, column: str) -> pa.Array:
        return self._table.column(column).combine_chunks()
