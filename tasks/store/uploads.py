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

from tasks.store.blobs import Blobs, WrongBlob, WrongBytes
from tasks.store.parallel import Progress, in_parallel
from tasks.store.records import BlobEntry, FileEntry

N_SENDS = 3
"""A blob that reads back wrong is sent again so often before it is called damaged."""
NAMES_PER_QUESTION = 32
"""A name in a listing costs about this fraction of a question for one blob's size."""


Place = tuple[FileEntry, int, BlobEntry]
"""A blob, the file it is a part of, and where in it it begins."""


@dataclass(frozen=True)
class Chunk:
    """A part of a file in memory, and which file it is of."""

    n_file: int
    content: bytearray


@dataclass
class Reading:
    """A file while it is read: what its chunks hashed to, and the whole."""

    path: Path
    whole: Any = field(default_factory=hashlib.sha256)
    blobs: list[BlobEntry] = field(default_factory=list)

    def entry(self, folder: Path) -> FileEntry:
        """What a record says of it."""
        return FileEntry(
            path=self.path.relative_to(folder).as_posix(),
            size=sum(blob.size for blob in self.blobs),
            sha256=self.whole.hexdigest() if len(self.blobs) > 1 else self.blobs[0].sha256,
            blobs=tuple(self.blobs),
        )


class Upload:
    """One folder's way into the store.

    Args:
        blobs: Where to.
        folder: What; nothing in it is changed.
        chunk_bytes: A blob's size at most.
        n_threads: Blobs in flight at once, each with its chunk in memory.
    """

    def __init__(self, blobs: Blobs, folder: Path, chunk_bytes: int, n_threads: int) -> None:
        self.blobs = blobs
        self.folder = folder
        self.chunk_bytes = chunk_bytes
        self.n_threads = n_threads
        self.readings = [Reading(path) for path in sorted(folder.rglob("*")) if path.is_file()]
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def send(self, what: str) -> list[FileEntry]:
        """Send what the store does not hold yet. Nothing is proved by it: see `verify`.

        Args:
            what: What progress lines call it.

        Returns:
            The files in path order.
        """
        n_bytes = sum(reading.path.stat().st_size for reading in self.readings)
        standing = self._standing(len(self.readings) + n_bytes // self.chunk_bytes)
        progress = Progress(what, n_bytes)

        def send(chunk: Chunk) -> tuple[int, BlobEntry]:
            blob = BlobEntry(sha256=hashlib.sha256(chunk.content).hexdigest(), size=len(chunk.content))
            if self._claim(blob.sha256) and self._size(blob.sha256, standing) != blob.size:
                self.blobs.put(chunk.content, blob.sha256)
            progress.add(blob.size)
            return chunk.n_file, blob

        for n_file, blob in in_parallel(send, self._chunks(), self.n_threads):
            self.readings[n_file].blobs.append(blob)
        return [reading.entry(self.folder) for reading in self.readings]

    def verify(self, entries: list[FileEntry], what: str) -> None:
        """Read every blob back and hash it; send again what the store holds wrong.

        Raises:
            WrongBlob: If the store gives other bytes back than it was given.
        """
        places = _places(entries)
        progress = Progress(what, sum(blob.size for _, _, blob in places.values()))

        def check(place: Place) -> None:
            entry, offset, blob = place
            try:
                self.blobs.verify(blob.sha256, blob.size)
            except WrongBytes:
                self._send_again(entry, offset, blob)
            progress.add(blob.size)

        in_parallel(check, places.values(), self.n_threads)

    def send_what_was_swept(self, entries: list[FileEntry]) -> None:
        """After the record is written: a sweep that ran meanwhile may have taken a blob that nobody named before.

        Raises:
            WrongBlob: If the store gives other bytes back than it was given.
        """
        places = _places(entries)
        standing = self._standing(len(places))

        def check(place: Place) -> None:
            _, _, blob = place
            if self._size(blob.sha256, standing) == blob.size:
                return
            try:
                # A record names it by now: it is written over only if it reads wrong, too.
                self.blobs.verify(blob.sha256, blob.size)
            except WrongBytes:
                self._send_again(*place)

        in_parallel(check, places.values(), self.n_threads)

    def _chunks(self) -> Iterator[Chunk]:
        # The largest first, so that at the end all threads have something left to do.
        for n_file, reading in sorted(enumerate(self.readings), key=lambda numbered: -numbered[1].path.stat().st_size):
            with reading.path.open("rb", buffering=0) as stream:
                left = os.fstat(stream.fileno()).st_size
                several = left > self.chunk_bytes
                while True:
                    content = _read(stream, min(left, self.chunk_bytes))
                    if several:
                        reading.whole.update(content)
                    left = left - len(content) if content else 0
                    yield Chunk(n_file, content)
                    if not left:
                        break

    def _standing(self, n_blobs: int) -> dict[str, int] | None:
        """Sizes of all blobs in the store, or None where asking for each of ours is cheaper than listing them."""
        limit = NAMES_PER_QUESTION * n_blobs
        listed = list(islice(self.blobs.objects.list("blobs/"), limit))
        return {info.name: info.size for info in listed} if len(listed) < limit else None

    def _size(self, sha256: str, standing: dict[str, int] | None) -> int | None:
        return self.blobs.size(sha256) if standing is None else standing.get(self.blobs.name_of(sha256))

    def _claim(self, sha256: str) -> bool:
        """Whether this is the first of ours with these bytes."""
        with self._lock:
            first = sha256 not in self._claimed
            self._claimed.add(sha256)
            return first

    def _send_again(self, entry: FileEntry, offset: int, blob: BlobEntry) -> None:
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
                    raise WrongBlob(entry, error) from error


def _places(entries: list[FileEntry]) -> dict[str, Place]:
    """Where each distinct blob is found in the folder."""
    return {blob.sha256: (entry, offset, blob) for entry in entries for offset, blob in entry.placed_blobs}


def _read(stream: FileIO, size: int) -> bytearray:
    """That many bytes, or as many as are left."""
    content = bytearray(size)
    view, n_read = memoryview(content), 0
    while n_read < size and (n := stream.readinto(view[n_read:])):
        n_read += n
    view.release()
    del content[n_read:]
    return content
