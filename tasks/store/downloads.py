"""Blobs into a folder's files: hashed on the way, synced, and only then renamed to their names."""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tasks.common.progress import Progress
from tasks.store.blobs import Blobs, WrongBytes, damage
from tasks.store.digests import sha256_of_range
from tasks.store.errors import DISK_IS_FULL, NoSpace
from tasks.store.parallel import in_parallel
from tasks.store.records import BlobEntry, FileEntry

PART = ".part"
STALE_SECONDS = 24 * 3600
"""A part file this old was left by a killed download."""


class PartFile:
    """An unfinished file, `<name>.<unique>.part`; threads write its blobs at their offsets.

    Args:
        target: Its name when it is complete.
        n_blobs: It is complete after this many blobs.
    """

    def __init__(self, target: Path, n_blobs: int) -> None:
        self.target = target
        self.n_left = n_blobs
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path = target.with_name(f"{target.name}.{uuid.uuid4().hex}{PART}")
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._lock = threading.Lock()

    def write(self, offset: int, content: bytes) -> None:
        """Write bytes at an offset."""
        rest = memoryview(content)
        while rest:
            n_written = os.pwrite(self.file, rest, offset)
            rest, offset = rest[n_written:], offset + n_written

    def finish_blob(self) -> None:
        """Sync a blob; after the last one, rename the file to its name."""
        # Every blob is synced by its own thread while others receive, so that the last one has little left to sync.
        os.fsync(self.file)
        with self._lock:
            self.n_left -= 1
            if self.n_left:
                return
        self.path.replace(self.target)
        os.close(self.file)
        self.file = -1

    def discard(self) -> None:
        """Remove it unless it was completed."""
        if self.file >= 0:
            os.close(self.file)
            self.path.unlink(missing_ok=True)


class Download:
    """The download of an artifact's files into a local folder.

    Args:
        blobs: The store's.
        folder: The target.
        path: The artifact's path in the store, for messages.
        n_threads: Blobs in flight at once, each with one buffer in memory.
    """

    def __init__(self, blobs: Blobs, folder: Path, path: str, n_threads: int) -> None:
        self.blobs = blobs
        self.folder = folder
        self.path = path
        self.n_threads = n_threads

    def receive(self, entries: list[FileEntry]) -> None:
        """Fetch the files that the folder lacks or has with other bytes.

        Raises:
            ArtifactDamaged: If a blob is missing or hashes to something else.
            NoSpace: If the disk is too full; no incomplete file is left.
        """
        self._remove_stale_parts()
        absent = self._absent(entries)
        n_bytes = sum(entry.size for entry in absent)
        self._check_disk(n_bytes)
        progress, parts = Progress(f"fetch {self.path}", n_bytes), list[PartFile]()

        def receive(location: tuple[PartFile, FileEntry, int, BlobEntry]) -> None:
            part, entry, start, blob = location
            try:
                self.blobs.copy(blob.sha256, blob.size, lambda offset, content: part.write(start + offset, content))
                part.finish_blob()
            except WrongBytes as error:
                raise damage(self.blobs.objects.url, self.path, entry, error) from error
            progress.add(blob.size)

        try:
            in_parallel(receive, self._locations(absent, parts), self.n_threads)
        except OSError as error:
            if error.errno not in DISK_IS_FULL:
                raise
            raise self._no_space(n_bytes) from error
        finally:
            for part in parts:
                part.discard()

    def _locations(
        self, absent: list[FileEntry], parts: list[PartFile]
    ) -> Iterator[tuple[PartFile, FileEntry, int, BlobEntry]]:
        # The largest first, so that at the end all threads have something left to do.
        for entry in sorted(absent, key=lambda entry: -entry.size):
            part = PartFile(self.folder / entry.path, len(entry.blobs))
            parts.append(part)
            for start, blob in entry.located_blobs:
                yield part, entry, start, blob

    def _absent(self, entries: list[FileEntry]) -> list[FileEntry]:
        def differs(location: tuple[FileEntry, int, BlobEntry]) -> str | None:
            entry, start, blob = location
            return None if sha256_of_range(self.folder / entry.path, start, blob.size) == blob.sha256 else entry.path

        existing = [entry for entry in entries if self._has_size(entry)]
        locations = ((entry, start, blob) for entry in existing for start, blob in entry.located_blobs)
        differing = set(in_parallel(differs, locations, self.n_threads))
        right = {entry.path for entry in existing} - differing
        return [entry for entry in entries if entry.path not in right]

    def _has_size(self, entry: FileEntry) -> bool:
        path = self.folder / entry.path
        return path.is_file() and path.stat().st_size == entry.size

    def _remove_stale_parts(self) -> None:
        # Ours carry 32 hex digits; an artifact's own file may end in `.part`.
        for part in self.folder.rglob(f"*.{'[0-9a-f]' * 32}{PART}"):
            if part.stat().st_mtime < time.time() - STALE_SECONDS:
                part.unlink(missing_ok=True)

    def _check_disk(self, n_bytes: int) -> None:
        if n_bytes:
            self.folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free < n_bytes:
                raise self._no_space(n_bytes)

    def _no_space(self, n_bytes: int) -> NoSpace:
        free = shutil.disk_usage(self.folder).free
        return NoSpace(
            f"fetching artifact {self.path} of {self.blobs.objects.url} needs {n_bytes / 1e6:,.1f} MB in "
            f"{self.folder}, where {free / 1e6:,.1f} MB are free; free disk space or move "
            "HINDSIGHT_STATE to a larger disk. No incomplete file was left."
        )
