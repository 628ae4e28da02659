"""Garbage: blobs that no record names, and uploads that no client will finish."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field

from tasks.store.catalogue import earlier_records, records
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.objects import ObjectInfo, UnfinishedUpload
from tasks.store.sealed import Sealed, read_sealed
from tasks.store.store import Store

MAX_HOURS = 24 * 366 * 100
OLDER_THAN_HOURS = 24.0
"""A publication uploads its blobs before its record: younger blobs may belong to one in progress."""


class UnreadableRecord(StoreError):
    """A record cannot be read, so the blobs it names are unknown and nothing is removed."""


class TooFewRecords(StoreError):
    """Fewer records can be read than at the last garbage collection, and nobody removed the others."""


class RemovedTooMuch(StoreError):
    """A publication reused an old blob at the moment it was removed."""


@dataclass(frozen=True)
class Garbage:
    """What may be removed, and counts of what was examined.

    Args:
        blobs: No record names them, and they are older than the grace period.
        uploads: Begun before the grace period and never finished.
        n_records: Records read.
        n_kept: Blobs that a record names.
        n_young: Blobs that no record names yet, younger than the grace period.
    """

    blobs: tuple[ObjectInfo, ...]
    uploads: tuple[UnfinishedUpload, ...]
    n_records: int
    n_kept: int
    n_young: int

    @property
    def n_bytes(self) -> int:
        """Size of the blobs; servers do not report the size of unfinished uploads."""
        return sum(blob.size for blob in self.blobs)


COUNT_NAME = "gc/records.json"


class RecordCount(Sealed):
    """How many records there were when garbage was last collected, or an artifact last removed."""

    n_records: int = Field(ge=0)
    counted_at: datetime


def find_garbage(store: Store, older_than_hours: float = OLDER_THAN_HOURS) -> Garbage:
    """Find garbage older than a grace period, which must be longer than any publication takes; change nothing.

    Raises:
        UnreadableRecord: If any record cannot be read.
        TooFewRecords: If there are fewer than at the last collection.
    """
    if not 0 <= older_than_hours <= MAX_HOURS:
        raise StoreError(f"a grace period of {older_than_hours:g} hours is not valid; give 0 to {MAX_HOURS:,}.")
    before = datetime.now(UTC) - timedelta(hours=older_than_hours)
    # Blobs first: a later publication's blobs are not in this listing, or are checked again by `remove`.
    blobs = list(store.objects.list("blobs/"))
    referenced, n_records = _referenced(store)
    _check_count(store, n_records)
    loose = [blob for blob in blobs if blob.name not in referenced]
    old = tuple(blob for blob in loose if blob.modified < before)
    uploads = tuple(upload for upload in store.objects.unfinished_uploads() if upload.started < before)
    return Garbage(old, uploads, n_records, len(blobs) - len(loose), len(loose) - len(old))


def remove(store: Store, garbage: Garbage) -> Garbage:
    """Remove garbage except blobs that a record has named since, and keep the number of records for the next time.

    Raises:
        UnreadableRecord: If any record cannot be read now. Nothing was removed then.
        RemovedTooMuch: If a record that appeared during the removal names a removed blob.
    """
    removed = remove_unreferenced(store, garbage)
    _note_count(store, removed.n_records)
    return removed


def remove_unreferenced(store: Store, garbage: Garbage) -> Garbage:
    """Remove garbage except blobs that a record has named since. Returns what was removed.

    Raises:
        UnreadableRecord: If any record cannot be read now. Nothing was removed then.
        RemovedTooMuch: If a record that appeared during the removal names a removed blob.
    """
    referenced, n_records = _referenced(store)
    blobs = tuple(blob for blob in garbage.blobs if blob.name not in referenced)
    for blob in blobs:
        store.objects.delete(blob.name)
    for upload in garbage.uploads:
        store.objects.abort(upload)
    _check_none_needed(store, {blob.name for blob in blobs})
    n_saved = len(garbage.blobs) - len(blobs)
    return Garbage(blobs, garbage.uploads, n_records, garbage.n_kept + n_saved, garbage.n_young)


def _last_count(store: Store) -> RecordCount | None:
    try:
        return read_sealed(store.objects, COUNT_NAME, RecordCount)
    except FileNotFoundError:
        return None


def _check_count(store: Store, n_records: int) -> None:
    """Records that the last collection saw must be seen now, or the blobs they name would count as garbage."""
    last = _last_count(store)
    if last and not n_records >= last.n_records:
        raise TooFewRecords(
            f"{store.url} shows {n_records} records, and had {last.n_records} on {last.counted_at:%Y-%m-%d %H:%M} UTC; "
            "nothing is removed, for the others' blobs would be. Restore them, or see why they are not listed; if "
            f"somebody removed them on purpose, remove {COUNT_NAME} too."
        )


def _note_count(store: Store, n_records: int) -> None:
    count = RecordCount(n_records=n_records, counted_at=datetime.now(UTC))
    store.objects.write(COUNT_NAME, count.sealed().to_bytes())


def lower_count(store: Store, n_records: int) -> None:
    """Note that records were removed on purpose, if garbage was ever collected."""
    last = _last_count(store)
    if last and n_records < last.n_records:
        _note_count(store, n_records)


def _check_none_needed(store: Store, removed: Set[str]) -> None:
    # A publication that found an old, unreferenced blob does not send it again; no store can lock it against that.
    damaged = [record.ref.path for record in records(store)[0] if removed & set(store.blobs.names_of(record))]
    if damaged:
        raise RemovedTooMuch(
            f"{', '.join(damaged)} named removed blobs while they were removed; remove its record.json and rerun its "
            "stage. Run gc when nothing is published, or with a longer grace period."
        )


def _referenced(store: Store) -> tuple[Set[str], int]:
    """Names of all blobs that a record names, and the number of records."""
    readable, unreadable = records(store)
    if unreadable:
        raise UnreadableRecord(
            f"nothing is removed, because {len(unreadable)} of {len(unreadable) + len(readable)} records cannot be "
            "read: " + " ".join(unreadable)
        )
    try:
        readable += earlier_records(store)
    except ArtifactDamaged as error:
        raise UnreadableRecord(f"nothing is removed: {error}") from error
    return {name for record in readable for name in store.blobs.names_of(record)}, len(readable)
