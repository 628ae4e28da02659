"""Remove one artifact: its record first, so that it no longer counts, then the blobs that no other record names."""

import json

from tasks.store.catalogue import LATEST, records
from tasks.store.errors import ArtifactDamaged, StoreError
from tasks.store.gc import Garbage, UnreadableRecord, lower_count, remove_unreferenced
from tasks.store.objects import ObjectInfo
from tasks.store.record_files import EARLIER
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store


class StillNeeded(StoreError):
    """The artifact is an input of another one."""


def forget(store: Store, ref: ArtifactRef) -> Garbage:
    """Remove an artifact from the store.

    If the process ends after the record is removed, the artifact no longer exists and `gc` removes its blobs. A blob
    that another record names stays. A publication that reuses one of the blobs at the same moment sends it again after
    its record is written; if its record and its last check fall between the listing of records and the removal,
    `RemovedTooMuch` names it.

    Returns:
        What was removed besides the record.

    Raises:
        ArtifactMissing: If it does not exist.
        ArtifactDamaged: If it has another content than the reference.
        StillNeeded: If it is an input of another artifact. Nothing was removed then.
        UnreadableRecord: If any record cannot be read. Nothing was removed then.
        RemovedTooMuch: If a record that appeared during the removal names a removed blob.
    """
    record = store.record(ref)
    if store.records.read(ref.path).digest != ref.digest:
        raise ArtifactDamaged(
            f"{ref.path} was rebuilt since {ref.digest[:12]}; remove {ref.path}/{EARLIER}/{ref.digest[:12]}.json to "
            "give the earlier one up, and run `gc`."
        )
    _check_not_needed(store, ref)
    store.objects.delete(store.records.name_of(ref.path))
    for info in list(store.objects.list(f"{ref.path}/")):
        store.objects.delete(info.name)
    _remove_latest(store, ref)
    blobs = tuple(
        ObjectInfo(store.blobs.name_of(sha256), size, record.finished_at) for sha256, size in record.blob_sizes.items()
    )
    removed = remove_unreferenced(store, Garbage(blobs, uploads=(), n_records=0, n_kept=0, n_young=0))
    lower_count(store, removed.n_records)
    return removed


def _check_not_needed(store: Store, ref: ArtifactRef) -> None:
    readable, unreadable = records(store)
    if unreadable:
        raise UnreadableRecord(
            f"{ref.path} is not removed, because {len(unreadable)} records cannot be read and may name its blobs: "
            + " ".join(unreadable)
        )
    if children := [record.ref.path for record in readable if ref in record.inputs.values()]:
        raise StillNeeded(f"{ref.path} is not removed, because it is an input of {', '.join(children)}; forget those.")


def _remove_latest(store: Store, ref: ArtifactRef) -> None:
    name = f"{ref.kind}/{ref.label}/{LATEST}.json"
    try:
        hint = json.loads(store.objects.read(name))
    except (FileNotFoundError, ValueError):
        return
    if isinstance(hint, dict) and hint.get("key") == ref.key:
        store.objects.delete(name)
