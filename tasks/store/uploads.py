"""A folder's files into blobs: each local byte is read once, hashed and sent from the same memory."""

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.common.progress import Progress
from tasks.store.blobs import Blobs, WrongBytes, damage
from tasks.store.parallel import in_parallel
from tasks.store.records import BlobEntry, BlobLocation, FileEntry, distinct_blobs

N_SENDS = 3
"""Attempts to send a blob that reads back wrong before it counts as damaged."""
NAMES_PER_REQUEST = 32
"""A name in a listing costs about this fraction of a request for one blob's size."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive bytes of a file in memory, and the file's index."""

    file_index: int
    content: bytearray


@dataclass
class HashedFile:
    """A file while it is read: the digests of its chunks and of the whole."""

    path: Path
    whole: Any = field(default_factory=hashlib.sha256)
    blobs: list[BlobEntry] = field(default_factory=list)

    def entry(self, folder: Path) -> FileEntry:
        """The file's entry in a record."""
        return FileEntry(
            path=self.path.relative_to(folder).as_posix(),
            size=sum(blob.size for blob in self.blobs),
            sha256=self.whole.hexdigest() if len(self.blobs) > 1 else self.blobs[0].sha256,
            blobs=tuple(self.blobs),
        )


class Upload:
    """The upload of one folder.

    Args:
        blobs: The store's.
        folder: Nothing in it is changed.
        path: The artifact's path in the store, for messages.
        chunk_bytes: A blob's size at most.
        n_threads: Blobs in flight at once, each with its chunk in memory.
    """

    def __init__(self, blobs: Blobs, folder: Path, path: str, chunk_bytes: int, n_threads: int) -> None:
        self.blobs = blobs
        self.folder = folder
        self.path = path
        self.chunk_bytes = chunk_bytes
        self.n_threads = n_threads
        self.files = [HashedFile(path) for path in sorted(folder.rglob("*")) if path.is_file()]
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def send(self) -> list[FileEntry]:
        """Send the blobs that the store lacks. Returns the files in path order; `verify` checks them."""
        n_bytes = sum(file.path.stat().st_size for file in self.files)
        existing = self._existing_sizes(len(self.files) + n_bytes // self.chunk_bytes)
        progress = Progress(f"upload {self.path}", n_bytes)

        def send(chunk: Chunk) -> tuple[int, BlobEntry]:
            blob = BlobEntry(sha256=hashlib.sha256(chunk.content).hexdigest(), size=len(chunk.content))
            if self._claim(blob.sha256) and self._size(blob.sha256, existing) != blob.size:
                self.blobs.put(chunk.content, blob.sha256)
            progress.add(blob.size)
            return chunk.file_index, blob

        for file_index, blob in in_parallel(send, self._chunks(), self.n_threads):
            self.files[file_index].blobs.append(blob)
        return [file.entry(self.folder) for file in self.files]

    def verify(self, entries: list[FileEntry]) -> None:
        """Read every blob back and hash it; resend those that are wrong in the store.

        Raises:
            ArtifactDamaged: If the store returns other bytes than were sent.
        """
        locations = distinct_blobs(entries)
        progress = Progress(f"verify {self.path}", sum(blob.size for _, _, blob in locations))

        def check(location: BlobLocation) -> None:
            self._verify_or_resend(location)
            progress.add(location[2].size)

        in_parallel(check, locations, self.n_threads)

    def resend_missing(self, entries: list[FileEntry]) -> None:
        """After the record is written, resend blobs that `gc` removed while no record named them.

        Raises:
            ArtifactDamaged: If the store returns other bytes than were sent.
        """
        locations = distinct_blobs(entries)
        existing = self._existing_sizes(len(locations))

        def check(location: BlobLocation) -> None:
            blob = location[2]
            if self._size(blob.sha256, existing) != blob.size:
                # A record names the blob by now: it is written over only if it also reads wrong.
                self._verify_or_resend(location)

        in_parallel(check, locations, self.n_threads)

    def _chunks(self) -> Iterator[Chunk]:
        # The largest first, so that at the end all threads have something left to do.
        for index, file in sorted(enumerate(self.files), key=lambda numbered: -numbered[1].path.stat().st_size):
            with file.path.open("rb", buffering=0) as stream:
                left = os.fstat(stream.fileno()).st_size
                has_several = left > self.chunk_bytes
                while True:
                    content = _read(stream, min(left, self.chunk_bytes))
                    if has_several:
                        file.whole.update(content)
                    left = left - len(content) if content else 0
                    yield Chunk(index, content)
                    if not left:
                        break

    def _existing_sizes(self, n_blobs: int) -> dict[str, int] | None:
        """Sizes of all blobs in the store, or None if a request for each of ours is cheaper than listing them."""
        limit = NAMES_PER_REQUEST * n_blobs
        listed = list(islice(self.blobs.objects.list("blobs/"), limit))
        return {info.name: info.size for info in listed} if len(listed) < limit else None

    def _size(self, sha256: str, existing: dict[str, int] | None) -> int | None:
        return self.blobs.size(sha256) if existing is None else existing.get(self.blobs.name_of(sha256))

    def _claim(self, sha256: str) -> bool:
        """Whether this is the first of our blobs with these bytes."""
        with self._lock:
            first = sha256 not in self._claimed
            self._claimed.add(sha256)
            return first

    def _verify_or_resend(self, location: BlobLocation) -> None:
        entry, offset, blob = location
        try:
            self.blobs.verify(blob.sha256, blob.size)
            return
        except WrongBytes:
            with (self.folder / entry.path).open("rb", buffering=0) as stream:
                stream.seek(offset)
                content = _read(stream, blob.size)
        for attempt in range(1, N_SENDS + 1):
            try:
                if hashlib.sha256(content).hexdigest() != blob.sha256:
                    raise WrongBytes("the local file was changed while it was published")
                self.blobs.put(content, blob.sha256)
                self.blobs.verify(blob.sha256, blob.size)
                return
            except WrongBytes as error:
                if attempt == N_SENDS:
                    raise damage(self.blobs.objects.url, self.path, entry, error) from error


def _read(stream: FileIO, size: int) -> bytearray:
    """That many bytes, or as many as are left."""
    content = bytearray(size)
    view, n_read = memoryview(content), 0
    while n_read < size and (n := stream.readinto(view[n_read:])):
        n_read += n
    view.release()
    del content[n_read:]
    return content
