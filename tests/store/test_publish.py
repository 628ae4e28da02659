"""Publishing a folder: read once, in chunks, resumable, and the first of two builders counts."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.common.settings import project_root
from tasks.store.blobs import Blobs
from tasks.store.digests import sha256_of_file, sha256_of_json
from tasks.store.errors import ArtifactDamaged, IdentityDrift, NewerSchema
from tasks.store.folder_objects import FolderObjects
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tasks.store.uploads import Upload
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published

CHUNK = 1 << 20
SPEC = ARTIFACT_TYPE.spec(SmallConfig())


def in_chunks(store: Store) -> Store:
    return Store(store.url, store.cache_dir, CHUNK)


def other_folder(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("omega")
    return tmp_path / "other"


def as_schema_1(record: Record) -> dict[str, object]:
    """A record as written by the version before chunks."""
    content = record.model_dump(mode="json", exclude={"seal", "spent", "requested_by"}) | {"schema_version": 1}
    for entry in content["files"]:
        del entry["blobs"]
    return content | {"seal": sha256_of_json(content)}


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7])
def test_a_file_of_any_size_is_cut_into_chunks_and_comes_back(any_store: Store, tmp_path: Path, size: int) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file.bin").write_bytes(content := os.urandom(size))
    store = in_chunks(any_store)
    ref = published(store, tmp_path / "made")
    [entry] = store.record(ref).files
    assert [blob.size for blob in entry.blobs] == [CHUNK] * (size // CHUNK) + [size % CHUNK] * (
        size % CHUNK > 0 or not size
    )
    assert (entry.size, entry.sha256) == (size, hashlib.sha256(content).hexdigest())
    assert b"".join(store.objects.read(name) for name in Blobs.names_of(store.record(ref))) == content
    assert (store.fetch(ref) / "file.bin").read_bytes() == content


def test_the_chunk_size_does_not_change_an_artifacts_digest(folder: Path) -> None:
    (folder / "large.bin").write_bytes(os.urandom(3 * CHUNK))
    whole = published(open_store(), folder)
    assert published(in_chunks(open_store()), folder, ARTIFACT_TYPE.spec(SmallConfig(size=4))).digest == whole.digest


def test_a_published_file_was_read_once(s3_store: str, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "large.bin").write_bytes(os.urandom(40 * CHUNK))
    program = f"""
from pathlib import Path
from tasks.store.store import open_store
from tests.store.small_artifact import published
def n_read(): return int(Path("/proc/self/io").read_text().split()[1])
store = open_store()
store.probe()
before = n_read()
published(store, Path({str(tmp_path / "made")!r}))
print(n_read() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project_root(), capture_output=True, check=True)
    # The kernel's count of bytes read from files. It excludes sockets and includes modules imported late.
    assert 40 * CHUNK <= int(done.stdout) < 44 * CHUNK


def test_memory_is_bounded_by_chunks_in_flight_and_not_by_the_file(s3_store: str, tmp_path: Path) -> None:
    program = f"""
import os, resource
from pathlib import Path
from tasks.store.store import Store, open_store
from tests.store.small_artifact import published
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
made = Path({str(tmp_path / "made")!r})
made.mkdir()
store = Store(open_store().url, open_store().cache_dir, {4 * CHUNK})
(made / "small.bin").write_bytes(os.urandom({CHUNK}))
store.fetch(published(store, made))
with (made / "large.bin").open("wb") as file:
    for _ in range(96): file.write(os.urandom({CHUNK}))
before = peak()
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig
store.fetch(published(store, made, ARTIFACT_TYPE.spec(SmallConfig(size=9))))
print(peak() - before)
"""
    environment = {**os.environ, "HINDSIGHT_TRANSFERS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project_root(), env=environment, capture_output=True, check=True
    )
    # Three chunks in flight and one being read, of 4 MiB each; the rest is the allocator's slack. The file has 96 MiB.
    assert int(done.stdout) < 48 * CHUNK


class Dying(FolderObjects):
    """A folder whose client is killed at its fourth write."""

    n_left = 3

    def write(self, name: str, content: bytes | bytearray) -> None:
        self.n_left -= 1
        if self.n_left < 0:
            raise KeyboardInterrupt
        super().write(name, content)


def test_a_killed_publication_resumes_where_it_stopped(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "large.bin").write_bytes(os.urandom(6 * CHUNK))
    store = in_chunks(open_store())
    with pytest.raises(KeyboardInterrupt):
        Upload(Blobs(Dying(Path(store.url))), tmp_path / "made", SPEC.path, CHUNK, 1).send()
    assert store.find(SPEC) is None
    first = {info.name: info.modified for info in store.objects.list("blobs/")}
    assert len(first) == 3
    ref = published(store, tmp_path / "made")
    now = {info.name: info.modified for info in store.objects.list("blobs/")}
    assert len(now) == 6
    assert all(now[name] == modified for name, modified in first.items())
    assert sha256_of_file(store.fetch(ref) / "large.bin") == sha256_of_file(tmp_path / "made" / "large.bin")


