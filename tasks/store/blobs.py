"""Blobs: bytes named by their sha256, read back and hashed; and the check whether an artifact's blobs are whole."""

import hashlib
from collections.abc import Callable

from tasks.store.errors import ArtifactDamaged, CutAnswer
from tasks.store.objects import Objects
from tasks.store.parallel import in_parallel
from tasks.store.records import RECORD_NAME, BlobLocation, FileEntry, Record, distinct_blobs

CHUNK_BYTES = 64 << 20
"""A larger file is stored as several blobs: each is one request from memory, and what a killed upload loses."""
N_READS = 3
"""Attempts to read a blob that arrives cut or wrong: the fault may be on the way."""
REHASH_UP_TO_BYTES = 1 << 30
"""An artifact up to this size is hashed to check that it is whole; of a larger one every blob's size is compared, and
its bytes are hashed when a stage fetches them."""


class WrongBytes(Exception):
    """A blob's bytes do not have the sha256 of its name. The store raises ArtifactDamaged from it."""


class Blobs:
    """`blobs/<sha256>` below a store's root.

    Args:
        objects: The store's.
        check: Called before each blob is sent or verified; stops the transfer by raising.
    """

    def __init__(self, objects: Objects, check: Callable[[], None] = lambda: None) -> None:
        self.objects = objects
        self._check = check

    @staticmethod
    def name_of(sha256: str) -> str:
        """The object with a blob."""
        return f"blobs/{sha256}"

    @staticmethod
    def names_of(record: Record) -> list[str]:
        """The objects with an artifact's files, each once, in file order."""
        return [Blobs.name_of(sha256) for sha256 in record.blob_sizes]

    def put(self, content: bytes | bytearray, sha256: str) -> None:
        """Write a blob. `verify` checks that it reads back right."""
        self._check()
        self.objects.write(self.name_of(sha256), content)

    def size(self, sha256: str) -> int | None:
        """Its bytes in the store, or None if it does not exist."""
        return self.objects.size(self.name_of(sha256))

    def check_size(self, sha256: str, size: int) -> None:
        """Check that a blob exists with this size, without reading it.

        Raises:
            WrongBytes: If it does not.
        """
        if (found := self.size(sha256)) is None:
            raise WrongBytes(f"{self.name_of(sha256)} is missing")
        if found != size:
            raise WrongBytes(f"{self.name_of(sha256)} has {found} bytes")

    def verify(self, sha256: str, size: int) -> None:
        """Read a blob from the store and hash it, in bounded memory. Raises as `copy`."""
        self._check()
        self.copy(sha256, size, lambda offset, buffer: None)

    def copy(self, sha256: str, size: int, write: Callable[[int, bytes], object]) -> None:
        """Read a blob, hash it and pass its bytes on; they count only if this returns.

        Args:
            sha256: Its name.
            size: Bytes according to the record.
            write: Called with an offset in the blob and some bytes; after a fault it starts at 0 again.

        Raises:
            WrongBytes: If it is missing, or has other bytes at each attempt.
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
        for buffer in self.objects.stream(self.name_of(sha256)):
            digest.update(buffer)
            write(offset, buffer)
            offset += len(buffer)
            if offset > size:
                break
        if offset != size:
            raise WrongBytes(f"{self.name_of(sha256)} has {'more' if offset > size else offset} bytes")
        if (found := digest.hexdigest()) != sha256:
            raise WrongBytes(f"its bytes hash to {found[:12]}")


def check_whole(blobs: Blobs, record: Record, n_threads: int) -> None:
    """Compare an artifact's blobs in the store with its record.

    Raises:
        ArtifactDamaged: If a blob is missing, cut or changed.
    """
    check = blobs.verify if record.n_bytes <= REHASH_UP_TO_BYTES else blobs.check_size

    def check_one(location: BlobLocation) -> None:
        entry, _, blob = location
        try:
            check(blob.sha256, blob.size)
        except WrongBytes as error:
            raise damage(blobs.objects.url, record.ref.path, entry, error) from error

    in_parallel(check_one, distinct_blobs(record.files), n_threads)


def damage(url: str, path: str, entry: FileEntry, error: WrongBytes) -> ArtifactDamaged:
    """The error for a damaged file of the artifact at a path of the store."""
    names = " ".join(Blobs.name_of(blob.sha256) for blob in entry.blobs[:1])
    more = f" (and its other {len(entry.blobs) - 1} blobs)" if len(entry.blobs) > 1 else ""
    return ArtifactDamaged(
        f"file {entry.path} of artifact {path} in {url} is damaged: {error}; the record has {entry.size} bytes "
        f"with sha256 {entry.sha256[:12]}. Remove {names}{more} and {path}/{RECORD_NAME} to rebuild it."
    )
