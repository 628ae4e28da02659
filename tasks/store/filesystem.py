"""The file system behind a store URL: a local folder, or S3 with no cache between us and the server."""

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import fsspec

from tasks.settings import state_dir
from tasks.store.errors import StoreError

S3_SECONDS = 60
"""A connection or a read that stays silent this long is an error, not a wait."""


def store_url() -> str:
    """HINDSIGHT_STORE: a folder or `s3://bucket/prefix`; by default `store` in the state folder."""
    return os.environ.get("HINDSIGHT_STORE") or str(state_dir() / "store")


def open_filesystem(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system and the root path of a store URL.

    Raises:
        StoreError: If the URL is neither a local path nor `s3://bucket[/prefix]`.
    """
    if url.startswith("s3://"):
        root = url.removeprefix("s3://").strip("/")
        if not root:
            raise StoreError(f"HINDSIGHT_STORE={url!r} names no bucket; write s3://bucket or s3://bucket/prefix.")
        return _s3(), root
    if "://" in url:
        raise StoreError(
            f"HINDSIGHT_STORE={url!r} is neither a folder nor s3://bucket/prefix; other stores are not known."
        )
    return fsspec.filesystem("file"), str(Path(url).expanduser().absolute())


def _s3() -> fsspec.AbstractFileSystem:
    # Another client's artifact must be seen at once, so nothing is cached. Keys and region come from AWS_* variables.
    return fsspec.filesystem(
        "s3",
        endpoint_url=os.environ.get("HINDSIGHT_S3_ENDPOINT") or None,
        use_listings_cache=False,
        skip_instance_cache=True,
        config_kwargs={
            "connect_timeout": S3_SECONDS,
            "read_timeout": S3_SECONDS,
            "request_checksum_calculation": "when_supported",
            # Servers answer a ranged read with the whole object's checksum, which the client then refuses (rclone
            # 1.75.2). Every byte is hashed against a record here anyway, and a record against its own seal.
            "response_checksum_validation": "when_required",
        },
    )


def put_whole(filesystem: fsspec.AbstractFileSystem, source: Path, target: str) -> None:
    """Upload so that a reader sees the whole object or none.

    S3 publishes an object when its upload is complete; a local copy gets its name by a rename after fsync.
    """
    if not isinstance(filesystem, fsspec.get_filesystem_class("file")):
        filesystem.put_file(str(source), target)
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    part = f"{target}.{uuid.uuid4().hex}.part"
    try:
        with source.open("rb") as reader, Path(part).open("wb") as writer:
            shutil.copyfileobj(reader, writer, 8 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        Path(part).replace(target)
    finally:
        Path(part).unlink(missing_ok=True)


def put_bytes(filesystem: fsspec.AbstractFileSystem, content: bytes, target: str) -> None:
    """Upload a few bytes, whole or not at all."""
    with tempfile.TemporaryDirectory() as scratch:
        local = Path(scratch) / "content"
        local.write_bytes(content)
        put_whole(filesystem, local, target)
