"""A recipe that passed before is rechecked: machine, store, trainer and prices may have changed."""

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks.preflight.task import publish_preflight
from tasks.preflight.write import PreflightFailed
from tasks.store.refs import ArtifactRef
from tasks.store.store import Store, open_store
from tasks.train.config import ARTIFACT_TYPE as TRAIN
from tasks.train.pipeline.state_store import States
from tests.preflight.conftest import SMOKE


@pytest.fixture
def refs(published: tuple[Path, dict[str, ArtifactRef]], own_state: Path) -> dict[str, ArtifactRef]:
    shutil.copytree(published[0], own_state)
    return {name: ref for name, ref in published[1].items() if name != "passed"}


@pytest.fixture
def passed(published: tuple[Path, dict[str, ArtifactRef]]) -> ArtifactRef:
    return published[1]["passed"]


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))


def preflights(store: Store) -> list[str]:
    return [info.name for info in store.objects.list("preflight/")]


def test_a_disk_that_is_now_full_fails_and_nothing_is_published(
    refs: dict[str, ArtifactRef], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = preflights(open_store())
    fill_the_disk(monkeypatch)
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(PreflightFailed, match=r"2 of .* store space: .* disk of this mach"),
    ):
        publish_preflight.fn(SMOKE, **refs)
    assert before
    assert preflights(open_store()) == before
    assert "preflight: FAIL store space" in caplog.text
    assert "preflight: ok   trainer environment" in caplog.text


def test_a_trainer_that_is_now_missing_fails(refs: dict[str, ArtifactRef], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    with pytest.raises(PreflightFailed, match=r"trainer environment: .*/nowhere/python is missing"):
        publish_preflight.fn(SMOKE, **refs)


def test_without_changes_the_existing_artifact_is_returned_and_its_inputs_are_not_rechecked(
    refs: dict[str, ArtifactRef], passed: ArtifactRef, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert publish_preflight.fn(SMOKE, **refs) == passed
    assert "preflight: ok   store round trip" in caplog.text
    assert "panel stocks" not in caplog.text


def test_once_the_checkpoint_exists_a_full_disk_and_a_missing_trainer_do_not_matter(
    refs: dict[str, ArtifactRef], passed: ArtifactRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = TRAIN.spec(SMOKE.train, {"base": refs["base"], "corpus": refs["corpus"]})
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "file").write_text("trained")
    open_store().publish(spec, tmp_path / "checkpoint", {}, seconds=0)
    fill_the_disk(monkeypatch)
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    assert publish_preflight.fn(SMOKE, **refs) == passed


def test_a_started_training_is_rechecked_for_its_trainer_but_not_for_disk_space(
    refs: dict[str, ArtifactRef], passed: ArtifactRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = TRAIN.spec(SMOKE.train, {"base": refs["base"], "corpus": refs["corpus"]})
    (tmp_path / "state_of_1").mkdir()
    (tmp_path / "state_of_1" / "file").write_text("state")
    States(open_store(), spec).publish(tmp_path / "state_of_1", step=1, facts={})
    fill_the_disk(monkeypatch)
    assert publish_preflight.fn(SMOKE, **refs) == passed
    monkeypatch.setenv("HINDSIGHT_TRAINER_PYTHON", "/nowhere/python")
    with pytest.raises(PreflightFailed, match=r"1 of .* trainer environment"):
        publish_preflight.fn(SMOKE, **refs)
