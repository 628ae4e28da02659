"""What a store promises, on a local folder and on a real S3 server alike."""

import json
import os
from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from tasks.settings import NOT_IDENTITY, Config
from tasks.store.build import build
from tasks.store.digests import sha256_of_file
from tasks.store.errors import ArtifactDamaged, ArtifactMissing, IdentityDrift, StoreError, UnwritableStore
from tasks.store.record_files import RecordFiles
from tasks.store.records import FileEntry, Record
from tasks.store.refs import ArtifactRef, Plan, Room
from tasks.store.store import Store, open_store


class Recipe(Config):
    size: int = 3
    patience: int = Field(5, json_schema_extra=NOT_IDENTITY)


ROOM = Room[Recipe]("corpus", 1, lambda config, inputs: "letters")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "s3":
        request.getfixturevalue("s3_store")
    return open_store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made" / "deep").mkdir(parents=True)
    (tmp_path / "made" / "a.txt").write_text("alpha")
    (tmp_path / "made" / "deep" / "b.bin").write_bytes(bytes(range(256)) * 100)
    return tmp_path / "made"


def published(store: Store, folder: Path, plan: Plan | None = None) -> ArtifactRef:
    return store.publish(plan or ROOM.plan(Recipe()), folder, {"n": 2}, 1.5)


def blob_files(root: Path) -> list[Path]:
    return sorted(file for file in root.rglob("blobs/*") if file.is_file())


def test_what_was_published_is_found_and_fetched_byte_for_byte(store: Store, folder: Path) -> None:
    plan = ROOM.plan(Recipe())
    assert store.find(plan) is None
    ref = published(store, folder)
    assert store.find(plan) == ref
    fetched = store.fetch(ref)
    assert (fetched / "a.txt").read_text() == "alpha"
    assert (fetched / "deep" / "b.bin").read_bytes() == bytes(range(256)) * 100
    assert store.record(ref).facts == {"n": 2}


def test_a_long_lived_client_sees_what_another_publishes(store: Store, folder: Path) -> None:
    watcher = open_store()
    assert watcher.find(ROOM.plan(Recipe())) is None
    ref = published(store, folder)
    assert watcher.find(ROOM.plan(Recipe())) == ref


def test_the_same_files_published_under_two_plans_share_their_blobs(folder: Path) -> None:
    store = open_store()
    first = published(store, folder)
    second = published(store, folder, ROOM.plan(Recipe(size=4)))
    assert first.key != second.key
    assert first.digest == second.digest
    assert len(blob_files(Path(store.root))) == 2


def test_a_field_outside_the_identity_leaves_the_key_alone() -> None:
    assert ROOM.plan(Recipe(patience=9)).key == ROOM.plan(Recipe()).key
    assert ROOM.plan(Recipe(size=9)).key != ROOM.plan(Recipe()).key


def test_a_raised_revision_changes_the_key() -> None:
    raised = Room[Recipe]("corpus", 2, ROOM.label)
    assert raised.plan(Recipe()).key != ROOM.plan(Recipe()).key


