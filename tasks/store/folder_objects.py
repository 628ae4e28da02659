"""Objects as files below a local folder."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tasks.store.digests import BUFFER_BYTES
from tasks.store.errors import DISK_IS_FULL, NoSpace
from tasks.store.objects import Capabilities, ObjectInfo, UnfinishedUpload, check_name

PART = ".part"
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of file systems without hard links."""


class FolderObjects:
    """Each object is a file; it is renamed to its name after its bytes were synced. The root need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)

    def read(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        with self._path(name).open("rb") as stream:
            stream.seek(start)
            return stream.read(max(stop - start, 0))

    def stream(self, name: str) -> Iterator[bytes]:
        with self._path(name).open("rb", buffering=0) as stream:
            while buffer := stream.read(BUFFER_BYTES):
                yield buffer

    def write(self, name: str, content: bytes | bytearray) -> None:
        with self._part_file(name, content) as part:
            part.replace(self._path(name))

    def write_new(self, name: str, content: bytes | bytearray) -> bool:
        return self.size(name) is None and self._link(name, content)

    def size(self, name: str) -> int | None:
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for name, path in self._files(prefix):
            if not name.endswith(PART):
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue  # removed by another client since the folder was read
                yield ObjectInfo(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def unfinished_uploads(self) -> Iterator[UnfinishedUpload]:
        for name, path in self._files(""):
            if name.endswith(PART):
                yield UnfinishedUpload(name, "", datetime.fromtimestamp(path.stat().st_mtime, UTC))

    def abort(self, upload: UnfinishedUpload) -> None:
        self.delete(upload.name)

    def capabilities(self, scratch: str) -> Capabilities:
        name = f"{scratch}new"
        try:
            exclusive = self._link(name, b"first") and not self._link(name, b"second")
        finally:
            self.delete(name)
        return Capabilities(conditional_writes=exclusive, checks_sha256=False, checks_md5=False)

    def _path(self, name: str) -> Path:
        return self.root / check_name(name, self.url)

    def _files(self, prefix: str) -> Iterator[tuple[str, Path]]:
        top = self._path(prefix.rpartition("/")[0])
        paths = sorted(Path(folder) / file for folder, _, files in os.walk(top) for file in files)
        for path in paths:
            name = path.relative_to(self.root).as_posix()
            if name.startswith(prefix):
                yield name, path

    def _link(self, name: str, content: bytes | bytearray) -> bool:
        with self._part_file(name, content) as part:
            try:
                # A second name for the part file: unlike a rename, it fails if another writer was first.
                os.link(part, self._path(name))
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                part.replace(self._path(name))
        return True

    @contextmanager
    def _part_file(self, name: str, content: bytes | bytearray) -> Iterator[Path]:
        target = self._path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex}{PART}")
        try:
            self._fill(part, name, content)
            yield part
        finally:
            part.unlink(missing_ok=True)

    def _fill(self, part: Path, name: str, content: bytes | bytearray) -> None:
        try:
            with part.open("wb", buffering=0) as stream:
                rest = memoryview(content)
                while rest:
                    rest = rest[stream.write(rest) :]
                os.fsync(stream.fileno())
        except OSError as error:
            if error.errno not in DISK_IS_FULL:
                raise
            free = shutil.disk_usage(part.parent).free
            raise NoSpace(
                f"{name} of {len(content) / 1e6:,.1f} MB does not fit into {self.url}, where {free / 1e6:,.1f} MB are "
                "free; free disk space or set HINDSIGHT_STORE to a larger disk. No partial object was left."
            ) from error
