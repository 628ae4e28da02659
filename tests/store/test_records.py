"""Keys, records and references: what they prove and what is refused."""

import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.store.digests import sha256_of_json
from tasks.store.errors import ArtifactDamaged, IdentityDrift, NewerSchema
from tasks.store.record_files import RecordFiles
from tasks.store.records import BlobEntry, FileEntry, Record, git_commit
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType
from tasks.store.store import Store, open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published


def test_a_field_outside_the_identity_leaves_the_key_alone() -> None:
    assert ARTIFACT_TYPE.spec(SmallConfig(wait_seconds=9)).key == ARTIFACT_TYPE.spec(SmallConfig()).key
    assert ARTIFACT_TYPE.spec(SmallConfig(size=9)).key != ARTIFACT_TYPE.spec(SmallConfig()).key


def test_a_raised_revision_changes_the_key() -> None:
    raised = ArtifactType[SmallConfig]("corpus", 2, ARTIFACT_TYPE.label)
    assert raised.spec(SmallConfig()).key != ARTIFACT_TYPE.spec(SmallConfig()).key


def test_an_inputs_digest_is_part_of_the_key_and_its_path_is_not(folder: Path) -> None:
    ref = published(open_store(), folder)
    moved = ref.model_copy(update={"label": "elsewhere"})
    other = ref.model_copy(update={"digest": "0" * 64})
    keys = [ARTIFACT_TYPE.spec(SmallConfig(), {"source": source}).key for source in (ref, moved, other)]
    assert keys[0] == keys[1] != keys[2]


def test_without_its_record_an_artifact_does_not_exist(store: Store, folder: Path) -> None:
    store.objects.delete(RecordFiles.name_of(published(store, folder).path))
    assert len(list(store.objects.list("blobs/"))) == 2
    assert store.find(ARTIFACT_TYPE.spec(SmallConfig())) is None


def test_a_cut_record_is_refused(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    record = Path(store.url) / ref.path / "record.json"
    record.write_text(record.read_text()[:-40])
    with pytest.raises(ArtifactDamaged, match=r"record\.json .* is not a valid record"):
        store.find(ARTIFACT_TYPE.spec(SmallConfig()))


def test_an_edited_fact_is_refused(folder: Path) -> None:
    store = open_store()
    record = Path(store.url) / published(store, folder).path / "record.json"
    record.write_text(record.read_text().replace('"n": 2', '"n": 3'))
    with pytest.raises(ArtifactDamaged, match="it was changed after it was sealed"):
        store.find(ARTIFACT_TYPE.spec(SmallConfig()))


def test_an_unsealed_record_is_refused(folder: Path) -> None:
    store = open_store()
    record = Path(store.url) / published(store, folder).path / "record.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps({name: value for name, value in content.items() if name != "seal"}))
    with pytest.raises(ArtifactDamaged, match="is not a valid record: it has no seal"):
        store.find(ARTIFACT_TYPE.spec(SmallConfig()))


def test_a_record_of_a_newer_schema_is_refused(folder: Path) -> None:
    store = open_store()
    record = Path(store.url) / published(store, folder).path / "record.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "schema_version": 4, "new_field": 1}))
    with pytest.raises(NewerSchema, match=r"corpus/letters/\w+/record\.json in .* has schema 4.*update hindsight"):
        store.find(ARTIFACT_TYPE.spec(SmallConfig()))


def test_a_record_of_another_identity_is_drift_with_the_field_named(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    record = Path(store.url) / ref.path / "record.json"
    content = json.loads(record.read_text())
    content["identity"]["config"]["size"] = 4
    record.write_text(Record.model_validate({**content, "seal": None}).sealed().model_dump_json())
    with pytest.raises(IdentityDrift, match=r"wants: config.size is 4, wanted 3; remove"):
        store.find(ARTIFACT_TYPE.spec(SmallConfig()))


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "a/../../b", "", "a\\b"])
def test_no_record_path_leaves_its_folder(path: str) -> None:
    with pytest.raises(ValidationError, match="would leave the artifact's folder"):
        FileEntry(path=path, size=1, sha256="0" * 64)


@pytest.mark.parametrize("path", ["../escape", "../../../../escape", "/escape", "deep/../../escape"], ids="abcd")
def test_a_record_whose_file_would_leave_its_folder_is_refused_by_name(store: Store, folder: Path, path: str) -> None:
    ref = published(store, folder)
    content = store.record(ref).model_dump(mode="json", exclude={"seal"})
    content["files"][0]["path"] = path
    forged = {**content, "seal": sha256_of_json(content)}
    store.objects.write(f"{ref.path}/record.json", json.dumps(forged).encode())
    for ask in (lambda: store.fetch(ref), lambda: store.find(ARTIFACT_TYPE.spec(SmallConfig()))):
        with pytest.raises(ArtifactDamaged, match=rf"{ref.path}/record\.json in .* would leave the artifact's folder"):
            ask()
    assert not store.cache_dir.exists()


def test_a_record_that_was_moved_is_refused_by_name(store: Store, folder: Path) -> None:
    ref = published(store, folder)
    moved = ref.model_copy(update={"key": "0" * 16})
    store.objects.write(f"{moved.path}/record.json", store.objects.read(f"{ref.path}/record.json"))
    with pytest.raises(ArtifactDamaged, match=f"{moved.path}/record.* it is the record of {ref.path}"):
        store.fetch(moved)


def test_the_blobs_of_a_file_must_make_the_file() -> None:
    entry = {"path": "a", "size": 3, "sha256": "0" * 64}
    assert FileEntry.model_validate(entry).blobs == (BlobEntry(sha256="0" * 64, size=3),)
    with pytest.raises(ValidationError, match="have 4 bytes together, the file has 3"):
        FileEntry.model_validate({**entry, "blobs": [{"sha256": "1" * 64, "size": 2}] * 2})
    with pytest.raises(ValidationError, match="another sha256 than the file"):
        FileEntry.model_validate({**entry, "blobs": [{"sha256": "1" * 64, "size": 3}]})


@pytest.mark.parametrize("label", ["..", "a/b", ".hidden", "", "ü"])
def test_no_reference_leaves_the_store(label: str) -> None:
    with pytest.raises(ValidationError, match="label"):
        ArtifactRef(kind="train", label=label, key="0" * 16, digest="0" * 64)


def test_a_reference_to_other_content_is_refused(folder: Path) -> None:
    store = open_store()
    stale = published(store, folder).model_copy(update={"digest": "0" * 64})
    with pytest.raises(ArtifactDamaged, match="the reference has 000000000000"):
        store.fetch(stale)


def _spec(kind: str, inputs: dict[str, ArtifactRef]) -> ArtifactSpec:
    return ArtifactType[SmallConfig](kind, 1, ARTIFACT_TYPE.label).spec(SmallConfig(), inputs)


def test_lineage_lists_inputs_before_their_outputs(folder: Path) -> None:
    store = open_store()
    source = published(store, folder)
    child = published(store, folder, _spec("train", {"corpus": source}))
    top = published(
        store,
        folder,
        _spec("merge", {"a": source, "train": child}),
    )
    assert [record.kind for record in store.lineage(top)] == ["corpus", "train", "merge"]


def test_no_secret_reaches_a_record(s3_store: str, folder: Path) -> None:
    store = open_store()
    record: Record = store.record(published(store, folder))
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in record.model_dump_json()


def test_an_images_commit_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_COMMIT", "0" * 40)
    assert git_commit() == "0" * 40
