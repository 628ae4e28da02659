"""Lines of JSON, one document each.

They are read as lines of `datasets`' text module. Its json module takes strings for timestamps if all of a block look
like one, moves their days into UTC, and does not name the line it cannot read (decision 0024).
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.common.dataset_files import ROWS_PER_BATCH, open_stream, tables
from tasks.common.json_text import read_json
from tasks.corpus.config import DatasetSource
from tasks.corpus.errors import DamagedSource
from tasks.corpus.sources.dataset.rows import (
    PLACEHOLDER_DAYS,
    SCHEMA,
    missing_value,
    placeholder_date,
)

Row = tuple[bytes, bytes, bytes]


def json_batches(file: Path, path: str, name: str, source: DatasetSource, cache_dir: Path) -> Iterator[pa.RecordBatch]:
    """Read a file's lines; empty ones are left out.

    Args:
        file: On this machine, packed or not.
        path: What errors call it.
        name: What ids made of file and line call it.
        source: The names of the fields.
        cache_dir: For `datasets`.

    Yields:
        Batches of SCHEMA, ROWS_PER_BATCH rows each but the last.

    Raises:
        DamagedSource: If a line is not a JSON object, or a field of it is not a string.
    """
    rows = (
        _row(line, f"{path}, line {number},", f"{name}:{number}", source)
        for number, line in enumerate(_lines(file, cache_dir), 1)
        if line.strip()
    )
    while batch := list(islice(rows, ROWS_PER_BATCH)):
        yield pa.record_batch(list(map(list, zip(*batch, strict=True))), schema=SCHEMA)


def _lines(file: Path, cache_dir: Path) -> Iterator[bytes]:
    # A character per byte: a line that is not UTF-8 is then refused where its number is known.
    for table in tables(open_stream(file, "text", cache_dir, {"encoding": "latin-1"})):
        for line in table.column("text").to_pylist():
            yield line.encode("latin-1")


def _row(line: bytes, where: str, made_id: str, source: DatasetSource) -> Row:
    try:
        fields: Any = read_json(line)
    except ValueError as error:
        raise DamagedSource(
            f"{where} is not JSON: {error}. A document per line is needed; correct the line, or leave it out."
        ) from error
    if not isinstance(fields, dict):
        raise DamagedSource(f"{where} is not a JSON object. A document per line is needed; correct or remove it.")
    document_id = made_id if source.id is None else _string(fields, source.id, where, source)
    day, text = (_string(fields, column, where, source) for column in (source.date, source.text))
    if day[:10] in PLACEHOLDER_DAYS and source.on_placeholder_date != "keep":
        day = placeholder_date(where, day[:10], source)
    # JSON may hold halves of surrogate pairs; such documents are dropped and counted later.
    first, second, third = (value.encode("utf-8", "surrogatepass") for value in (document_id, day, text))
    return first, second, third


def _string(fields: dict[str, Any], column: str, where: str, source: DatasetSource) -> str:
    match fields.get(column):
        case str(found):
            return found
        case None:
            return missing_value(where, column, source)
        case int(found) if column == source.id and not isinstance(found, bool):
            return str(found)
    raise DamagedSource(f"{where} has no {column!r} that is a string. Correct the line, or leave it out.")
