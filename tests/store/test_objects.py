"""The objects protocol on a folder and on two kinds of S3 server."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tasks.store.connect import open_objects
from tasks.store.errors import StoreError, StoreRefused
from tasks.store.objects import Objects, UnfinishedUpload
from tasks.store.s3_client import s3_client
from tasks.store.s3_objects import S3Objects
from tasks.store.store import Store

LONGER_THAN_A_PIECE = os.urandom(3 << 20) + b"!"


@pytest.fixture
def objects(any_store: Store) -> Objects:
    return any_store.objects


@pytest.mark.parametrize("content", [b"", b"alpha", LONGER_THAN_A_PIECE], ids=["empty", "short", "long"])
def test_what_was_written_is_read_back(objects: Objects, content: bytes) -> None:
    objects.write("a/b", content)
    assert objects.read("a/b") == content == b"".join(objects.stream("a/b"))
    assert objects.size("a/b") == len(content)


def test_a_bytearray_is_written_as_bytes_are(objects: Objects) -> None:
    objects.write("a", bytearray(LONGER_THAN_A_PIECE))
    assert objects.read("a") == LONGER_THAN_A_PIECE


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (2, 5), (0, 5), (3, 3), (4, 2)])
def test_a_range_is_the_slice_of_the_whole(objects: Objects, start: int, stop: int) -> None:
    objects.write("a", b"alpha")
    assert objects.read_range("a", start, stop) == b"alpha"[start:stop]


def test_an_absent_object_is_reported_absent(objects: Objects) -> None:
    assert objects.size("missing") is None
    assert list(objects.list("missing")) == []
    for read in (objects.read, lambda name: objects.read_range(name, 0, 1), lambda name: list(objects.stream(name))):
        with pytest.raises(FileNotFoundError, match="missing"):
            read("missing")
    objects.delete("missing")


def test_a_second_write_replaces_and_a_second_new_one_does_not(objects: Objects) -> None:
    objects.write("a", b"one")
    objects.write("a", b"two")
    assert objects.read("a") == b"two"
    assert objects.write_new("a", b"three") is False
    assert objects.write_new("b", b"three") is True
    assert (objects.read("a"), objects.read("b")) == (b"two", b"three")


def test_of_simultaneous_writers_one_wins_if_that_is_enforced(any_store: Store) -> None:
    clients = [open_objects(any_store.url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: clients[number].write_new("a", str(number).encode()), range(8)))
    if any_store.probe().conditional_writes:
        assert any_store.objects.read("a") == str(won.index(True)).encode()
        assert sum(won) == 1
    else:
        assert any(won)


def test_a_listing_has_names_sizes_and_times_of_a_prefix(objects: Objects) -> None:
    for name in ("x/b", "x/a/c", "xy", "y/a"):
        objects.write(name, name.encode())
    found = {info.name: info for info in objects.list("x/")}
    assert sorted(found) == ["x/a/c", "x/b"]
    assert [found[name].size for name in sorted(found)] == [5, 3]
    assert all(abs(info.modified - datetime.now(UTC)) < timedelta(minutes=5) for info in found.values())
    assert {info.name for info in objects.list("")} == {"x/b", "x/a/c", "xy", "y/a"}


def test_a_listing_of_more_than_a_page_is_complete(moto_store: str) -> None:
    objects = open_objects(moto_store)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: objects.write(f"many/{number:04}", b""), range(1_005)))
    assert [info.name for info in objects.list("many/")] == [f"many/{number:04}" for number in range(1_005)]


def test_another_clients_object_is_seen_at_once_and_so_is_its_end(any_store: Store) -> None:
    watcher, writer = any_store.objects, open_objects(any_store.url)
    assert (watcher.size("a"), list(watcher.list(""))) == (None, [])
    writer.write("a", b"alpha")
    assert (watcher.size("a"), len(list(watcher.list("")))) == (5, 1)
    writer.delete("a")
    assert (watcher.size("a"), list(watcher.list(""))) == (None, [])


@pytest.mark.parametrize("name", ["../escape", "a/../../escape", "/etc/passwd"])
def test_no_object_name_leaves_the_store(objects: Objects, name: str) -> None:
    for act in (objects.read, objects.size, objects.delete, lambda name: objects.write(name, b"x")):
        with pytest.raises(StoreRefused, match="would leave the store"):
            act(name)


def test_a_part_file_in_a_folder_is_not_an_object_and_can_be_removed(tmp_path) -> None:
    objects = open_objects(str(tmp_path))
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "ab12.1f.part").write_bytes(b"half")
    assert list(objects.list("")) == []
    [left] = objects.unfinished_uploads()
    assert left == UnfinishedUpload("blobs/ab12.1f.part", "", left.started)
    objects.abort(left)
    assert list(objects.unfinished_uploads()) == []


def test_another_clients_orphan_upload_is_seen_and_can_be_removed(moto_store: str) -> None:
    objects = open_objects(moto_store)
    assert isinstance(objects, S3Objects)
    key = f"{objects.prefix}blobs/ab12"
    upload_id = s3_client().create_multipart_upload(Bucket=objects.bucket, Key=key)["UploadId"]
    [left] = objects.unfinished_uploads()
    assert (left.name, left.upload_id) == ("blobs/ab12", upload_id)
    objects.abort(left)
    objects.abort(left)
    assert list(objects.unfinished_uploads()) == []


def test_a_listing_is_complete_in_any_order_of_names(seaweedfs_store: str) -> None:
    objects = open_objects(seaweedfs_store)
    # In the order of their bytes; SeaweedFS 4.48 sorts folder by folder: `a/x` comes second.
    names = ["B", "a", "a b", "a-b", "a.b", "a/x", "é"]
    for name in names:
        objects.write(name, name.encode())
    listed = [found.name for found in objects.list("")]
    assert sorted(listed, key=str.encode) == names
    assert listed != names
    assert [objects.read(name) for name in names] == [name.encode() for name in names]


def test_an_object_is_encrypted_by_the_server_if_the_environment_asks(moto_store: str, monkeypatch) -> None:
    monkeypatch.setenv("HINDSIGHT_S3_SSE", "aws:kms")
    monkeypatch.setenv("HINDSIGHT_S3_KMS_KEY", "alias/hindsight")
    objects = open_objects(moto_store)
    assert isinstance(objects, S3Objects)
    objects.write("a", b"alpha")
    found = objects.client.head_object(Bucket=objects.bucket, Key=f"{objects.prefix}a")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/hindsight")
    assert objects.read("a") == b"alpha"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HINDSIGHT_S3_SSE", "rot13", "HINDSIGHT_S3_SSE='rot13' is not an encryption of S3"),
        ("HINDSIGHT_S3_KMS_KEY", "alias/x", "HINDSIGHT_S3_SSE is not aws:kms"),
        ("HINDSIGHT_TRANSFERS", "0", "HINDSIGHT_TRANSFERS='0' is not a number from 1 to 64"),
    ],
)
def test_an_invalid_environment_is_refused(s3_store, monkeypatch, name, value, sentence) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match=sentence):
        open_objects(s3_store)
