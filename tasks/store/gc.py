"""What nothing refers to: blobs of no record, uploads that no client will finish."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.store.catalogue import records, set_aside
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.objects import ObjectInfo, UnfinishedUpload
from tasks.store.store import Store

OLDER_THAN_HOURS = 24.0
"""A publication uploads its blobs before its record: what is younger may be one in progress."""

BLOBS = "blobs/"


class UnreadableRecord(StoreError):
    """While a record cannot be read nobody knows what it refers to, so nothing is removed."""


class RemovedTooMuch(StoreError):
    """A publication took up an old blob in the moment in which it was removed."""


@dataclass(frozen=True)
class Garbage:
    """What may go, and what was looked at.

    Args:
        blobs: No record refers to them, and they are older than the grace period.
        uploads: Begun before the grace period and never finished.
        n_records: Records read.
        n_kept: Blobs that a record refers to.
        n_young: Blobs that no record refers to yet, younger than the grace period.
    """

    blobs: tuple[ObjectInfo, ...]
    uploads: tuple[UnfinishedUpload, ...]
    n_records: int
    n_kept: int
    n_young: int

    @property
    def n_bytes(self) -> int:
        """Size of the blobs; a server does not tell the size of unfinished uploads."""
        return sum(blob.size for blob in self.blobs)


def find_garbage(store: Store, older_than_hours: float = OLDER_THAN_HOURS) -> Garbage:
    """Look, change nothing.

    Args:
        store: Where to look.
        older_than_hours: The grace period; longer than any publication takes.

    Raises:
        UnreadableRecord: If any record cannot be read.
    """
    if not older_than_hours >= 0:
        raise StoreError(f"a grace period of {older_than_hours} hours is none; give 0 or more.")
    before = datetime.now(UTC) - timedelta(hours=older_than_hours)
    # Blobs first: what is published after this listing has blobs that are not in it, or that `remove` asks for again.
    blobs = list(store.objects.list(BLOBS))
    referenced, n_records = _referenced(store)
    loose = [blob for blob in blobs if blob.name not in referenced]
    old = tuple(blob for blob in loose if blob.modified < before)
    uploads = tuple(upload for upload in store.objects.unfinished_uploads() if upload.started < before)
    return Garbage(old, uploads, n_records, len(blobs) - len(loose), len(loose) - len(old))


def remove(store: Store, garbage: Garbage) -> Garbage:
    """Remove what was found, less what a record has come to refer to since. Returns what was removed.

    Raises:
        UnreadableRecord: If any record cannot be read now. Nothing was removed then.
        RemovedTooMuch: If a record that appeared during the removal refers to what was removed.
    """
    referenced, n_records = _referenced(store)
    blobs = tuple(blob for blob in garbage.blobs if blob.name not in referenced)
    for blob in blobs:
        store.objects.delete(blob.name)
    for upload in garbage.uploads:
        store.objects.abort(upload)
    _refuse_silence(store, {blob.name for blob in blobs})
    n_saved = len(garbage.blobs) - len(blobs)
    return Garbage(blobs, garbage.uploads, n_records, garbage.n_kept + n_saved, garbage.n_young)


def _refuse_silence(store: Store, removed: Set[str]) -> None:
    # A publication that found an old, unreferenced blob does not send it again; no store can lock it against that.
    hurt = [record.ref.path for record in records(store)[0] if removed & set(store.blobs.names_of(record))]
    if hurt:
        raise RemovedTooMuch(
            f"{', '.join(hurt)} came to refer to removed blobs while they were removed; remove its record.json and run "
            "its stage again. Sweep when nothing is published, or with a longer grace period."
        )


def _referenced(store: Store) -> tuple[Set[str], int]:
    readable, unreadable = records(store)
    if unreadable:
        raise UnreadableRecord(
            f"nothing is removed, for {len(unreadable)} of {len(unreadable) + len(readable)} records cannot be read: "
            + " ".join(unreadable)
        )
    try:
        readable += set_aside(store)
    except ArtifactDamaged as error:
        raise UnreadableRecord(f"nothing is removed: {error}") from error
    return {name for record in readable for name in store.blobs.names_of(record)}, len(readable)
