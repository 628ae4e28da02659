"""Which of several builders' records stands: the first whose artifact is whole."""

import logging
from contextlib import suppress

from tasks.store.blobs import Blobs
from tasks.store.drift import refuse_drift
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.record_files import RecordFiles
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.wholeness import check_whole

log = logging.getLogger(__name__)


def settle(blobs: Blobs, records: RecordFiles, record: Record, n_threads: int) -> ArtifactRef:
    """Write a record whose blobs were verified, unless a whole artifact of the same identity stands there.

    Args:
        blobs: The store's.
        records: The store's.
        record: Sealed.
        n_threads: Blobs that are read at once.

    Returns:
        The reference that counts from now on, of this build or of an earlier one.

    Raises:
        ArtifactDamaged: If the record reads back changed.
        IdentityDrift: If the record that stands there is of another identity.
        NewerSchema: If a newer version of this program wrote the one that stands there.
    """
    path = record.ref.path
    _make_way(blobs, records, record, n_threads)
    if not records.write_new(record) and _must_be_replaced(blobs, records, record, n_threads):
        log.warning("%s: the artifact that stood there was damaged and is replaced", path)
        records.replace(record)
    # Where the server does not hold writers apart, another's record may stand here by now: then that one counts.
    standing = _read_back(records, record)
    if standing.seal != record.seal and record.spent:
        log.warning("%s: %s in vain, for another build's record stands: no record tells of it", path, record.spent)
    if standing.digest != record.digest:
        records.count_other(record)
        log.warning(
            "%s: an earlier build with other bytes stands (%s); this one (%s) is counted as another and not used",
            path,
            standing.digest[:12],
            record.digest[:12],
        )
        return standing.ref
    log.info("published %s, %d files, %.1f MB", path, len(record.files), record.n_bytes / 1e6)
    records.point_latest(standing)
    return standing.ref


def _make_way(blobs: Blobs, records: RecordFiles, record: Record, n_threads: int) -> None:
    """Put a record that was asked for in place of the one that stands; that one is kept aside if its bytes differ."""
    try:
        standing = records.read(record.ref.path) if record.requested_by else None
    except (ArtifactDamaged, FileNotFoundError):
        return  # replaced, or written, as any record is
    if standing is None or standing.requested_by == record.requested_by:
        return
    refuse_drift(record.identity, standing)
    check_whole(blobs, record, n_threads)
    same = standing.digest == record.digest
    if not same:
        records.set_aside(standing)
    records.replace(record)
    how = "with the same bytes" if same else f"with other bytes; the earlier one ({standing.digest[:12]}) is kept aside"
    log.warning("%s: built again %s", record.ref.path, how)


def _must_be_replaced(blobs: Blobs, records: RecordFiles, record: Record, n_threads: int) -> bool:
    try:
        standing = records.read(record.ref.path)
        refuse_drift(record.identity, standing)
        if standing.files != record.files:
            check_whole(blobs, standing, n_threads)
    except (ArtifactDamaged, FileNotFoundError) as error:
        log.warning("%s", error)
        return True
    return False


def _read_back(records: RecordFiles, record: Record) -> Record:
    name = records.name_of(record.ref.path)
    try:
        try:
            return records.read(record.ref.path)
        except ArtifactDamaged:
            # It was whole when it left here, so it was harmed on the way.
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
        # An unreadable record would stop every later run until a person removes it; without one the next run builds.
        with suppress(StoreError, OSError):
            records.objects.delete(records.name_of(record.ref.path))
        raise
