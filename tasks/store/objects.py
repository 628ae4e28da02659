"""Objects by name below a store's root: what a local folder and an S3 bucket have in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tasks.store.errors import StoreRefused


@dataclass(frozen=True)
class ObjectInfo:
    """One object of a listing.

    Args:
        name: Relative to the store's root, segments separated by `/`.
        size: Bytes.
        modified: When it was written, by the server's clock, UTC.
    """

    name: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class UnfinishedUpload:
    """What an interrupted writer left: a multipart upload on S3, a `.part` file in a folder.

    Args:
        name: The object being uploaded (S3) or the `.part` file (folder); relative to the store's root.
        upload_id: S3's id of the upload; empty in a folder.
        started: When it began (S3) or was last written (folder), UTC.
    """

    name: str
    upload_id: str
    started: datetime


@dataclass(frozen=True)
class Capabilities:
    """What a store's server enforces, found by trying; nothing else is relied upon.

    Args:
        conditional_writes: A second writer with `If-None-Match: *` is refused.
        checks_sha256: A body that differs from its `x-amz-checksum-sha256` is refused.
        checks_md5: A body that differs from its `Content-MD5` is refused.
    """

    conditional_writes: bool
    checks_sha256: bool
    checks_md5: bool

    def __str__(self) -> str:
        named = {
            "conditional writes": self.conditional_writes,
            "sha256 of a body": self.checks_sha256,
            "MD5 of a body": self.checks_md5,
        }
        return ", ".join(f"{name} {'' if enforced else 'not '}enforced" for name, enforced in named.items())


def check_name(name: str, url: str) -> str:
    """The name, unless it would leave the store. Raises StoreRefused."""
    if name.startswith("/") or ".." in name.split("/"):
        raise StoreRefused(f"name {name!r} would leave the store {url}; names are relative, without '..'.")
    return name


class Objects(Protocol):
    """Named bytes below one URL; every name is relative to the store's root, nothing is cached, threads may share it.

    A method raises `StoreRefused` if the server refuses (keys, rights, bucket, clock), `StoreUnreachable` if it gives
    no complete answer after all retries, and `FileNotFoundError` if the object does not exist.
    """

    url: str

    def read(self, name: str) -> bytes:
        """The whole object."""

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes `start` up to, not including, `stop`."""

    def stream(self, name: str) -> Iterator[bytes]:
        """The whole object in order, a buffer at a time; a cut answer raises CutAnswer after some buffers."""

    def write(self, name: str, content: bytes | bytearray) -> None:
        """Write the object whole or not at all, over an existing one."""

    def write_new(self, name: str, content: bytes | bytearray) -> bool:
        """Write the object unless it exists. Returns whether it was written.

        Of two writers at the same moment one is refused only if `Capabilities.conditional_writes` holds.
        """

    def size(self, name: str) -> int | None:
        """Its bytes, or None if it does not exist."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose name starts with `prefix`, in name order."""

    def delete(self, name: str) -> None:
        """Remove it; no error if it does not exist."""

    def unfinished_uploads(self) -> Iterator[UnfinishedUpload]:
        """What interrupted writers left below the root."""

    def abort(self, upload: UnfinishedUpload) -> None:
        """Remove what an interrupted writer left."""

    def capabilities(self, scratch: str) -> Capabilities:
        """What the server enforces, tried on objects named `scratch`*, which are removed afterwards."""
