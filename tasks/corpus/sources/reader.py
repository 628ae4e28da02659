"""What every source can do: name its strata and their files, say where units lie, read one, and identify a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tasks.corpus.config import CorpusConfig
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.source_config import FineWebSource, JsonlSource
from tasks.corpus.workers.work_items import Place, Unit

DigestKind = Literal["sha256", "lfs-sha256", "etag"]


@dataclass(frozen=True)
class SourceFile:
    """A file as it was when it was read.

    Args:
        path: Below the source's root.
        size: Bytes.
        digest_kind: `sha256` computed here, `lfs-sha256` as the hub states it, `etag` as the bucket does.
        digest: Its value.
        modified: Nanoseconds, of a file on this machine: spares hashing it again on a resume. Else 0.
    """

    path: str
    size: int
    digest_kind: DigestKind
    digest: str
    modified: int = 0

    def same_content(self, other: "SourceFile") -> bool:
        """Whether both are of the same bytes."""
        return (self.size, self.digest_kind, self.digest) == (other.size, other.digest_kind, other.digest)


@dataclass(frozen=True)
class Share:
    """A stratum before its units are known.

    Args:
        name: Such as `2017-26`.
        files: Its files, as the reader names them, in the order in which they are drawn.
        weight: Its part of the budget, beside the others'.
    """

    name: str
    files: Sequence[str]
    weight: float = 1.0


class Reader(Protocol):
    """A source, opened; in the process that plans and in every worker anew."""

    def shares(self) -> list[Share]:
        """The strata and their files, in the order in which ties are drawn."""
        ...

    def places(self, path: str) -> Sequence[Place]:
        """The units of a file, in the order in which they are drawn."""
        ...

    def rows(self, unit: Unit) -> Iterator[RawDocument]:
        """A unit's documents as they stand."""
        ...

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """What the file is now.

        Args:
            path: The file.
            known: What it was; its digest is believed where size and time of change are the same.
        """
        ...


def open_reader(config: CorpusConfig, scratch: Path) -> Reader:
    """Open a corpus config's source.

    Args:
        config: Source, cutoff and seed.
        scratch: Where unpacked files may lie.

    Raises:
        CorpusError: If the source cannot be reached, or is another one than is pinned.
    """
    if isinstance(config.source, FineWebSource):
        from tasks.corpus.sources.fineweb import FineWebReader

        return FineWebReader(config)
    if isinstance(config.source, JsonlSource):
        from tasks.corpus.sources.jsonl import JsonlReader

        return JsonlReader(config.source, config.seed, scratch)
    from tasks.corpus.sources.sotu import SotuReader

    return SotuReader(config.seed)
