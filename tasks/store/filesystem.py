"""`hindsight://kind/label/latest/file`: a store as a read-only file system for pandas, pyarrow, `datasets` and dask.

fsspec finds the class by the entry point `hindsight` of group `fsspec.specs`. Folders are kinds, labels and artifacts;
`latest` is understood as a key and not listed. Each file is read through artifact_file, which hashes what it returns.
"""

import os
import uuid
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.spec import make_instance
from fsspec.utils import isfilelike, tokenize

from tasks.store.address import PROTOCOL, store_at
from tasks.store.artifact_file import ArtifactFile
from tasks.store.catalogue import LATEST, BadPath, locate, read_record, record_paths
from tasks.store.errors import ArtifactMissing
from tasks.store.read_only import ReadOnlyFileSystem, read_only
from tasks.store.records import FileEntry, Record

ARTIFACT_DEPTH = 3
"""Segments of an artifact's path."""
N_RECORDS = 32
Info = dict[str, Any]


class NoSuchFile(ArtifactMissing, FileNotFoundError):
    """An artifact, or a file in one, does not exist."""


class HindsightFileSystem(ReadOnlyFileSystem):
    """Artifacts of a store, for reading.

    An artifact is read as this object first saw it, until `invalidate_cache`, so that all its files are of one build.
    `latest` is looked up whenever a path is opened or listed. A pickled file system opens the same store elsewhere.

    Args:
        store: A folder or `s3://bucket/prefix`; by default HINDSIGHT_STORE.
    """

    protocol = PROTOCOL
    # An instance kept by fsspec would not see a rebuilt artifact, a changed HINDSIGHT_STORE or new keys.
    cachable = False

    def __init__(self, store: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.store = store_at(store)
        self._record = lru_cache(N_RECORDS)(lambda path: read_record(self.store, path))

    def __reduce__(self) -> tuple[Any, ...]:
        return make_instance, (type(self), (), {**self.storage_options, "store": self.store.url})

    @property
    def _fs_token(self) -> str:
        token: str = tokenize(type(self), self.store.url)
        return token

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        stripped = super()._strip_protocol(path)
        return stripped if isinstance(stripped, list) else stripped.strip("/")

    def invalidate_cache(self, path: str | None = None) -> None:
        """Read all records anew."""
        self._record.cache_clear()
        super().invalidate_cache(path)

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """Kinds, labels, keys, or an artifact's files and folders.

        Args:
            path: What is listed; for a file, the file itself.
            detail: Give mappings with name, type and size, of files also ETag (sha256) and mtime (end of the work).
            options: Unused; fsspec's callers give some.

        Raises:
            FileNotFoundError: If nothing is at the path.
            ArtifactDamaged: If the artifact's record is cut or changed.
        """
        path = self._strip_protocol(path)
        listed = self._list_files(path) if _depth(path) >= ARTIFACT_DEPTH else self._list_artifacts(path)
        return listed if detail else [info["name"] for info in listed]

    def info(self, path: str, **options: Any) -> Info:
        """Name, type and size of a file or folder; the rest as in `ls`."""
        path = self._strip_protocol(path)
        if _depth(path) < ARTIFACT_DEPTH:
            if path and not any(self._artifacts_below(path)):
                raise self._missing(path)
            return _folder(path)
        listed = self._list_files(path)
        return listed[0] if [info["name"] for info in listed] == [path] else _folder(path)

    def exists(self, path: str, **options: Any) -> bool:
        """Whether a file or folder is at the path. Unlike fsspec's own, an error of the store is raised."""
        return self._type(path) != ""

    def isfile(self, path: str) -> bool:
        """Whether a file is at the path."""
        return self._type(path) == "file"

    def isdir(self, path: str) -> bool:
        """Whether a folder is at the path."""
        return self._type(path) == "directory"

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> Any:
        """Matching paths, with the key for `latest`: `datasets` keeps what it read at an address for ever."""
        segments = self._strip_protocol(path).split("/")
        if segments[ARTIFACT_DEPTH - 1 : ARTIFACT_DEPTH] == [LATEST]:
            record, _ = self._artifact("/".join(segments))
            path = "/".join([record.ref.path, *segments[ARTIFACT_DEPTH:]])
        return super().glob(path, maxdepth, **options)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        """The bytes of a file from `start` up to, not including, `end`, as a slice counts them."""
        with self._open(self._strip_protocol(path)) as file:
            first, last, _ = slice(start, end).indices(file.size)
            file.seek(first)
            return file.read(max(last - first, 0))

    def get_file(
        self, rpath: str, lpath: Any = None, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **options: Any
    ) -> None:
        """Copy a file to a local path, which gets its name when it is complete."""
        if outfile is not None or isfilelike(lpath) or self.isdir(rpath):
            super().get_file(rpath, lpath, callback, outfile, **options)
            return
        unfinished = Path(f"{os.fspath(lpath)}.{uuid.uuid4().hex}.part")
        try:
            super().get_file(rpath, str(unfinished), callback, **options)
            unfinished.replace(lpath)
        finally:
            unfinished.unlink(missing_ok=True)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> ArtifactFile:
        if mode != "rb":
            raise read_only(f"open({path!r}, {mode!r})")
        if _depth(path) > ARTIFACT_DEPTH:
            record, inner = self._artifact(path)
            for entry in record.files:
                if entry.path == inner:
                    return ArtifactFile(self.store.blobs, record.ref.path, entry)
        if self.isdir(path):
            raise IsADirectoryError(f"{PROTOCOL}://{path} is a folder of {self.store.url}; `ls` lists its files.")
        raise self._missing(path)

    def _type(self, path: str) -> str:
        try:
            return str(self.info(path)["type"])
        except FileNotFoundError:
            return ""

    def _artifact(self, path: str) -> tuple[Record, str]:
        """The record of the artifact that a path leads into, and the rest of the path."""
        segments = path.split("/")
        try:
            record = self._record(locate(self.store, "/".join(segments[:ARTIFACT_DEPTH])))
        except (ArtifactMissing, BadPath) as error:
            raise NoSuchFile(str(error)) from error
        return record, "/".join(segments[ARTIFACT_DEPTH:])

    def _artifacts_below(self, path: str) -> Iterator[str]:
        try:
            for found in record_paths(self.store, path.partition("/")[0]):
                if not path or found.startswith(f"{path}/"):
                    yield found
        except BadPath as error:
            raise NoSuchFile(str(error)) from error

    def _list_artifacts(self, path: str) -> list[Info]:
        n_segments = _depth(path) + 1
        names = {"/".join(found.split("/")[:n_segments]) for found in self._artifacts_below(path)}
        if path and not names:
            raise self._missing(path)
        return [_folder(name) for name in sorted(names)]

    def _list_files(self, path: str) -> list[Info]:
        record, inner = self._artifact(path)
        found: dict[str, Info] = {}
        for entry in record.files:
            if entry.path == inner:
                return [_file(path, record, entry)]
            if not inner or entry.path.startswith(f"{inner}/"):
                head, _, deeper = entry.path.removeprefix(f"{inner}/").partition("/")
                name = f"{path}/{head}"
                found[name] = _folder(name) if deeper else _file(name, record, entry)
        if inner and not found:
            raise self._missing(path)
        return [found[name] for name in sorted(found)]

    def _missing(self, path: str) -> NoSuchFile:
        above = "/".join(path.split("/")[:-1][:ARTIFACT_DEPTH])
        return NoSuchFile(f"{PROTOCOL}://{path} is not in the store {self.store.url}; list {PROTOCOL}://{above}.")


def _depth(path: str) -> int:
    return len(path.split("/")) if path else 0


def _folder(name: str) -> Info:
    return {"name": name, "type": "directory", "size": 0}


def _file(name: str, record: Record, entry: FileEntry) -> Info:
    # `datasets` prepares a file again if its ETag changes, as it does behind `latest`.
    version = {"ETag": entry.sha256, "mtime": record.finished_at.timestamp()}
    return {"name": name, "type": "file", "size": entry.size, **version}
