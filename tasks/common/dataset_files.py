"""Files as `datasets` reads them: the format of a file name, and a file's rows as a stream."""

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

TABULAR = ("json", "csv", "parquet", "arrow")
"""Formats of files with columns."""
ROWS_PER_BATCH = 256


@dataclass(frozen=True)
class FileFormat:
    """How `datasets` reads a file.

    Args:
        module: Its packaged module, such as `csv`.
        options: Options of that module, such as `sep`.
    """

    module: str
    options: Mapping[str, Any] = field(default_factory=dict)


def known_formats() -> set[str]:
    """The packaged modules of `datasets`."""
    from datasets.packaged_modules import _EXTENSION_TO_MODULE

    return {module for module, _ in _EXTENSION_TO_MODULE.values()}


def file_format(name: str, module: str | None = None) -> FileFormat | None:
    """The format of a file name by `datasets`' own table of extensions; None if it has none.

    Args:
        name: Such as `a.jsonl.gz`.
        module: A format that is given, whatever the extension.
    """
    from datasets.packaged_modules import _EXTENSION_TO_MODULE

    for suffix in reversed(Path(name).suffixes):
        if suffix.lower() in _EXTENSION_TO_MODULE:
            found, options = _EXTENSION_TO_MODULE[suffix.lower()]
            if module in (None, found):
                return FileFormat(found, options)
    return FileFormat(module) if module else None


def open_stream(file: Path, module: str, cache_dir: Path, options: Mapping[str, Any]) -> Any:
    """Open a file as `datasets` streams it.

    Args:
        file: On this machine, packed or not.
        module: A packaged module of `datasets`, such as `csv`.
        cache_dir: For its locks.
        options: The module's.

    Returns:
        An IterableDataset.
    """
    import datasets

    # load_dataset would report the load to a server otherwise.
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    files, cache = glob.escape(str(file)), str(cache_dir)
    return datasets.load_dataset(module, data_files=files, split="train", streaming=True, cache_dir=cache, **options)


def tables(stream: Any) -> "Iterator[pa.Table]":
    """The rows of a stream, ROWS_PER_BATCH at a time; the last table may have fewer."""
    yield from stream.with_format("arrow").iter(ROWS_PER_BATCH)
