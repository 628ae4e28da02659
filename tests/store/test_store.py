"""The guarantees of a store, on a local folder and on an S3 server."""

import os
from pathlib import Path

import pytest

from tasks.store.build import build
from tasks.store.digests import sha256_of_file
from tasks.store.errors import ArtifactDamaged, ArtifactMissing
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, blob_files, published


def test_what_was_published_is_found_and_fetched_byte_for_byte(store: Store, folder: Path) -> None:
    spec = ARTIFACT_TYPE.spec(SmallConfig())
    assert store.find(spec) is None
    ref = published(store, folder)
    assert store.find(spec) == ref
    fetched = store.fetch(ref)
    assert (fetched / "a.txt").read_text() == "alpha"
    assert (fetched / "deep" / "b.bin").read_bytes() == bytes(range(256)) * 100
    assert store.record(ref).facts == {"n": 2}


def test_a_long_lived_client_sees_what_another_publishes(store: Store, folder: Path) -> None:
    watcher = open_store()
    assert watcher.find(ARTIFACT_TYPE.spec(SmallConfig())) is None
    ref = published(store, folder)
    assert watcher.find(ARTIFACT_TYPE.spec(SmallConfig())) == ref


def test_the_same_files_published_under_two_specs_share_their_blobs(folder: Path) -> None:
    store = open_store()
    first = published(store, folder)
    second = published(store, folder, ARTIFACT_TYPE.spec(SmallConfig(size=4)))
    assert first.key != second.key
    assert first.digest == second.digest
    assert len(blob_files(Path(store.url))) == 2


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_tampered_blob_is_refused_by_name(store: Store, folder: Path, harm: str) -> None:
    ref = published(store, folder)
    blob = f"blobs/{sha256_of_file(folder / 'a.txt')}"
    if harm == "remove":
        store.objects.delete(blob)
    else:
        store.objects.write(blob, b"alphA" if harm == "flip" else b"alp")
    with pytest.raises(ArtifactDamaged, match=rf"file a\.txt of artifact {ref.path} .* Remove blobs/"):
        open_store().find(ARTIFACT_TYPE.spec(SmallConfig()))
    with pytest.raises(ArtifactDamaged, match=r"file a\.txt"):
        open_store().fetch(ref)
    assert not (store.cache_dir / ref.path / "a.txt").exists()


def test_a_tampered_cache_is_fetched_again(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    (store.fetch(ref) / "a.txt").write_text("alphA")
    assert (store.fetch(ref) / "a.txt").read_text() == "alpha"


def test_publishing_again_replaces_a_damaged_blob(folder: Path) -> None:
    store = open_store()
    ref = published(store, folder)
    for blob in blob_files(Path(store.url)):
        blob.write_bytes(b"x")
    assert published(store, folder) == ref
    assert store.find(ARTIFACT_TYPE.spec(SmallConfig())) == ref


def test_a_large_file_comes_back_whole(s3_store: str, folder: Path) -> None:
    store = open_store()
    (folder / "large.bin").write_bytes(os.urandom(1 << 20) * 120)
    fetched = store.fetch(published(store, folder))
    assert sha256_of_file(fetched / "large.bin") == sha256_of_file(folder / "large.bin")


def test_a_missing_artifact_is_named(folder: Path) -> None:
    ref = ArtifactRef(kind="train", label="letters", key="0" * 16, digest="0" * 64)
    with pytest.raises(ArtifactMissing, match="no artifact train/letters/0000000000000000"):
        open_store().fetch(ref)


def test_build_makes_an_artifact_once(store: Store) -> None:
    calls = []

    def make(inputs, folder):
        calls.append(folder)
        (folder / "a.txt").write_text("alpha")
        return {"n": 1}

    first = build(store, ARTIFACT_TYPE.spec(SmallConfig()), make)
    assert build(store, ARTIFACT_TYPE.spec(SmallConfig()), make) == first
    assert len(calls) == 1
    assert not calls[0].exists()


def test_a_failed_build_leaves_nothing(store: Store) -> None:
    def make(inputs, folder):
        (folder / "half.txt").write_text("half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        build(store, ARTIFACT_TYPE.spec(SmallConfig()), make)
    assert store.find(ARTIFACT_TYPE.spec(SmallConfig())) is None
