"""The protocol of a source: groups of files, the row groups of a file, the documents of a row group."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tasks.common.seeded import seeded_order
from tasks.corpus.filters.clip import RawDocument
from tasks.store.digests import sha256_of_file


@dataclass(frozen=True)
class SourceFile:
    """A file as it was when it was read.

    Args:
        path: Below the source's root.
        size: Bytes.
        digest_kind: `sha256` computed here, `lfs-sha256` as the hub states it, `etag` as the bucket does.
        digest: Its value.
        modified: Modification time in nanoseconds for a local file, so that a resume need not hash it again. Else 0.
    """

    path: str
    size: int
    digest_kind: Literal["sha256", "lfs-sha256", "etag"]
    digest: str
    modified: int = 0

    def same_content(self, other: "SourceFile") -> bool:
        """Whether both have the same bytes."""
        return (self.size, self.digest_kind, self.digest) == (other.size, other.digest_kind, other.digest)


@dataclass(frozen=True)
class SourceGroup:
    """Files that share one quota.

    Args:
        name: Such as `2017-26`.
        files: As the reader names them, in the order in which they are drawn.
        weight: Its part of the budget, relative to the other groups'.
    """

    name: str
    files: Sequence[str]
    weight: float = 1.0


@dataclass(frozen=True)
class RowGroup:
    """Documents of a file that are read at once: a parquet row group, or a batch of lines or addresses.

    Args:
        ordinal: Its index in the file.
        start: Row group, byte offset, or index of the first document, as its reader needs it.
        n_rows: Documents in it.
    """

    ordinal: int
    start: int
    n_rows: int


class Reader(Protocol):
    """An opened source. Every process has its own."""

    def groups(self) -> list[SourceGroup]:
        """All groups; ties between them are drawn in this order."""
        ...

    def row_groups(self, path: str) -> Sequence[RowGroup]:
        """A file's row groups in the order in which they are drawn."""
        ...

    def documents(self, path: str, row_group: RowGroup) -> Iterator[RawDocument]:
        """A row group's documents, unchecked."""
        ...

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The file's current size and digest.

        Args:
            path: The file.
            known: Its earlier state; the digest is reused if size and modification time are the same.
        """
        ...


def identify_local(file: Path, name: str, known: SourceFile | None = None) -> SourceFile:
    """Size and sha256 of a local file, under the name the ledger uses; `known` as in `Reader.identify`."""
    now = file.stat()
    if known and (known.size, known.modified) == (now.st_size, now.st_mtime_ns):
        return known
    return SourceFile(name, now.st_size, "sha256", sha256_of_file(file), now.st_mtime_ns)


def seeded_row_groups(row_groups: Iterable[RowGroup], path: str, seed: int) -> list[RowGroup]:
    """A file's row groups in seeded order, whatever folder the file is in."""
    return seeded_order(row_groups, lambda row_group: f"{base_name(path)}:{row_group.ordinal}", seed)


def base_name(path: str) -> str:
    """The last part of a path or address."""
    return path.rsplit("/", 1)[-1]
