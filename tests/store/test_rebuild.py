"""Rebuilding an existing artifact: once for the run that requests it, and the earlier one can still be traced."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.store.build import Facts, build
from tasks.store.errors import ArtifactDamaged
from tasks.store.export import export
from tasks.store.forget import forget
from tasks.store.gc import find_garbage, remove
from tasks.store.rebuild import find_artifact, rebuild_for
from tasks.store.refs import ArtifactRef, ArtifactSpec, ArtifactType
from tasks.store.store import Store
from tests.store.small_artifact import ARTIFACT_TYPE, SmallConfig

SPEC = ARTIFACT_TYPE.spec(SmallConfig())
REPORT = ArtifactType[SmallConfig]("report", 1, ARTIFACT_TYPE.label)


def made(store: Store, text: str, spec: ArtifactSpec = SPEC, requested_by: str = "") -> tuple[ArtifactRef, int]:
    """The artifact, and how often it was made."""
    n_made = 0

    def make(inputs: Mapping[str, Path], folder: Path) -> Facts:
        nonlocal n_made
        n_made += 1
        (folder / "text").write_text(text)
        return {}

    with rebuild_for(spec, requested_by):
        return build(store, spec, make), n_made


def test_a_rebuild_is_done_once_for_its_requester_and_found_by_all_others(any_store: Store) -> None:
    first, _ = made(any_store, "one")
    rebuilt, n_made = made(any_store, "two", requested_by="run a")
    assert n_made == 1
    assert rebuilt.digest != first.digest
    assert made(any_store, "three", requested_by="run a") == (rebuilt, 0)
    assert made(any_store, "three") == (rebuilt, 0)
    assert made(any_store, "two", requested_by="run b") == (rebuilt, 1)


def test_only_the_requested_artifact_is_rebuilt(store: Store) -> None:
    made(store, "one")
    with rebuild_for(ARTIFACT_TYPE.spec(SmallConfig(size=7)), "run a"):
        assert build(store, SPEC, lambda inputs, folder: pytest.fail("it exists")).kind == SPEC.kind


def test_until_it_is_rebuilt_the_earlier_one_counts_for_all_but_the_requester(store: Store) -> None:
    first, _ = made(store, "one")
    assert find_artifact(store, SPEC, "run a") is None
    assert find_artifact(store, SPEC, "") == first

    def dies(inputs: Mapping[str, Path], folder: Path) -> Facts:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError), rebuild_for(SPEC, "run a"):
        build(store, SPEC, dies)
    assert store.find(SPEC) == first


def test_outputs_of_the_earlier_one_can_still_be_fetched_traced_and_exported(store: Store, tmp_path: Path) -> None:
    first, _ = made(store, "one")
    report, _ = made(store, "of one", REPORT.spec(SmallConfig(), {"corpus": first}))
    rebuilt, _ = made(store, "two", requested_by="run a")
    assert [record.digest for record in store.lineage(report)] == [first.digest, report.digest]
    assert (store.fetch(first) / "text").read_text() == "one"
    assert (store.fetch(rebuilt) / "text").read_text() == "two"
    remove(store, find_garbage(store, older_than_hours=0))
    assert (store.fetch(first) / "text").read_text() == "one"
    export(store, report, tmp_path / "out")
    assert "one" in {file.read_text() for file in (tmp_path / "out").rglob("text")}


def test_a_rebuild_with_the_same_bytes_keeps_no_earlier_record(store: Store) -> None:
    first, _ = made(store, "one")
    before = {info.name for info in store.objects.list("")}
    assert made(store, "one", requested_by="run a") == (first, 1)
    assert {info.name for info in store.objects.list("")} == before
    assert store.record(first).requested_by == "run a"


def test_forgetting_an_earlier_reference_is_refused_with_the_file_to_remove(store: Store) -> None:
    first, _ = made(store, "one")
    rebuilt, _ = made(store, "two", requested_by="run a")
    with pytest.raises(ArtifactDamaged, match=rf"earlier/{first.digest[:12]}\.json"):
        forget(store, first)
    forget(store, rebuilt)
    assert store.find(SPEC) is None


def test_the_earlier_one_is_lost_only_if_its_record_is(store: Store) -> None:
    first, _ = made(store, "one")
    made(store, "two", requested_by="run a")
    store.objects.delete(f"{SPEC.path}/earlier/{first.digest[:12]}.json")
    with pytest.raises(ArtifactDamaged, match="rebuilt or changed since"):
        store.record(first)