def test_an_inputs_digest_is_part_of_the_key_and_its_place_is_not(folder: Path) -> None:
    ref = published(open_store(), folder)
    moved = ref.model_copy(update={"label": "elsewhere"})
    other = ref.model_copy(update={"digest": "0" * 64})
    keys = [ROOM.plan(Recipe(), {"source": source}).key for source in (ref, moved, other)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_tampered_blob_is_refused_by_name(store: Store, folder: Path, harm: str) -> None:
    ref = published(store, folder)
    blob = f"{store.root}/blobs/{sha256_of_file(folder / 'a.txt')}"
    if harm == "remove":
        store.filesystem.rm_file(blob)
    else:
        store.filesystem.pipe_file(blob, b"alphA" if harm == "flip" else b"alp")
    with pytest.raises(ArtifactDamaged, match=rf"file a\.txt of artifact {ref.path} .* Remove blobs/"):
        open_store().find(ROOM.plan(Recipe()))
    with pytest.raises(ArtifactDamaged, match=r"file a\.txt"):
        open_store().fetch(ref)
    assert not (store.cache_dir / ref.path / "a.txt").exists()


def test_a_tampered_cache_is_fetched_again(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    (store.fetch(ref) / "a.txt").write_text("alphA")
    assert (store.fetch(ref) / "a.txt").read_text() == "alpha"


def test_publishing_again_heals_a_damaged_blob(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    for blob in blob_files(Path(store.root)):
        blob.write_bytes(b"x")
    assert published(store, folder) == ref
    assert store.find(ROOM.plan(Recipe())) == ref


def test_without_its_record_an_artifact_does_not_exist(store: Store, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(RecordFiles, "write", lambda files, record: None)
    published(store, folder)
    assert store.find(ROOM.plan(Recipe())) is None


def test_a_cut_record_is_refused(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    record = Path(store.root) / ref.path / "record.json"
    record.write_text(record.read_text()[:-40])
    with pytest.raises(ArtifactDamaged, match=r"record\.json .* is no record of schema 1"):
        store.find(ROOM.plan(Recipe()))


def test_an_edited_fact_is_refused(folder: Path) -> None:
    store = open_store()
    record = Path(store.root) / published(store, folder).path / "record.json"
    record.write_text(record.read_text().replace('"n": 2', '"n": 3'))
    with pytest.raises(ArtifactDamaged, match="the record was changed after it was sealed"):
        store.find(ROOM.plan(Recipe()))


def test_an_unsealed_record_is_refused(folder: Path) -> None:
    store = open_store()
    record = Path(store.root) / published(store, folder).path / "record.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps({name: value for name, value in content.items() if name != "seal"}))
    with pytest.raises(ArtifactDamaged, match="is no record of schema 1: it has no seal"):
        store.find(ROOM.plan(Recipe()))


def test_a_file_of_many_parts_and_ranges_comes_back_whole(s3_store: str, folder: Path) -> None:
    store = open_store()
    (folder / "large.bin").write_bytes(os.urandom(1 << 20) * 120)
    fetched = store.fetch(published(store, folder))
    assert sha256_of_file(fetched / "large.bin") == sha256_of_file(folder / "large.bin")


def test_a_record_of_a_newer_schema_is_refused(folder: Path) -> None:
    store = open_store()
    record = Path(store.root) / published(store, folder).path / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "schema_version": 2}))
    with pytest.raises(ArtifactDamaged, match=r"schema 1.*schema_version"):
        store.find(ROOM.plan(Recipe()))


def test_a_record_of_another_identity_is_drift_with_the_field_named(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    record = Path(store.root) / ref.path / "record.json"
    content = json.loads(record.read_text())
    content["identity"]["config"]["size"] = 4
    record.write_text(Record.model_validate({**content, "seal": None}).sealed().model_dump_json())
    with pytest.raises(IdentityDrift, match="another config"):
        store.find(ROOM.plan(Recipe()))


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "a/../../b", "", "a\\b"])
def test_no_record_leads_out_of_its_folder(path: str) -> None:
    with pytest.raises(ValidationError, match="would leave the artifact's folder"):
        FileEntry(path=path, size=1, sha256="0" * 64)


@pytest.mark.parametrize("label", ["..", "a/b", ".hidden", "", "ü"])
def test_no_reference_leads_out_of_the_store(label: str) -> None:
    with pytest.raises(ValidationError, match="label"):
        ArtifactRef(kind="train", label=label, key="0" * 16, digest="0" * 64)


def test_a_missing_artifact_is_named(folder: Path) -> None:
    ref = ArtifactRef(kind="train", label="letters", key="0" * 16, digest="0" * 64)
    with pytest.raises(ArtifactMissing, match="no artifact train/letters/0000000000000000"):
        open_store().fetch(ref)


def test_a_reference_to_other_content_is_refused(folder: Path) -> None:
    store = open_store()
    stale = published(store, folder).model_copy(update={"digest": "0" * 64})
    with pytest.raises(ArtifactDamaged, match="the reference says 000000000000"):
        store.fetch(stale)


def test_lineage_lists_sources_before_what_came_of_them(folder: Path) -> None:
    store = open_store()
    source = published(store, folder)
    child = published(store, folder, Room[Recipe]("train", 1, ROOM.label).plan(Recipe(), {"corpus": source}))
    top = published(store, folder, Room[Recipe]("merge", 1, ROOM.label).plan(Recipe(), {"a": source, "train": child}))
    assert [record.kind for record in store.lineage(top)] == ["corpus", "train", "merge"]


def test_build_makes_an_artifact_once(store: Store) -> None:
    calls = []

    def make(inputs, folder):
        calls.append(folder)
        (folder / "a.txt").write_text("alpha")
        return {"n": 1}

    first = build(store, ROOM.plan(Recipe()), make)
    assert build(store, ROOM.plan(Recipe()), make) == first
    assert len(calls) == 1
    assert not calls[0].exists()


def test_a_failed_build_leaves_nothing(store: Store) -> None:
    def make(inputs, folder):
        (folder / "half.txt").write_text("half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        build(store, ROOM.plan(Recipe()), make)
    assert store.find(ROOM.plan(Recipe())) is None


def test_a_store_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("HINDSIGHT_STORE", str(tmp_path / "file" / "store"))
    with pytest.raises(UnwritableStore, match=r"file/store cannot be written: NotADirectoryError.*Set HINDSIGHT_STORE"):
        open_store().probe()


def test_a_bucket_that_does_not_exist_is_refused(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", "s3://nobody-made-this")
    with pytest.raises(UnwritableStore, match="s3://nobody-made-this cannot be written"):
        open_store().probe()


def test_wrong_keys_are_refused_and_not_printed(s3_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-91be")
    with pytest.raises(UnwritableStore, match="cannot be written") as refusal:
        open_store().probe()
    assert "wrong-secret-91be" not in str(refusal.value)


def test_a_probe_leaves_nothing_behind(store: Store) -> None:
    store.probe()
    assert [path for path in store.filesystem.find(store.root) if "probe" in path.removeprefix(store.root)] == []


@pytest.mark.parametrize("url", ["gs://bucket/x", "s3://", "http://host/x"])
def test_a_store_url_of_another_kind_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_STORE", url)
    with pytest.raises(StoreError, match="HINDSIGHT_STORE="):
        open_store()


def test_no_secret_reaches_a_record(s3_store: str, folder: Path) -> None:
    store = open_store()
    record: Record = store.record(published(store, folder))
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in record.model_dump_json()
