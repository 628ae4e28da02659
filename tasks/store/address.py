"""Addresses of artifacts, `hindsight://kind/label/latest` or `.../key`, and an artifact fetched by its address."""

from dataclasses import dataclass
from pathlib import Path

from tasks.common.settings import state_dir
from tasks.store.catalogue import locate, read_record
from tasks.store.connect import store_url
from tasks.store.records import Record
from tasks.store.store import Store

PROTOCOL = "hindsight"


@dataclass(frozen=True)
class LocalArtifact:
    """An artifact's files on this machine.

    Args:
        folder: The files. They are the cache's: copy them before you change them.
        record: What it was made from and by, with the digest of every file.
    """

    folder: Path
    record: Record


def store_at(url: str | None = None) -> Store:
    """The store at a URL, by default the environment's; fetched files are kept in the state folder."""
    return Store(url or store_url(), state_dir() / "cache")


def open_artifact(address: str, store: str | None = None) -> LocalArtifact:
    """Fetch an artifact into the local cache, every byte hashed against its record.

    Args:
        address: `kind/label/key` or `kind/label/latest`, with or without `hindsight://`.
        store: A folder or `s3://bucket/prefix`; by default HINDSIGHT_STORE.

    Raises:
        BadPath: If the address has another form.
        ArtifactMissing: If the store does not have it.
        ArtifactDamaged: If its record or a blob is not what was published.
        NoSpace: If the disk is too full.

    Example:
        >>> from hindsight import HindsightError, open_artifact
        >>> try:
        ...     rows = open_artifact("panel/sp500-20x30/latest").folder / "rows.parquet"
        ... except HindsightError:
        ...     rows = None  # `hindsight run smoke` publishes it
    """
    opened = store_at(store)
    record = read_record(opened, locate(opened, address.removeprefix(f"{PROTOCOL}://")))
    return LocalArtifact(opened.fetch(record.ref), record)
