"""The last step of a publication: which of several builders' records counts, and stopping before the record is written.

The first record whose artifact is whole counts.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tasks.store.blobs import Blobs, check_whole
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.record_files import RecordFiles
from tasks.store.records import Record, check_identity
from tasks.store.refs import ArtifactRef

log = logging.getLogger(__name__)


class PublicationStopped(StoreError):
    """Another thread stopped the publication."""


class Stop:
    """Set by one thread to stop the publication of another."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._recording = threading.Lock()

    def set(self) -> None:
        """Stop. A record that is being written may still be completed: see `wait_for_record`."""
        self._set.set()

    def is_set(self) -> bool:
        """Whether it was stopped."""
        return self._set.is_set()

    def wait_for_record(self) -> None:
        """Return when no record is being written; after `set`, none will be."""
        with self._recording:
            pass

    def check(self) -> None:
        """Raise PublicationStopped if it was stopped."""
        if self._set.is_set():
            raise PublicationStopped("the publication was stopped; no record of it is written.")

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Hold this while a record is written. Raises PublicationStopped if it was stopped before."""
        with self._recording:
            self.check()
            yield


def commit_record(blobs: Blobs, records: RecordFiles, record: Record, n_threads: int) -> ArtifactRef:
    """Write a sealed record whose blobs were verified, unless a whole artifact of the same identity exists.

    Returns:
        The reference that counts from now on, of this build or of an earlier one.

    Raises:
        ArtifactDamaged: If the record reads back changed.
        IdentityDrift: If the existing record has another identity.
        NewerSchema: If a newer version of this program wrote the existing one.
    """
    path = record.ref.path
    _replace_for_rebuild(blobs, records, record, n_threads)
    if not records.write_new(record) and _is_existing_damaged(blobs, records, record, n_threads):
        log.warning("%s: the existing artifact is damaged and is replaced", path)
        records.replace(record)
    # Without conditional writes another builder's record may have been written meanwhile: then that one counts.
    existing = _read_back(records, record)
    if existing.seal != record.seal and record.spent:
        log.warning("%s: %s are in no record, since another build's record exists", path, record.spent)
    if existing.digest != record.digest:
        records.count_other(record)
        log.warning(
            "%s: an earlier build with other bytes exists (%s) and is used; this one (%s) is only counted",
            *(path, existing.digest[:12], record.digest[:12]),
        )
        return existing.ref
    log.info("published %s, %d files, %.1f MB", path, len(record.files), record.n_bytes / 1e6)
    records.point_latest(existing)
    return existing.ref


def _replace_for_rebuild(blobs: Blobs, records: RecordFiles, record: Record, n_threads: int) -> None:
    """Replace the existing record by a requested rebuild; the existing one is kept if its bytes differ."""
    try:
        existing = records.read(record.ref.path) if record.requested_by else None
    except (ArtifactDamaged, FileNotFoundError):
        return  # handled as for any record
    if existing is None or existing.requested_by == record.requested_by:
        return
    check_identity(existing, record.identity)
    check_whole(blobs, record, n_threads)
    is_same = existing.digest == record.digest
    if not is_same:
        records.keep_earlier(existing)
    records.replace(record)
    how = "the same bytes" if is_same else f"other bytes; the earlier build ({existing.digest[:12]}) is kept"
    log.warning("%s: rebuilt with %s", record.ref.path, how)


def _is_existing_damaged(blobs: Blobs, records: RecordFiles, record: Record, n_threads: int) -> bool:
    try:
        existing = records.read(record.ref.path)
        check_identity(existing, record.identity)
        if existing.files != record.files:
            check_whole(blobs, existing, n_threads)
    except (ArtifactDamaged, FileNotFoundError) as error:
        log.warning("%s", error)
        return True
    return False


def _read_back(records: RecordFiles, record: Record) -> Record:
    name = records.name_of(record.ref.path)
    try:
        with suppress(ArtifactDamaged):
            return records.read(record.ref.path)
        # It was whole when it was sent, so it was damaged on the way.
        records.replace(record)
        return _read_or_remove(records, record)
    except FileNotFoundError as error:
        raise ArtifactDamaged(
            f"{name} in {records.objects.url} is missing right after it was written; the artifact does not count."
        ) from error


def _read_or_remove(records: RecordFiles, record: Record) -> Record:
    try:
        return records.read(record.ref.path)
    except ArtifactDamaged:
        # An unreadable record would block every later run until a person removes it; without one the next run builds.
        with suppress(StoreError, OSError):
            records.objects.delete(records.name_of(record.ref.path))
        raise
