"""A file's rows as `datasets` reads them: ids, dates and texts exactly as written, and the place of a bad row."""

import lzma
import re
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pandas.errors import ParserWarning

from tasks.corpus.config import DatasetSource
from tasks.corpus.errors import DamagedSource

SCHEMA = pa.schema([(name, pa.large_binary()) for name in ("id", "date", "text")])
"""Bytes: a text may hold halves of surrogate pairs (JSON) or bytes that are not UTF-8 (parquet, Arrow)."""

PLACEHOLDER_DAYS = ("0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01", "9999-12-31")
"""The first and last days of databases, spreadsheets and clocks."""

DAMAGE = (ValueError, KeyError, EOFError, ImportError, zlib.error, lzma.LZMAError, pa.ArrowException, ParserWarning)
"""What `datasets` and the libraries below it raise at a file they cannot read."""


def write_rows(batches: Iterable[pa.RecordBatch], target: Path) -> Path:
    """Write batches of SCHEMA to an Arrow file, and return it."""
    packed = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, SCHEMA, options=packed) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return target


def missing_value(where: str, column: str, source: DatasetSource) -> str:
    """What stands for a missing value: the empty string, by which its document is dropped and counted.

    Raises:
        DamagedSource: If it is the id, or the recipe does not have such rows counted.
    """
    if column == source.id:
        raise DamagedSource(
            f"{where} has no {column!r}. Correct it, or set corpus.source.id to null, which makes ids of file and row."
        )
    if source.on_null == "count":
        return ""
    raise DamagedSource(
        f"{where} has no {column!r}. Correct it, or set corpus.source.on_null to count, which drops such rows and "
        "counts them."
    )


def placeholder_date(where: str, day: str, source: DatasetSource) -> str:
    """What stands for a day that means none: the empty string, by which its document is dropped and counted.

    Raises:
        DamagedSource: If the recipe does not have such rows counted.
    """
    if source.on_placeholder_date == "count":
        return ""
    raise DamagedSource(
        f"{where} has {source.date!r} {day}, which is often written for a missing day. Correct it, or set "
        "corpus.source.on_placeholder_date to count, which drops such rows and counts them, or to keep, if it is."
    )


@contextmanager
def names_file(file: Path, path: str, module: str) -> Iterator[None]:
    """Name `path`, and the line if it can be found, in the error of a `file` that cannot be read."""
    try:
        with warnings.catch_warnings():
            # pandas only warns of the first row being longer than a CSV file's header, and cuts it.
            warnings.simplefilter("error", ParserWarning)
            yield
    except MemoryError:
        # pyarrow's MemoryError is an ArrowException as well.
        raise
    except DAMAGE as error:
        raise _damaged(file, path, module, error) from error
    except OSError as error:
        # A file that cannot be unpacked or decoded; errors of the disk have a number.
        if error.errno is not None:
            raise
        raise _damaged(file, path, module, error) from error


def _damaged(file: Path, path: str, module: str, error: Exception) -> DamagedSource:
    why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    line = _bad_line(file, error)
    where = f"{path}, line {line}," if line else path
    return DamagedSource(f"{where} cannot be read as {module}: {why.rstrip('.')}. Correct the file, or leave it out.")


def _bad_line(file: Path, error: Exception) -> int | None:
    """The 1-based line of an error of CSV's parser or of a decoder, if it can be found."""
    if isinstance(error, ParserWarning):
        return _line_of_record(file, 2)
    if isinstance(error, UnicodeDecodeError):
        return next((number for number, line in _lines(file) if not _is_utf8(line)), None)
    # pandas counts records, which may have several lines; "row" counts from 0.
    if found := re.search(r"in line (\d+)|starting at row (\d+)", str(error)):
        return _line_of_record(file, int(found[1]) if found[1] else int(found[2]) + 1)
    return None


def _line_of_record(file: Path, record: int) -> int | None:
    """The line on which a record of a CSV file starts."""
    n_records, in_quotes = 0, False
    for number, line in _lines(file):
        n_records += not in_quotes
        if n_records == record:
            return number
        in_quotes ^= line.count(b'"') % 2 == 1
    return None


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    import fsspec

    with fsspec.open(str(file), "rb", compression="infer") as lines:
        yield from enumerate(lines, 1)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
