"""Exporting an artifact with all its sources as a folder."""

import json
from pathlib import Path

import pytest

from tasks.store.digests import sha256_of_file
from tasks.store.errors import ArtifactDamaged
from tasks.store.export import ExportRefused, export
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef, ArtifactType
from tasks.store.store import Store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published


@pytest.fixture
def child(store: Store, folder: Path) -> ArtifactRef:
    """A train artifact with a corpus as input."""
    source = published(store, folder)
    (folder / "trained.txt").write_text("beta")
    return published(
        store,
        folder,
        ArtifactType[SmallConfig]("train", 1, ARTIFACT_TYPE.label).spec(SmallConfig(), {"corpus": source}),
    )


def test_the_folder_holds_every_artifact_with_its_record(store: Store, child: ArtifactRef, tmp_path: Path) -> None:
    target = tmp_path / "out"
    lineage = export(store, child, target)
    assert [record.kind for record in lineage] == ["corpus", "train"]
    for record in lineage:
        there = target / record.ref.path
        assert Record.model_validate_json((there / "record.json").read_text()) == record
        found = {file.relative_to(there).as_posix() for file in there.rglob("*") if file.is_file()}
        assert found == {entry.path for entry in record.files} | {"record.json"}
        assert all(sha256_of_file(there / entry.path) == entry.sha256 for entry in record.files)
    assert (target / child.path / "trained.txt").read_text() == "beta"


def test_the_lineage_file_lists_sources_first(store: Store, child: ArtifactRef, tmp_path: Path) -> None:
    export(store, child, tmp_path / "out")
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text())
    assert (lineage["artifact"], lineage["digest"]) == (child.path, child.digest)
    corpus, train = lineage["sources_first"]
    assert train["inputs"] == {"corpus": corpus["path"]}
    assert [corpus["n_files"], train["n_files"]] == [2, 3]


def test_a_folder_with_anything_in_it_is_refused(store: Store, child: ArtifactRef, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ExportRefused, match="out is not an empty folder"):
        export(store, child, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_accepted(store: Store, child: ArtifactRef, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(store, child, tmp_path / "out")
    assert (tmp_path / "out" / "lineage.json").is_file()


def test_a_damaged_source_leaves_no_folder(store: Store, child: ArtifactRef, tmp_path: Path) -> None:
    corpus = store.lineage(child)[0]
    store.objects.write(store.blobs.names_of(corpus)[0], b"alphA")
    with pytest.raises(ArtifactDamaged, match=r"file a\.txt"):
        export(store, child, tmp_path / "new" / "out")
    assert list((tmp_path / "new").rglob("*.txt")) == []
    assert not (tmp_path / "new" / "out").exists()


def test_an_artifact_with_a_file_named_like_its_record_is_refused(store: Store, folder: Path, tmp_path: Path) -> None:
    (folder / "record.json").write_text("{}")
    with pytest.raises(ExportRefused, match=r"has a file record\.json, the name of its own record"):
        export(store, published(store, folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()
