"""Which blobs gc removes and which it never does."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.store.errors import StoreError
from tasks.store.forget import forget
from tasks.store.gc import COUNT_NAME, RemovedTooMuch, TooFewRecords, UnreadableRecord, find_garbage, remove
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published


def blobs(store: Store) -> set[str]:
    return {info.name for info in store.objects.list("blobs/")}


@pytest.fixture
def loose(store: Store, folder: Path) -> tuple[Store, ArtifactRef, str]:
    """One artifact, and a blob that no record names."""
    ref = published(store, folder)
    name = f"blobs/{'0' * 64}"
    store.objects.write(name, b"12345678")
    return store, ref, name


def test_finding_garbage_changes_nothing(loose: tuple[Store, ArtifactRef, str]) -> None:
    store, _, name = loose
    before = blobs(store)
    garbage = find_garbage(store, older_than_hours=0)
    assert [blob.name for blob in garbage.blobs] == [name]
    assert (garbage.n_bytes, garbage.n_records, garbage.n_kept) == (8, 1, 2)
    assert blobs(store) == before


def test_blobs_that_a_record_names_stay(loose: tuple[Store, ArtifactRef, str]) -> None:
    store, ref, name = loose
    removed = remove(store, find_garbage(store, older_than_hours=0))
    assert [blob.name for blob in removed.blobs] == [name]
    assert name not in blobs(store)
    assert (open_store().fetch(ref) / "a.txt").read_text() == "alpha"
    assert find_garbage(store, older_than_hours=0).blobs == ()


def test_a_blob_younger_than_the_grace_period_stays(loose: tuple[Store, ArtifactRef, str]) -> None:
    store, _, name = loose
    garbage = find_garbage(store)
    assert (garbage.blobs, garbage.n_young) == ((), 1)
    remove(store, garbage)
    assert name in blobs(store)


def test_a_publication_in_progress_is_left_alone(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect_garbage(records, record):
        """Called instead of writing the record: all blobs exist, the record does not."""
        assert len(blobs(store)) == 2
        remove(store, find_garbage(store))
        return real(records, record)

    real = type(store.records).write_new
    monkeypatch.setattr(type(store.records), "write_new", collect_garbage)
    ref = published(store, folder)
    assert (open_store().fetch(ref) / "a.txt").read_text() == "alpha"


def test_a_blob_that_a_record_has_named_since_stays(store: Store, folder: Path) -> None:
    ref = published(store, folder)
    record = store.objects.read(f"{ref.path}/record.json")
    store.objects.delete(f"{ref.path}/record.json")
    garbage = find_garbage(store, older_than_hours=0)
    assert len(garbage.blobs) == 2
    store.objects.write(f"{ref.path}/record.json", record)
    removed = remove(store, garbage)
    assert (removed.blobs, removed.n_kept) == ((), 2)
    assert (store.fetch(ref) / "a.txt").read_text() == "alpha"


def test_a_record_that_names_a_blob_while_it_is_removed_is_reported(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = published(store, folder)
    name, record = f"{ref.path}/record.json", store.objects.read(f"{ref.path}/record.json")
    store.objects.delete(name)
    garbage = find_garbage(store, older_than_hours=0)
    real = type(store.objects).delete

    def delete(objects, blob: str) -> None:
        real(objects, blob)
        objects.write(name, record)

    monkeypatch.setattr(type(store.objects), "delete", delete)
    with pytest.raises(RemovedTooMuch, match=rf"{ref.path} named removed blobs"):
        remove(store, garbage)


@pytest.mark.parametrize("harm", ["cut", "newer schema"])
def test_one_unreadable_record_and_nothing_is_removed(loose: tuple[Store, ArtifactRef, str], harm: str) -> None:
    store, ref, name = loose
    record = store.objects.read(f"{ref.path}/record.json")
    content = record[:-40] if harm == "cut" else record.replace(b'"schema_version": 3', b'"schema_version": 99')
    garbage = find_garbage(store, older_than_hours=0)
    store.objects.write(f"{ref.path}/record.json", content)
    with pytest.raises(UnreadableRecord, match=rf"1 of 1 records cannot be read: .*{ref.path}/record\.json"):
        find_garbage(store, older_than_hours=0)
    with pytest.raises(UnreadableRecord, match="nothing is removed"):
        remove(store, garbage)
    assert name in blobs(store)


def test_blobs_shared_with_a_removed_artifact_stay(store: Store, folder: Path) -> None:
    gone = published(store, folder)
    kept = published(store, folder, ARTIFACT_TYPE.spec(SmallConfig(size=4)))
    store.objects.delete(f"{gone.path}/record.json")
    assert find_garbage(store, older_than_hours=0).blobs == ()
    assert (store.fetch(kept) / "a.txt").read_text() == "alpha"


def test_receipts_leases_and_pointers_are_neither_garbage_nor_records(loose: tuple[Store, ArtifactRef, str]) -> None:
    store, ref, _ = loose
    names = [f"receipts/{ref.path}/x.json", "leases/x.json", "corpus/letters/latest.json"]
    for name in names:
        store.objects.write(name, b"{}")
    remove(store, find_garbage(store, older_than_hours=0))
    assert all(store.objects.size(name) == 2 for name in names)


def test_an_old_part_file_of_a_killed_writer_is_removed_and_a_young_one_is_not(folder: Path) -> None:
    store = open_store()
    published(store, folder)
    old, young = [Path(store.url) / "blobs" / f"{letter * 64}.x.part" for letter in "ab"]
    for part in (old, young):
        part.write_bytes(b"half")
    long_ago = time.time() - 3 * 86400
    os.utime(old, (long_ago, long_ago))
    garbage = find_garbage(store)
    assert [upload.name for upload in garbage.uploads] == [old.relative_to(store.url).as_posix()]
    assert garbage.uploads[0].started < datetime.now(UTC) - timedelta(days=2)
    remove(store, garbage)
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("hours", [-1, float("nan")])
def test_an_invalid_grace_period_is_refused(store: Store, hours: float) -> None:
    with pytest.raises(StoreError, match="grace period"):
        find_garbage(store, older_than_hours=hours)


def test_nothing_is_removed_where_records_of_the_last_collection_are_not_seen(store: Store, folder: Path) -> None:
    first = published(store, folder)
    (folder / "c.txt").write_text("gamma")
    second = published(store, folder, ARTIFACT_TYPE.spec(SmallConfig(size=4)))
    remove(store, find_garbage(store, older_than_hours=0))
    record = store.objects.read(f"{second.path}/record.json")
    store.objects.delete(f"{second.path}/record.json")
    before = blobs(store)
    with pytest.raises(TooFewRecords, match=r"shows 1 records, and had 2 on .*nothing is removed"):
        find_garbage(store, older_than_hours=0)
    assert blobs(store) == before
    store.objects.write(f"{second.path}/record.json", record)
    assert find_garbage(store, older_than_hours=0).blobs == ()
    # What is removed on purpose is not missed.
    forget(store, first)
    assert find_garbage(store, older_than_hours=0).n_records == 1
    store.objects.delete(f"{second.path}/record.json")
    store.objects.delete(COUNT_NAME)
    assert len(find_garbage(store, older_than_hours=0).blobs) == 3
