"""What another client fetches is what was published, or nothing is released."""

from pathlib import Path

import pytest

from tasks.release.errors import FetchedOtherBytes
from tasks.release.other_client import fetch_elsewhere
from tasks.store.digests import sha256_of_file
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tests.store.small_artifact import published

CHUNK = 10_000
"""Bytes; the larger file is several blobs then."""


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, own_state: Path) -> Store:
    """A store in a folder, and one on a real S3 server."""
    if request.param == "s3":
        request.getfixturevalue("s3_store")
    opened = open_store()
    opened.chunk_bytes = CHUNK
    return opened


@pytest.fixture
def exported(store: Store, tmp_path: Path) -> ArtifactRef:
    """A published artifact of several files, one of them in several blobs."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "small.json").write_text("{}")
    (tmp_path / "in" / "large.gguf").write_bytes(bytes(range(256)) * 100)
    return published(store, tmp_path / "in")


def test_every_file_is_fetched_and_has_the_published_hash(store: Store, exported: ArtifactRef, tmp_path: Path) -> None:
    record = fetch_elsewhere(store.url, exported, tmp_path / "out")
    assert record.ref == exported
    assert any(len(entry.blobs) > 1 for entry in record.files)
    assert {entry.path: sha256_of_file(tmp_path / "out" / entry.path) for entry in record.files} == {
        entry.path: entry.sha256 for entry in record.files
    }


@pytest.mark.parametrize(("harm", "message"), [("flip", "sha256"), ("cut", "bytes"), ("remove", "lacks")])
def test_a_changed_cut_or_absent_blob_is_found(
    store: Store, exported: ArtifactRef, tmp_path: Path, harm: str, message: str
) -> None:
    name = store.blobs.names_of(store.record(exported))[0]
    content = store.objects.read(name)
    if harm == "remove":
        store.objects.delete(name)
    else:
        store.objects.write(name, content[:-1] if harm == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(FetchedOtherBytes, match=message):
        fetch_elsewhere(store.url, exported, tmp_path / "out")


def test_an_artifact_that_was_rebuilt_is_another_one(store: Store, exported: ArtifactRef, tmp_path: Path) -> None:
    asked = exported.model_copy(update={"digest": "0" * 64})
    with pytest.raises(FetchedOtherBytes, match="000000000000 was published; it was rebuilt"):
        fetch_elsewhere(store.url, asked, tmp_path / "out")
