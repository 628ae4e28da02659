"""One artifact given up: its record first, so that it no longer counts, then the blobs no other record names."""

import json

from tasks.store.catalogue import LATEST, records
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.gc import Garbage, UnreadableRecord, remove
from tasks.store.objects import ObjectInfo
from tasks.store.record_files import ASIDE
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store


class StillNeeded(StoreError):
    """Another artifact came from this one."""


def forget(store: Store, ref: ArtifactRef) -> Garbage:
    """Remove an artifact from the store.

    Its record goes first: if the process ends after that, the artifact is gone and its blobs are swept by `gc`. A blob
    that another record names stays. A publication that takes up one of the blobs at the same moment sends it again
    once its record is written; if its record and its last look fall between the listing of records and the removal,
    `RemovedTooMuch` names it.

    Args:
        store: Where it stands.
        ref: What nobody needs any more.

    Returns:
        What was removed besides the record.

    Raises:
        ArtifactMissing: If it is not in the store.
        ArtifactDamaged: If another content stands there than the reference says.
        StillNeeded: If another artifact's record names it as an input. Nothing was removed then.
        UnreadableRecord: If any record cannot be read. Nothing was removed then.
        RemovedTooMuch: If a record that appeared during the removal names a removed blob.
    """
    record = store.record(ref)
    if store.records.read(ref.path).digest != ref.digest:
        raise ArtifactDamaged(
            f"{ref.path} was built again since {ref.digest[:12]}; remove {ref.path}/{ASIDE}/{ref.digest[:12]}.json to "
            "give the earlier one up, and run `gc`."
        )
    _refuse_needed(store, ref)
    store.objects.delete(store.records.name_of(ref.path))
    for info in list(store.objects.list(f"{ref.path}/")):
        store.objects.delete(info.name)
    _forget_hint(store, ref)
    return remove(store, Garbage(_blobs(store, record), uploads=(), n_records=0, n_kept=0, n_young=0))


def _refuse_needed(store: Store, ref: ArtifactRef) -> None:
    readable, unreadable = records(store)
    if unreadable:
        raise UnreadableRecord(
            f"{ref.path} is not forgotten, for {len(unreadable)} records cannot be read and may name its blobs: "
            + " ".join(unreadable)
        )
    if needing := [record.ref.path for record in readable if ref in record.inputs.values()]:
        raise StillNeeded(
            f"{ref.path} is not forgotten, for {', '.join(needing)} came from it; forget what came from it first."
        )


def _forget_hint(store: Store, ref: ArtifactRef) -> None:
    name = f"{ref.kind}/{ref.label}/{LATEST}.json"
    try:
        hint = json.loads(store.objects.read(name))
    except (FileNotFoundError, ValueError):
        return
    if isinstance(hint, dict) and hint.get("key") == ref.key:
        store.objects.delete(name)


def _blobs(store: Store, record: Record) -> tuple[ObjectInfo, ...]:
    sizes = {blob.sha256: blob.size for entry in record.files for blob in entry.blobs}
    return tuple(ObjectInfo(store.blobs.name_of(sha256), size, record.finished_at) for sha256, size in sizes.items())
