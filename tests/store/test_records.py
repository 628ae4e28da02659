"""What a record proves, and where an artifact stands."""

import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.store.errors import ArtifactDamaged, IdentityDrift
from tasks.store.record_files import RecordFiles
from tasks.store.records import FileEntry, Record
from tasks.store.refs import ArtifactRef, Room
from tasks.store.store import Store, open_store
from tests.store.letters import ROOM, Recipe, published


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


def test_no_secret_reaches_a_record(s3_store: str, folder: Path) -> None:
    store = open_store()
    record: Record = store.record(published(store, folder))
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in record.model_dump_json()
