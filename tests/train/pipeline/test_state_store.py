"""Training states in the store: the newest whole one counts, whatever was interrupted."""

from pathlib import Path

import pytest

from tasks.store.refs import ArtifactRef
from tasks.train.pipeline.state_store import States
from tasks.train.pipeline.uploader import Uploader
from tasks.train.trainer.state_files import StateInfo
from tests.train.pipeline.example_states import harm, publish, records, refuse, states_of, steps, written


def test_another_machine_finds_the_newest_state_whole(tmp_path: Path) -> None:
    publish(states_of(tmp_path), tmp_path, 3, 7, 5)
    found = states_of(tmp_path, "second").latest()
    assert found is not None
    assert StateInfo.read(found).step == 7
    assert (found / "adapter.safetensors").read_bytes() == bytes([7]) * 4_000


def test_another_training_has_other_states(tmp_path: Path) -> None:
    publish(states_of(tmp_path), tmp_path, 3)
    assert states_of(tmp_path, rank=8).latest() is None


def test_a_damaged_newest_state_gives_way_to_the_older_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = states_of(tmp_path)
    publish(first, tmp_path, 3, 5)
    harm(first, 5)
    second = states_of(tmp_path, "second")
    found = second.latest()
    assert found is not None
    assert StateInfo.read(found).step == 3
    assert len(second.damaged) == 1
    assert "is skipped, an older one is taken" in caplog.text


def test_a_state_whose_record_is_cut_gives_way_too_and_both_are_forgotten_later(tmp_path: Path) -> None:
    first = states_of(tmp_path)
    publish(first, tmp_path, 3, 5, 7)
    harm(first, 5)
    newest = next(record for record in records(first) if record.facts["step"] == 7)
    first.store.objects.write(f"{newest.ref.path}/record.json", b"{")
    second = states_of(tmp_path, "second")
    found = second.latest()
    assert found is not None
    assert StateInfo.read(found).step == 3
    publish(second, tmp_path, 9)
    second.prune()
    assert steps(second) == [3, 9]


def upload(states: States, root: Path, step: int, spent_seconds: float) -> None:
    written(root, step)
    Uploader(states, root / "states", lambda: spent_seconds).poll()


def test_seconds_of_killed_attempts_are_found_in_their_states(tmp_path: Path) -> None:
    first = states_of(tmp_path)
    assert first.spent_seconds() == 0
    upload(first, tmp_path, 3, 40.0)
    upload(first, tmp_path, 5, 70.5)
    second = states_of(tmp_path, "second")
    assert second.spent_seconds() == 70.5
    # The second goes on from step 5 and is killed as well.
    upload(second, tmp_path, 6, second.spent_seconds() + 12.0)
    assert states_of(tmp_path, "third").spent_seconds() == 82.5


def test_the_time_of_a_damaged_state_was_paid_too(tmp_path: Path) -> None:
    first = states_of(tmp_path)
    upload(first, tmp_path, 3, 40.0)
    upload(first, tmp_path, 5, 70.5)
    harm(first, 5)
    second = states_of(tmp_path, "second")
    found = second.latest()
    assert found is not None
    assert (StateInfo.read(found).step, second.spent_seconds()) == (3, 70.5)
    # It is told on, when the damaged one is forgotten.
    upload(second, tmp_path, 4, 70.5 + 9.0)
    assert steps(second) == [3, 4]
    assert states_of(tmp_path, "third").spent_seconds() == 79.5


def test_without_a_whole_state_the_training_starts_anew(tmp_path: Path) -> None:
    states = states_of(tmp_path)
    assert states.latest() is None
    publish(states, tmp_path, 3)
    harm(states, 3)
    assert states_of(tmp_path, "second").latest() is None


def test_states_that_appear_while_the_listed_ones_go_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = states_of(tmp_path), states_of(tmp_path, "second")
    publish(first, tmp_path, 3, 5)
    fetch = second.store.fetch

    def overtaken(ref: ArtifactRef) -> Path:
        monkeypatch.setattr(second.store, "fetch", fetch)
        publish(first, tmp_path, 7, 9)
        first.prune()
        return fetch(ref)

    monkeypatch.setattr(second.store, "fetch", overtaken)
    found = second.latest()
    assert found is not None
    assert (StateInfo.read(found).step, second.damaged) == (9, set())


def test_that_no_state_could_be_used_is_one_error_that_names_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = states_of(tmp_path)
    assert first.latest() is None
    assert not caplog.records
    publish(first, tmp_path, 3, 5)
    harm(first, 3)
    harm(first, 5)
    assert states_of(tmp_path, "second").latest() is None
    (error,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "starts from step 0, because all states are damaged or gone" in error
    assert all(path in error for path in first._paths())


def test_of_the_states_fetched_the_newest_alone_stays_on_the_disk(tmp_path: Path) -> None:
    first, second = states_of(tmp_path), states_of(tmp_path, "second")
    other = states_of(tmp_path, "second", rank=8)
    publish(other, tmp_path, 1)
    others = other.latest()
    for step in (3, 5):
        publish(first, tmp_path, step)
        found = second.latest()
    assert found is not None
    assert others is not None
    assert (list(found.parent.iterdir()), StateInfo.read(found).step, StateInfo.read(others).step) == ([found], 5, 1)


def test_the_last_two_states_are_kept(tmp_path: Path) -> None:
    states = states_of(tmp_path)
    publish(states, tmp_path, 1, 2, 3, 4)
    states.prune()
    assert steps(states) == [3, 4]
    for record in records(states):
        states.store.fetch(record.ref)


def test_after_the_last_drop_nothing_of_any_state_is_left(tmp_path: Path) -> None:
    first = states_of(tmp_path)
    publish(first, tmp_path, 3, 5)
    harm(first, 5)
    second = states_of(tmp_path, "second")
    second.latest()
    other = states_of(tmp_path, rank=8)
    publish(other, tmp_path, 4)
    second.drop()
    assert (records(second), steps(other)) == ([], [4])
    other.drop()
    assert list(first.store.objects.list("")) == []
    assert not list((tmp_path / "second").rglob("adapter.safetensors"))


def test_a_store_that_is_away_when_states_are_dropped_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = states_of(tmp_path)
    publish(states, tmp_path, 3)
    monkeypatch.setattr(states.store.objects, "delete", refuse)
    states.drop()
    assert "are left in" in caplog.text
    assert "`hindsight store forget` removes them" in caplog.text
