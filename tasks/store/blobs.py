"""Files by their sha256: uploaded, read back and hashed; downloaded, hashed, then named."""

import hashlib
import os
import uuid
from pathlib import Path

import fsspec

from tasks.store.digests import CHUNK_BYTES, sha256_of_stream
from tasks.store.filesystem import put_whole


class WrongBytes(Exception):
    """A blob's bytes are not what its name says. The store turns this into a sentence about the artifact."""


class Blobs:
    """`blobs/<sha256>` below a store's root.

    Args:
        filesystem: Where they lie.
        root: The store's root.
    """

    def __init__(self, filesystem: fsspec.AbstractFileSystem, root: str) -> None:
        self.filesystem = filesystem
        self.root = root

    def put(self, source: Path, sha256: str) -> None:
        """Upload a file unless its blob already reads back right; a changed blob is healed by writing it again.

        Raises:
            WrongBytes: If the store gives other bytes back than it was given.
        """
        if self.filesystem.exists(self._at(sha256)) and self.read_back(sha256) == sha256:
            return
        put_whole(self.filesystem, source, self._at(sha256))
        if (returned := self.read_back(sha256)) != sha256:
            raise WrongBytes(f"its bytes hash to {returned[:12]} after the upload")

    def get(self, sha256: str, target: Path) -> None:
        """Download a blob so that `target` holds the right bytes or does not exist.

        Raises:
            WrongBytes: If the blob is missing or hashes to something else.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
        try:
            if (found := self._copy(sha256, part)) != sha256:
                raise WrongBytes(f"its bytes hash to {found[:12]}")
            part.replace(target)
        except FileNotFoundError as error:
            raise WrongBytes(f"blobs/{sha256} is missing") from error
        finally:
            part.unlink(missing_ok=True)

    def check(self, sha256: str, size: int, rehash: bool) -> None:
        """Hold a blob's presence and size against what a record says, its bytes too where `rehash`.

        Raises:
            WrongBytes: If they differ.
        """
        if not self.filesystem.exists(self._at(sha256)):
            raise WrongBytes(f"blobs/{sha256} is missing")
        if (found := self.filesystem.size(self._at(sha256))) != size:
            raise WrongBytes(f"it has {found} bytes")
        if rehash and (returned := self.read_back(sha256)) != sha256:
            raise WrongBytes(f"its bytes hash to {returned[:12]}")

    def read_back(self, sha256: str) -> str:
        """The hash of what the store returns for a blob."""
        with self.filesystem.open(self._at(sha256), "rb") as stream:
            return sha256_of_stream(stream)

    def _copy(self, sha256: str, part: Path) -> str:
        digest = hashlib.sha256()
        with self.filesystem.open(self._at(sha256), "rb") as reader, part.open("wb") as writer:
            while chunk := reader.read(CHUNK_BYTES):
                digest.update(chunk)
                writer.write(chunk)
            writer.flush()
            os.fsync(writer.fileno())
        return digest.hexdigest()

    def _at(self, sha256: str) -> str:
        return f"{self.root}/blobs/{sha256}"
