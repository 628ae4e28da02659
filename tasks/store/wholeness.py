"""Whether an artifact in the store is whole, and what is said if it is not."""

from typing import Protocol

from tasks.store.blobs import Blobs, WrongBlob, WrongBytes
from tasks.store.errors import ArtifactDamaged
from tasks.store.parallel import in_parallel
from tasks.store.records import RECORD_NAME, BlobEntry, FileEntry, Record

REHASH_UP_TO_BYTES = 1 << 30
"""Asked whether it exists, an artifact up to this size is hashed again; of a larger one every blob's size is compared,
and its bytes are hashed when a stage fetches them."""


class HasPath(Protocol):
    """A spec or a reference: what stands at a path of the store."""

    @property
    def path(self) -> str:
        """Folder below the store's root."""


def check_whole(blobs: Blobs, record: Record, n_threads: int) -> None:
    """Hold an artifact's blobs in the store against its record.

    Raises:
        ArtifactDamaged: If a blob is missing, cut or changed.
    """
    check = blobs.verify if record.n_bytes <= REHASH_UP_TO_BYTES else blobs.check_size

    def hold(place: tuple[FileEntry, BlobEntry]) -> None:
        entry, blob = place
        try:
            check(blob.sha256, blob.size)
        except WrongBytes as error:
            raise WrongBlob(entry, error) from error

    places = {blob.sha256: (entry, blob) for entry in reversed(record.files) for blob in entry.blobs}
    try:
        in_parallel(hold, reversed(places.values()), n_threads)
    except WrongBlob as wrong:
        raise damage(blobs.objects.url, record.ref, wrong) from wrong


def damage(url: str, artifact: HasPath, wrong: WrongBlob) -> ArtifactDamaged:
    """A file's damage as a sentence."""
    entry = wrong.entry
    names = " ".join(Blobs.name_of(blob.sha256) for blob in entry.blobs[:1])
    more = f" (and its other {len(entry.blobs) - 1} blobs)" if len(entry.blobs) > 1 else ""
    return ArtifactDamaged(
        f"file {entry.path} of artifact {artifact.path} in {url} is damaged: {wrong.found}; the record says "
        f"{entry.size} bytes with sha256 {entry.sha256[:12]}. Remove {names}{more} and {artifact.path}/{RECORD_NAME} "
        "to have it built again."
    )
