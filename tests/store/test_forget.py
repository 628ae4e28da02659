"""Removing one artifact: shared blobs stay, and inputs of other artifacts are refused."""

from pathlib import Path

import pytest

from hindsight.cli.main import main
from tasks.store.errors import ArtifactMissing
from tasks.store.forget import StillNeeded, forget
from tasks.store.gc import UnreadableRecord, find_garbage, remove
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType
from tasks.store.store import Store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig, published


def objects(store: Store) -> set[str]:
    return {info.name for info in store.objects.list("")}


def spec(size: int) -> ArtifactSpec:
    return ARTIFACT_TYPE.spec(SmallConfig(size=size))


@pytest.fixture
def two(store: Store, folder: Path) -> tuple[ArtifactRef, ArtifactRef]:
    """Two artifacts that share one blob of two."""
    first = published(store, folder, spec(1))
    (folder / "a.txt").write_text("beta")
    return first, published(store, folder, spec(2))


def test_a_forgotten_artifact_leaves_nothing(store: Store, folder: Path) -> None:
    ref = published(store, folder)
    removed = forget(store, ref)
    assert len(removed.blobs) == 2
    assert removed.n_bytes == 5 + 25_600
    assert objects(store) == set()
    with pytest.raises(ArtifactMissing, match="rerun its stage"):
        store.record(ref)


def test_a_blob_that_another_artifact_shares_stays(store: Store, two: tuple[ArtifactRef, ArtifactRef]) -> None:
    first, second = two
    removed = forget(store, first)
    assert ([blob.size for blob in removed.blobs], removed.n_kept) == ([5], 1)
    assert (store.fetch(second) / "deep" / "b.bin").stat().st_size == 25_600
    assert find_garbage(store, older_than_hours=0).blobs == ()


def test_the_hint_to_another_artifact_stays(store: Store, two: tuple[ArtifactRef, ArtifactRef]) -> None:
    forget(store, two[0])
    assert "corpus/letters/latest.json" in objects(store)
    forget(store, two[1])
    assert objects(store) == set()


def test_an_input_of_another_artifact_is_not_forgotten(store: Store, folder: Path) -> None:
    corpus = published(store, folder)
    train = ArtifactType[SmallConfig]("train", 1, ARTIFACT_TYPE.label).spec(SmallConfig(), {"corpus": corpus})
    published(store, folder, train)
    before = objects(store)
    with pytest.raises(StillNeeded, match=f"is an input of {train.path}; forget those"):
        forget(store, corpus)
    assert objects(store) == before


def test_nothing_is_forgotten_while_a_record_cannot_be_read(store: Store, two: tuple[ArtifactRef, ArtifactRef]) -> None:
    store.objects.write(f"{two[1].path}/record.json", b"{")
    before = objects(store)
    with pytest.raises(UnreadableRecord, match=f"{two[0].path} is not removed, because 1 records cannot be read"):
        forget(store, two[0])
    assert objects(store) == before


def test_after_an_interrupted_forget_gc_removes_the_rest(store: Store, two: tuple[ArtifactRef, ArtifactRef]) -> None:
    first, second = two
    store.objects.delete(f"{first.path}/record.json")
    swept = remove(store, find_garbage(store, older_than_hours=0))
    assert [blob.size for blob in swept.blobs] == [5]
    assert (store.fetch(second) / "a.txt").read_text() == "beta"


def test_a_publication_in_progress_resends_a_forgotten_blob(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(store, folder, spec(1))

    def forget_then_write(records, record):
        """Called instead of writing the second record: all its blobs exist, its record does not."""
        monkeypatch.undo()
        assert len(forget(store, first).blobs) == 2
        return records.write_new(record)

    monkeypatch.setattr(type(store.records), "write_new", forget_then_write)
    second = published(store, folder, spec(2))
    assert (store.fetch(second) / "a.txt").read_text() == "alpha"
    assert (store.fetch(second) / "deep" / "b.bin").stat().st_size == 25_600


def test_the_command_prints_what_it_removed(
    store: Store, two: tuple[ArtifactRef, ArtifactRef], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "forget", two[0].path]) == 0
    assert capsys.readouterr().out == (
        f"{two[0].path}: removed with 1 blobs (5 bytes), 1 blobs shared with other artifacts kept\n"
    )
    assert main(["store", "forget", two[0].path]) == 1
    assert "no artifact" in capsys.readouterr().err
