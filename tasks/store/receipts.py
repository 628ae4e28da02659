"""Receipts: a fresh client has listed, re-read and hashed every byte of an artifact."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Literal

from pydantic import AwareDatetime, Field

from tasks.common.settings import state_dir
from tasks.store.blobs import Blobs, WrongBytes
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.filesystem import n_transfers, store_url
from tasks.store.parallel import Progress, in_parallel
from tasks.store.records import RECORD_NAME, BlobEntry, Record
from tasks.store.refs import ArtifactRef
from tasks.store.sealed import Sealed, read_sealed
from tasks.store.store import Store

VALID_HOURS = 24.0


class BadReceipt(StoreError):
    """What was shown as a proof is none, or none of this artifact, or none any more."""


class Receipt(Sealed):
    """The proof that an artifact was whole in the store at a moment."""

    schema_version: Literal[1] = 1
    ref: ArtifactRef
    store: str
    """The store's URL; keys stand in no URL."""
    n_blobs: int = Field(ge=0)
    n_bytes: int = Field(ge=0)
    """Bytes read and hashed: the sum over blobs, each once."""
    verified_at: AwareDatetime
    """UTC, when the last byte was hashed."""
    expires_at: AwareDatetime
    seconds: float = Field(ge=0)
    """Wall time of the verification."""

    @property
    def name(self) -> str:
        """Where it stands in the store."""
        return f"receipts/{self.ref.path}/{self.verified_at:%Y%m%dT%H%M%S.%fZ}.json"


def verify(
    ref: ArtifactRef,
    url: str | None = None,
    valid_hours: float = VALID_HOURS,
    between_blobs: Callable[[], None] = lambda: None,
) -> Receipt:
    """List, read and hash every blob of an artifact with a client opened for this alone; then write the receipt.

    Memory is bounded by the transfers at once; the seconds are those of reading everything.

    Args:
        ref: What shall be there.
        url: The store; by default the environment's.
        valid_hours: After so many hours it is no proof any more.
        between_blobs: Called after each blob, for a caller that holds a lease.

    Raises:
        ArtifactMissing: If no record stands there.
        ArtifactDamaged: If the record is another one, or a blob is not listed, cut or changed. No receipt is written.
    """
    if not valid_hours > 0:
        raise BadReceipt(f"a receipt valid for {valid_hours} hours proves nothing; give more than 0.")
    store = Store(url or store_url(), state_dir() / "cache")
    started = time.monotonic()
    record = store.record(ref)
    _compare_with_listing(store, record)
    n_blobs, n_bytes = _read_all(store, record, between_blobs)
    now = datetime.now(UTC)
    receipt = Receipt(
        ref=ref,
        store=store.url,
        n_blobs=n_blobs,
        n_bytes=n_bytes,
        verified_at=now,
        expires_at=now + timedelta(hours=valid_hours),
        seconds=round(time.monotonic() - started, 3),
    ).sealed()
    _write(store, receipt)
    return receipt


def _blobs_with_files(record: Record) -> dict[str, tuple[BlobEntry, str]]:
    """Each blob once, by its object's name, with a file it belongs to."""
    return {Blobs.name_of(blob.sha256): (blob, entry.path) for entry in record.files for blob in entry.blobs}


def _compare_with_listing(store: Store, record: Record) -> None:
    listed = {info.name: info.size for info in store.objects.list("blobs/")}
    for name, (blob, path) in _blobs_with_files(record).items():
        if (found := listed.get(name)) != blob.size:
            said = "is not listed" if found is None else f"is listed with {found} bytes"
            raise _damaged(store, record, path, f"{name} {said}, its size is {blob.size}")


def _read_all(store: Store, record: Record, between_blobs: Callable[[], None]) -> tuple[int, int]:
    """Read and hash each blob once. Returns how many, and their bytes."""
    blobs = list(_blobs_with_files(record).values())
    n_bytes = sum(blob.size for blob, _ in blobs)
    progress, one_at_a_time = Progress(f"verify {record.ref.path}", n_bytes), Lock()

    def read(item: tuple[BlobEntry, str]) -> None:
        blob, path = item
        try:
            store.blobs.verify(blob.sha256, blob.size)
        except WrongBytes as error:
            raise _damaged(store, record, path, str(error)) from error
        progress.add(blob.size)
        with one_at_a_time:
            between_blobs()

    in_parallel(read, blobs, n_transfers())
    return len(blobs), n_bytes


def _damaged(store: Store, record: Record, path: str, why: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"file {path} of artifact {record.ref.path} in {store.url} is damaged: {why}. No receipt is written; remove "
        f"{record.ref.path}/{RECORD_NAME} to have it built again, and keep the machine that made it until then."
    )


def _write(store: Store, receipt: Receipt) -> None:
    store.objects.write(receipt.name, receipt.to_bytes())
    if read_receipt(store, receipt.name) != receipt:
        raise BadReceipt(f"receipt {receipt.name} in {store.url} reads back changed; it does not count.")


def read_receipt(store: Store, name: str) -> Receipt:
    """The receipt that stands at `receipts/<kind>/<label>/<key>/<moment>.json`.

    Raises:
        BadReceipt: If none stands there.
        BadNote: If it is cut or changed.
    """
    try:
        return read_sealed(store.objects, name, Receipt)
    except FileNotFoundError as error:
        raise BadReceipt(f"no receipt {name} in {store.url}; `python -m tasks.store verify` writes one.") from error
