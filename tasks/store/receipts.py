"""Receipts: proofs that a new client read and hashed every byte of an artifact. Only a receipt releases a machine."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Literal

from pydantic import AwareDatetime, Field

from tasks.common.progress import Progress
from tasks.common.settings import state_dir
from tasks.store.blobs import Blobs, WrongBytes
from tasks.store.connect import store_url
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.leases import Lease, clock, end, read_lease
from tasks.store.parallel import in_parallel, n_transfers
from tasks.store.records import RECORD_NAME, BlobLocation, FileEntry, Record, distinct_blobs
from tasks.store.refs import ArtifactRef
from tasks.store.sealed import Sealed, read_sealed
from tasks.store.store import Store

VALID_HOURS = 24.0
MAX_VALID_HOURS = 24 * 366 * 10


class BadReceipt(StoreError):
    """Not a receipt, or one that is missing, changed, expired, or of another artifact or store."""


class Receipt(Sealed):
    """The proof that an artifact was whole in the store at a moment."""

    schema_version: Literal[1] = 1
    ref: ArtifactRef
    store: str
    """The store's URL; it contains no keys."""
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
        """Its object in the store."""
        return f"receipts/{self.ref.path}/{self.verified_at:%Y%m%dT%H%M%S.%fZ}.json"


def verify(
    ref: ArtifactRef,
    url: str | None = None,
    valid_hours: float = VALID_HOURS,
    between_blobs: Callable[[], None] = lambda: None,
) -> Receipt:
    """List, read and hash every blob of an artifact with a client opened for this alone; then write the receipt.

    Memory is bounded by the concurrent transfers.

    Args:
        ref: The artifact.
        url: The store; by default the environment's.
        valid_hours: The receipt expires after so many hours.
        between_blobs: Called after each blob, for a caller that renews a lease.

    Raises:
        ArtifactMissing: If there is no record.
        ArtifactDamaged: If the record is another one, or a blob is not listed, cut or changed. No receipt is written.
    """
    if not 0 < valid_hours <= MAX_VALID_HOURS:
        raise BadReceipt(
            f"a receipt valid for {valid_hours:g} hours proves nothing; give more than 0, at most {MAX_VALID_HOURS:,}."
        )
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
    store.objects.write(receipt.name, receipt.to_bytes())
    if read_receipt(store, receipt.name) != receipt:
        raise BadReceipt(f"receipt {receipt.name} in {store.url} reads back changed; it does not count.")
    return receipt


def _compare_with_listing(store: Store, record: Record) -> None:
    listed = {info.name: info.size for info in store.objects.list("blobs/")}
    for entry, _, blob in distinct_blobs(record.files):
        if (found := listed.get(Blobs.name_of(blob.sha256))) != blob.size:
            state = "is not listed" if found is None else f"is listed with {found} bytes"
            raise _damaged(store, record, entry, f"{Blobs.name_of(blob.sha256)} {state}, its size is {blob.size}")


def _read_all(store: Store, record: Record, between_blobs: Callable[[], None]) -> tuple[int, int]:
    """Read and hash each blob once. Returns how many, and their bytes."""
    blobs = distinct_blobs(record.files)
    n_bytes = sum(blob.size for _, _, blob in blobs)
    progress, one_at_a_time = Progress(f"verify {record.ref.path}", n_bytes), Lock()

    def read(location: BlobLocation) -> None:
        entry, _, blob = location
        try:
            store.blobs.verify(blob.sha256, blob.size)
        except WrongBytes as error:
            raise _damaged(store, record, entry, str(error)) from error
        progress.add(blob.size)
        with one_at_a_time:
            between_blobs()

    in_parallel(read, blobs, n_transfers())
    return len(blobs), n_bytes


def _damaged(store: Store, record: Record, entry: FileEntry, why: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"file {entry.path} of artifact {record.ref.path} in {store.url} is damaged: {why}. No receipt is written; "
        f"remove {record.ref.path}/{RECORD_NAME} to rebuild it, and keep the machine that made it until then."
    )


def read_receipt(store: Store, name: str) -> Receipt:
    """The receipt at `receipts/<kind>/<label>/<key>/<moment>.json`.

    Raises:
        BadReceipt: If it does not exist.
        DamagedFile: If it is cut or changed.
    """
    try:
        return read_sealed(store.objects, name, Receipt)
    except FileNotFoundError as error:
        raise BadReceipt(f"no receipt {name} in {store.url}; `hindsight store verify` writes one.") from error


def release_compute(store: Store, lease_name: str, receipt: Receipt, stop: Callable[[], None]) -> None:
    """Stop a machine once its result is proved, and end its lease.

    Args:
        store: The store of lease, receipt and artifact.
        lease_name: The machine's lease.
        receipt: The proof, from `verify`; nothing else is accepted.
        stop: Stops the machine; called only after every check. If it raises, the lease stays.

    Raises:
        BadReceipt: If it is not a receipt, was changed, has expired, is of another store or artifact, is unknown to the
            store, or its artifact was rebuilt since.
        LeaseMissing: If the lease does not exist.
    """
    _check_receipt(store, receipt)
    _check_lease(read_lease(store, lease_name), receipt)
    _check_digest(store, receipt)
    stop()
    end(store, lease_name)


def _check_receipt(store: Store, receipt: Receipt) -> None:
    if not isinstance(receipt, Receipt):
        raise BadReceipt(
            f"compute is released by a receipt alone, not by {receipt!r} of type {type(receipt).__name__}; "
            "tasks.store.receipts.verify writes one."
        )
    way_out = f"verify {receipt.ref.path} again"
    if not receipt.is_sealed:
        raise BadReceipt(f"receipt {receipt.name} was changed after it was sealed; {way_out}.")
    if receipt.expires_at <= datetime.now(UTC):
        raise BadReceipt(f"receipt {receipt.name} expired at {clock(receipt.expires_at)}; {way_out}.")
    if receipt.store != store.url:
        raise BadReceipt(f"receipt {receipt.name} is of store {receipt.store}, the lease of {store.url}; verify there.")
    if read_receipt(store, receipt.name) != receipt:
        raise BadReceipt(f"receipt {receipt.name} has another content in {store.url}; {way_out}.")


def _check_lease(lease: Lease, receipt: Receipt) -> None:
    if lease.artifact != receipt.ref.path:
        raise BadReceipt(
            f"lease {lease.name} is on {lease.what} for {lease.artifact}, the receipt proves {receipt.ref.path}; "
            f"verify {lease.artifact}."
        )


def check_proves(store: Store, artifact: str, receipt: Receipt) -> None:
    """Check that a receipt proves an artifact as it is in the store now.

    Args:
        store: Of both.
        artifact: Path, `kind/label/key`.
        receipt: From `verify` or `read_receipt`.

    Raises:
        BadReceipt: As `release_compute`.
        FileNotFoundError: If the artifact's record was removed since.
    """
    _check_receipt(store, receipt)
    if receipt.ref.path != artifact:
        raise BadReceipt(f"receipt {receipt.name} proves {receipt.ref.path} and not {artifact}; verify {artifact}.")
    _check_digest(store, receipt)


def _check_digest(store: Store, receipt: Receipt) -> None:
    if (found := store.records.read(receipt.ref.path).digest) != receipt.ref.digest:
        raise BadReceipt(
            f"artifact {receipt.ref.path} in {store.url} has digest {found[:12]}, its receipt proves "
            f"{receipt.ref.digest[:12]}: it was rebuilt since; verify it again."
        )
