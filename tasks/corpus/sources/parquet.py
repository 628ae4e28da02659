"""Parquet files with FineWeb's columns, read row group by row group."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.corpus.errors import DamagedSource, SourceUnreachable
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.mirror import Mirror

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.parquet import ParquetFile

COLUMNS = ("id", "dump", "date", "text")
SCORE = "language_score"
BATCH_ROWS = 256
OPEN_FILES = 8
"""Files every worker keeps open with their footers: one of 1,000 row groups takes 9 MB, and 9 ms to read again."""


class ParquetFiles:
    """Reads row groups of a mirror's files, with the language score if `with_scores`."""

    def __init__(self, mirror: Mirror, with_scores: bool) -> None:
        self.mirror = mirror
        self.columns = [*COLUMNS, SCORE] if with_scores else [*COLUMNS]
        self._open: OrderedDict[str, tuple[Any, ParquetFile]] = OrderedDict()

    def rows_by_group(self, path: str) -> list[int]:
        """Number of rows of each of a file's row groups.

        Raises:
            DamagedSource: If the file is not parquet, is cut, lacks a column, or has one of another type.
        """
        with self._names_file(path):
            footer = self._file(path).metadata
            return [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]

    def documents(self, path: str, group: int) -> Iterator[RawDocument]:
        """A row group's documents.

        Raises:
            DamagedSource: If the file is not parquet, is cut, lacks a column, or has one of another type.
        """
        with self._names_file(path):
            file = self._file(path)
            # iter_batches, not a dataset scan: the scan's threads may outlive the interpreter.
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=self.columns, use_threads=False):
                columns = [batch.column(name).to_pylist() for name in self.columns]
                for document_id, dump, day, text, *score in zip(*columns, strict=True):
                    yield RawDocument(document_id or "", day or "", text or "", dump or "", *score)

    def _file(self, path: str) -> "ParquetFile":
        from pyarrow.parquet import ParquetFile

        if path not in self._open:
            stream = self.mirror.open(path)
            self._open[path] = (stream, ParquetFile(stream))
            if len(self._open) > OPEN_FILES:
                self._close_oldest()
        self._open.move_to_end(path)
        file = self._open[path][1]
        if missing := [column for column in self.columns if column not in file.schema_arrow.names]:
            raise DamagedSource(
                f"{path} lacks columns {', '.join(missing)}; FineWeb's {', '.join(self.columns)} are needed. "
                "Write them into the file, or leave its dump out."
            )
        _check_types(path, file.schema_arrow, self.columns)
        return file

    def _close_oldest(self) -> None:
        _, (stream, file) = self._open.popitem(last=False)
        file.close()
        stream.close()

    @contextmanager
    def _names_file(self, path: str) -> Iterator[None]:
        """Name the file in the error if pyarrow finds it damaged."""
        import pyarrow as pa

        try:
            yield
        except MemoryError:
            # Out of memory is not a fault of the file, but pyarrow's MemoryError is an ArrowException as well.
            raise
        except (pa.ArrowException, EOFError) as error:
            raise _damaged(path, error) from error
        except OSError as error:
            # pyarrow raises a plain OSError without a number for a page that cannot be decoded.
            if type(error) is OSError and error.errno is None:
                raise _damaged(path, error) from error
            raise SourceUnreachable(
                f"{path} cannot be read: {error}. Check its disk, or name a mirror in corpus.source."
            ) from error


def _check_types(path: str, schema: "Schema", columns: Sequence[str]) -> None:
    from pyarrow import types

    for column in columns:
        found = schema.field(schema.names.index(column)).type
        values = found.value_type if types.is_dictionary(found) else found
        if column == SCORE:
            fits, wanted = types.is_floating(found), "floating-point numbers"
        else:
            fits, wanted = types.is_string(values) or types.is_large_string(values), "strings"
        if not fits:
            raise DamagedSource(
                f"{path} has column {column!r} of type {found}, {wanted} are needed as in FineWeb. "
                "Write the file with that type, or leave its dump out."
            )


def _damaged(path: str, error: Exception) -> DamagedSource:
    return DamagedSource(
        f"{path} cannot be read as parquet: {str(error).splitlines()[0][:200]} "
        "Fetch the file again, or leave its dump out."
    )
