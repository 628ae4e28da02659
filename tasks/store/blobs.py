"""Bytes by their sha256: put once, read back and hashed; a name is a promise about the content."""

import hashlib
from collections.abc import Callable

from tasks.store.errors import CutAnswer
from tasks.store.objects import Objects
from tasks.store.records import FileEntry, Record

CHUNK_BYTES = 64 << 20
"""A larger file is stored as several blobs: each is one request from memory, and what a killed upload loses."""
N_READS = 3
"""A blob that came cut or wrong is asked for again this often in all: the fault may lie on the way."""


class WrongBytes(Exception):
    """A blob's bytes are not what its name says. The store turns this into a sentence about the artifact."""


class WrongBlob(Exception):
    """`WrongBytes`, and the file they were to be of."""

    def __init__(self, entry: FileEntry, found: WrongBytes) -> None:
        super().__init__(f"{entry.path}: {found}")
        self.entry = entry
        self.found = found


class Blobs:
    """`blobs/<sha256>` below a store's root.

    Args:
        objects: Where they lie.
    """

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    @staticmethod
    def name_of(sha256: str) -> str:
        """The object that holds a blob."""
        return f"blobs/{sha256}"

    @staticmethod
    def names_of(record: Record) -> list[str]:
        """The objects an artifact's files lie in, each once, in file order."""
        return list(dict.fromkeys(Blobs.name_of(blob.sha256) for entry in record.files for blob in entry.blobs))

    def put(self, content: bytes | bytearray, sha256: str) -> None:
        """Write a blob; that it reads back right is `verify`'s to say."""
        self.objects.write(self.name_of(sha256), content)

    def size(self, sha256: str) -> int | None:
        """Its bytes in the store, or None if it is absent."""
        return self.objects.size(self.name_of(sha256))

    def check_size(self, sha256: str, size: int) -> None:
        """Hold a blob's presence and size against what a record says, without reading it.

        Raises:
            WrongBytes: If they differ.
        """
        if (found := self.size(sha256)) is None:
            raise WrongBytes(f"{self.name_of(sha256)} is missing")
        if found != size:
            raise WrongBytes(f"{self.name_of(sha256)} has {found} bytes")

    def verify(self, sha256: str, size: int) -> None:
        """Read a blob from the store and hash it, in bounded memory.

        Raises:
            WrongBytes: If it is missing, or is something else each time it is read.
            StoreUnreachable: If it cannot be read to its end.
        """
        self.copy(sha256, size, lambda offset, piece: None)

    def copy(self, sha256: str, size: int, write: Callable[[int, bytes], object]) -> None:
        """Read a blob, hash it and hand it on; what was handed on counts only if this returns.

        Args:
            sha256: Its name.
            size: Bytes the record says it has.
            write: Called with an offset in the blob and a piece; after a fault it begins at 0 again.

        Raises:
            WrongBytes: If it is missing, or is something else each time it is read.
            StoreUnreachable: If it cannot be read to its end.
        """
        for attempt in range(1, N_READS + 1):
            try:
                self._copy_once(sha256, size, write)
                return
            except (CutAnswer, WrongBytes):
                if attempt == N_READS:
                    raise
            except FileNotFoundError as error:
                raise WrongBytes(f"{self.name_of(sha256)} is missing") from error

    def _copy_once(self, sha256: str, size: int, write: Callable[[int, bytes], object]) -> None:
        digest, offset = hashlib.sha256(), 0
        for piece in self.objects.pieces(self.name_of(sha256)):
            digest.update(piece)
            write(offset, piece)
            offset += len(piece)
            if offset > size:
                break
        if offset != size:
            raise WrongBytes(f"{self.name_of(sha256)} has {'more' if offset > size else offset} bytes")
        if (found := digest.hexdigest()) != sha256:
            raise WrongBytes(f"its bytes hash to {found[:12]}")
