"""Objects by name, below a store's root: what a local folder and an S3 bucket both can do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tasks.store.capabilities import Capabilities
from tasks.store.errors import StoreError


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing says of an object.

    Args:
        name: Relative to the store's root, parts separated by `/`.
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
        name: The object it was to become (S3), or the `.part` file itself (folder); relative to the store's root.
        upload_id: S3's id of the upload; empty in a folder.
        started: When it began (S3) or was last written (folder), UTC.
    """

    name: str
    upload_id: str
    started: datetime


class Objects(Protocol):
    """Named bytes below one URL; every name is relative to the store's root, nothing is cached, threads may share it.

    A method raises `StoreRefused` where the server says no (keys, rights, bucket, clock) and `StoreUnreachable` where
    it gives no whole answer after all retries. `FileNotFoundError` means that no such object stands there.
    """

    url: str

    def read(self, name: str) -> bytes:
        """The whole object. Raises FileNotFoundError if it is absent."""

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes `start` up to, not including, `stop`. Raises FileNotFoundError if the object is absent."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """The whole object in order, a piece at a time; a cut answer raises CutAnswer after some pieces."""

    def write(self, name: str, content: bytes | bytearray) -> None:
        """Write the object whole or not at all, over one that stands there."""

    def write_new(self, name: str, content: bytes | bytearray) -> bool:
        """Write it unless one stands there already, and say whether it was written.

        Two writers at the same moment are told apart only where `Capabilities.conditional_writes` holds.
        """

    def size(self, name: str) -> int | None:
        """Its bytes, or None if it is absent."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose name starts with `prefix`, in name order."""

    def delete(self, name: str) -> None:
        """Remove it; an absent one is no error."""

    def unfinished_uploads(self) -> Iterator[UnfinishedUpload]:
        """What interrupted writers left below the root."""

    def abort(self, upload: UnfinishedUpload) -> None:
        """Remove what an interrupted writer left."""

    def capabilities(self, scratch: str) -> Capabilities:
        """What the server was found to enforce, tried on objects named `scratch`*, which are removed again."""


def open_objects(url: str, n_attempts: int | None = None) -> Objects:
    """A fresh client of the objects below a store URL. Keys, endpoint and timeout come from the environment.

    Args:
        url: A folder or `s3://bucket[/prefix]`.
        n_attempts: How often a request is tried at most; None for the patience of a long transfer.

    Raises:
        StoreError: If the URL is neither a local path nor `s3://bucket[/prefix]`.
    """
    if url.startswith("s3://"):
        # Only a store on S3 pays for loading its client.
        from tasks.store.s3_objects import S3Objects

        return S3Objects.from_environment(url, n_attempts)
    if "://" in url:
        raise StoreError(
            f"HINDSIGHT_STORE={url!r} is neither a folder nor s3://bucket/prefix; other stores are not known."
        )
    from tasks.store.folder_objects import FolderObjects

    return FolderObjects(Path(url).expanduser().absolute())