def test_an_existing_blob_that_is_cut_is_resent(any_store: Store, folder: Path) -> None:
    any_store.objects.write(f"blobs/{sha256_of_file(folder / 'a.txt')}", b"alph")
    any_store.objects.write(f"blobs/{sha256_of_file(folder / 'deep' / 'b.bin')}", bytes(25_600))
    assert (any_store.fetch(published(any_store, folder)) / "a.txt").read_text() == "alpha"
    assert any_store.find(SPEC) is not None


def test_a_blob_that_gc_removed_before_the_record_named_it_is_resent(
    any_store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_new, blob = any_store.records.write_new, f"blobs/{sha256_of_file(folder / 'a.txt')}"

    def sweep_then_write(record: Record) -> bool:
        any_store.objects.delete(blob)
        return write_new(record)

    monkeypatch.setattr(any_store.records, "write_new", sweep_then_write)
    ref = published(any_store, folder)
    assert any_store.objects.read(blob) == b"alpha"
    assert any_store.find(SPEC) == ref


def test_of_two_builds_that_differ_the_first_stays_and_the_second_is_counted(
    any_store: Store, folder: Path, tmp_path: Path
) -> None:
    first = published(any_store, folder)
    record = any_store.objects.read(f"{first.path}/record.json")
    assert published(any_store, other_folder(tmp_path)) == first == any_store.find(SPEC)
    assert any_store.objects.read(f"{first.path}/record.json") == record
    [other] = any_store.records.others(first)
    assert other.digest != first.digest
    assert published(any_store, tmp_path / "other") == first
    assert len(any_store.records.others(first)) == 1


def test_the_same_bytes_published_twice_leave_the_first_record_as_it_is(any_store: Store, folder: Path) -> None:
    first = published(any_store, folder)
    record = any_store.objects.read(f"{first.path}/record.json")
    assert published(any_store, folder) == first
    assert any_store.objects.read(f"{first.path}/record.json") == record
    assert any_store.records.others(first) == []


def test_a_damaged_artifact_is_replaced_by_a_build_with_other_bytes(
    any_store: Store, folder: Path, tmp_path: Path
) -> None:
    first = published(any_store, folder)
    any_store.objects.delete(f"blobs/{sha256_of_file(folder / 'a.txt')}")
    second = published(any_store, other_folder(tmp_path))
    assert second.digest != first.digest
    assert any_store.find(SPEC) == second
    with pytest.raises(ArtifactDamaged, match=f"the reference has {first.digest[:12]}"):
        any_store.fetch(first)


def test_a_cut_record_is_replaced_by_a_whole_one(any_store: Store, folder: Path) -> None:
    ref = published(any_store, folder)
    any_store.objects.write(f"{ref.path}/record.json", any_store.objects.read(f"{ref.path}/record.json")[:99])
    assert published(any_store, folder) == ref == any_store.find(SPEC)


@pytest.mark.parametrize("where", ["folder", "moto_store"])
def test_simultaneous_builders_all_get_the_same_reference(request, tmp_path: Path, where: str) -> None:
    if where != "folder":
        request.getfixturevalue(where)

    def builder(number: int) -> ArtifactRef:
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "weights.bin").write_bytes(os.urandom(1_000))
        return published(open_store(), tmp_path / str(number))

    with ThreadPoolExecutor(6) as pool:
        refs = set(pool.map(builder, range(6)))
    assert refs == {open_store().find(SPEC)}
    assert len(open_store().records.others(refs.pop())) == 5


def test_latest_is_a_hint_that_nothing_depends_on(any_store: Store, folder: Path) -> None:
    ref = published(any_store, folder)
    hint = json.loads(any_store.objects.read("corpus/letters/latest.json"))
    assert (hint["key"], hint["digest"]) == (ref.key, ref.digest)
    any_store.objects.write("corpus/letters/latest.json", b"{no json")
    assert any_store.find(SPEC) == ref
    assert (any_store.fetch(ref) / "a.txt").read_text() == "alpha"


def test_an_artifact_of_schema_1_is_found_and_fetched(any_store: Store, folder: Path) -> None:
    ref = published(any_store, folder)
    old = as_schema_1(any_store.record(ref))
    any_store.objects.write(f"{ref.path}/record.json", json.dumps(old).encode())
    assert any_store.find(SPEC) == ref
    assert any_store.record(ref).schema_version == 1
    assert (any_store.fetch(ref) / "a.txt").read_text() == "alpha"
    assert published(any_store, folder) == ref


def test_a_record_of_a_newer_schema_is_not_written_over(folder: Path) -> None:
    store = open_store()
    record = Path(store.url) / published(store, folder).path / "record.json"
    record.write_text(newer := json.dumps({"schema_version": 9}))
    with pytest.raises(NewerSchema, match=r"record\.json in .* has schema 9"):
        published(store, folder)
    assert record.read_text() == newer


def test_a_record_of_another_identity_is_not_written_over(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    content = store.record(ref).model_dump(mode="json") | {"identity": {"kind": "another"}, "seal": None}
    store.objects.write(f"{ref.path}/record.json", Record.model_validate(content).sealed().model_dump_json().encode())
    with pytest.raises(IdentityDrift, match=f"artifact {ref.path}"):
        published(store, folder)
