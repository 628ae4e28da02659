"""A file of a published artifact, opened for reading at any position; every byte is hashed before it is returned."""

import io
from bisect import bisect_right
from collections import OrderedDict

from tasks.store.blobs import Blobs, WrongBytes, damage
from tasks.store.digests import BUFFER_BYTES
from tasks.store.records import FileEntry

N_BLOBS_IN_MEMORY = 2
"""Of each open file: a parquet file's footer is in its last blob, the columns in another one."""


class ArtifactFile(io.BufferedReader):
    """A read-only binary file. A read fetches the blobs it touches whole, because only a whole blob can be hashed.

    Args:
        blobs: The store's.
        path: The artifact's path, for messages.
        entry: The file in the artifact's record.
    """

    def __init__(self, blobs: Blobs, path: str, entry: FileEntry) -> None:
        super().__init__(_VerifiedBlobs(blobs, path, entry), BUFFER_BYTES)
        self.size = entry.size


class _VerifiedBlobs(io.RawIOBase):
    """The file's bytes, unbuffered; the blobs used last are kept in memory until it is closed."""

    def __init__(self, blobs: Blobs, path: str, entry: FileEntry) -> None:
        self._blobs, self._path, self._entry = blobs, path, entry
        self._starts = [start for start, _ in entry.located_blobs]
        self._in_memory: OrderedDict[int, memoryview] = OrderedDict()
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._entry.size}[whence]
        if base + offset < 0:
            raise ValueError(f"position {base + offset} is before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer up to the end of a blob; 0 at the file's end.

        Raises:
            ArtifactDamaged: If the blob is missing or hashes to something else.
            StoreUnreachable: If it cannot be read to its end.
        """
        if self._position >= self._entry.size:
            return 0
        index = bisect_right(self._starts, self._position) - 1
        start = self._position - self._starts[index]
        found = self._blob(index)[start : start + len(buffer)]
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def close(self) -> None:
        self._in_memory.clear()
        super().close()

    def _blob(self, index: int) -> memoryview:
        if index not in self._in_memory:
            while len(self._in_memory) >= N_BLOBS_IN_MEMORY:
                self._in_memory.popitem(last=False)
            self._in_memory[index] = self._fetch(index)
        self._in_memory.move_to_end(index)
        return self._in_memory[index]

    def _fetch(self, index: int) -> memoryview:
        blob = self._entry.blobs[index]
        content = bytearray(blob.size)

        def write(offset: int, received: bytes) -> None:
            content[offset : offset + len(received)] = received

        try:
            self._blobs.copy(blob.sha256, blob.size, write)
        except WrongBytes as error:
            raise damage(self._blobs.objects.url, self._path, self._entry, error) from error
        return memoryview(content).toreadonly()
