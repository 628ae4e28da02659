"""Dated documents of any data set that `datasets` reads, local or on the hub, in batches in seeded order.

A file is read once from its beginning, by `rows`, into an Arrow copy of its ids, dates and texts in the scratch
folder. Work items are batches of that copy, because most formats cannot be read from the middle.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tasks.common.dataset_files import FileFormat
from tasks.common.seeded import seeded_order
from tasks.corpus.config import DatasetSource
from tasks.corpus.errors import DamagedSource
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.dataset.files import DatasetFiles, LocalFiles, names_below
from tasks.corpus.sources.reader import (
    RowGroup,
    SourceFile,
    SourceGroup,
    base_name,
    seeded_row_groups,
)

if TYPE_CHECKING:
    from pyarrow import RecordBatch, RecordBatchFileReader

GROUP = "dataset"


class DatasetReader:
    """One group: all files of the data set.

    Args:
        source: Where it is, and its columns.
        seed: Of the order of files, and of batches in a file.
        scratch_dir: For Arrow copies.
    """

    def __init__(self, source: DatasetSource, seed: int, scratch_dir: Path) -> None:
        self.source, self.seed, self.scratch_dir = source, seed, scratch_dir
        self._opened: tuple[str, RecordBatchFileReader] | None = None

    @cached_property
    def _files(self) -> DatasetFiles:
        # Not opened with the reader: a worker that finds an Arrow copy asks no hub.
        if not self.source.path.startswith("hf://"):
            return LocalFiles(self.source)
        from tasks.corpus.sources.dataset.hub_files import HubFiles

        return HubFiles(self.source)

    @cached_property
    def _names(self) -> dict[str, str]:
        return names_below(self._files.paths())

    def groups(self) -> list[SourceGroup]:
        """One group.

        Raises:
            SourceUnreachable: If files are missing, or the hub does not answer.
            SourceRefused: If the hub denies access, or has no such subset or split.
            SourceChanged: If digest or commit differ from the pinned one.
        """
        self._files.check()
        return [SourceGroup(GROUP, seeded_order(self._names, self._names.__getitem__, self.seed))]

    def row_groups(self, path: str) -> Sequence[RowGroup]:
        """A file's batches in seeded order.

        Raises:
            DamagedSource: If it cannot be read, naming its first bad row.
        """
        copy = self._copy(path)
        n_batches = copy.num_record_batches
        if not n_batches:
            return []
        # All batches but the last are full.
        full, last = (copy.get_batch(number).num_rows for number in (0, n_batches - 1))
        groups = (RowGroup(number, number, last if number == n_batches - 1 else full) for number in range(n_batches))
        return seeded_row_groups(groups, path, self.seed)

    def documents(self, path: str, row_group: RowGroup) -> Iterator[RawDocument]:
        """A batch's documents.

        Raises:
            DamagedSource: If the file had other rows when its rows were counted.
        """
        copy = self._copy(path)
        batch = copy.get_batch(row_group.start) if row_group.start < copy.num_record_batches else None
        if batch is None or batch.num_rows != row_group.n_rows:
            raise DamagedSource(
                f"{path} has fewer rows than when they were counted. "
                "Put the old file back, or remove the work folder and start the run again."
            )
        for document_id, day, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield RawDocument(_decode(document_id), _decode(day), _decode(text))

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The file's current size and digest, as it is stored (packed, if it is packed)."""
        return self._files.identify(path, known)

    def _copy(self, path: str) -> "RecordBatchFileReader":
        """The file's Arrow copy, opened; made if it is not there."""
        import pyarrow as pa

        if self._opened is None or self._opened[0] != path:
            name = f"{base_name(path)[:100]}.{hashlib.sha256(path.encode()).hexdigest()[:12]}.arrow"
            if not (self.scratch_dir / name).exists():
                self._make_copy(path, self.scratch_dir / name)
            # Not mapped into memory: a worker then holds one batch, whatever the size of the file.
            self._opened = (path, pa.ipc.open_file(pa.OSFile(str(self.scratch_dir / name))))
        return self._opened[1]

    def _make_copy(self, path: str, copy: Path) -> None:
        from tasks.corpus.sources.dataset.rows import names_file, write_rows

        self.scratch_dir.mkdir(parents=True, exist_ok=True)
        # Threads of one process may copy the same file at once: each writes its own, and the last one is kept.
        with TemporaryDirectory(dir=self.scratch_dir) as name:
            work = Path(name)
            file, file_format = self._files.fetch(path, work), self._files.format(path)
            with names_file(file, path, file_format.module):
                write_rows(self._batches(file, path, file_format, work), work / copy.name).replace(copy)

    def _batches(self, file: Path, path: str, file_format: FileFormat, cache_dir: Path) -> Iterator["RecordBatch"]:
        name = self._names[path]
        if file_format.module == "json":
            from tasks.corpus.sources.dataset.json_lines import json_batches

            return json_batches(file, path, name, self.source, cache_dir)
        from tasks.corpus.sources.dataset.columns import column_batches

        return column_batches(file, path, name, file_format, self.source, cache_dir)


def _decode(value: bytes) -> str:
    """Text of a copy; what is not UTF-8 becomes halves of surrogate pairs, which are dropped and counted."""
    return value.decode("utf-8", "surrogateescape")
