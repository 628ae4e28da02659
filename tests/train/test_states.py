"""Training states on their way into the store and back: the newest whole one counts, whatever was interrupted."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from tasks.settings import Config
from tasks.store.blobs import Blobs
from tasks.store.errors import StoreUnreachable
from tasks.store.records import Record
from tasks.store.refs import ArtifactRef, Plan
from tasks.store.store import Store
from tasks.train.errors import TrainingFailed
from tasks.train.state_files import MOST_WAITING, Told, begin, complete_states, finish, has_room
from tasks.train.states import KIND, States
from tasks.train.uploader import Uploader, publishing


class Arm(Config):
    rank: int = 16


def states_of(root: Path, machine: str = "first", rank: int = 16) -> States:
    plan = Plan("train", "some-lora", 1, Arm(rank=rank))
    return States(Store(str(root / "store"), root / machine, chunk_bytes=1 << 10), plan)


def written(root: Path, step: int, n_bytes: int = 4_000) -> Path:
    """A state as a trainer leaves it, of bytes that hang on its step, but for a file that all states share."""
    part = begin(root / "states", step)
    (part / "adapter.safetensors").write_bytes(bytes([step]) * n_bytes)
    (part / "audit.json").write_text("[]")
    Told(step, step * 100, 10, 1, "rows").write(part)
    finish(part)
    return root / "states" / f"step-{step:08d}"


def publish(states: States, root: Path, *steps: int) -> None:
    for step in steps:
        folder = written(root / "published", step)
        states.publish(folder, step, {"tokens_seen": step * 100})


def records(states: States) -> list[Record]:
    return [states.store.records.read(path) for path in states._paths()]


def steps(states: States) -> list[int]:
    return sorted(int(str(record.facts["step"])) for record in records(states))


def spent() -> float:
    """What all attempts have taken until now."""
    return 100.0


def harm(states: States, step: int) -> None:
    """Flip a byte of the state's weights in the store."""
    record = next(record for record in records(states) if record.facts["step"] == step)
    entry = next(entry for entry in record.files if entry.path == "adapter.safetensors")
    name = Blobs.name_of(entry.blobs[0].sha256)
    states.store.objects.write(name, b"\xff" + states.store.objects.read(name)[1:])


def test_another_machine_finds_the_newest_state_whole(tmp_path: Path) -> None:
    publish(states_of(tmp_path), tmp_path, 3, 7, 5)
    found = states_of(tmp_path, "second").latest()
    assert found is not None
    assert Told.read(found).step == 7
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
    assert Told.read(found).step == 3
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
    assert Told.read(found).step == 3
    publish(second, tmp_path, 9)
    second.prune()
    assert steps(second) == [3, 9]


def upload(states: States, root: Path, step: int, spent_seconds: float) -> None:
    written(root, step)
    Uploader(states, root / "states", lambda: spent_seconds).look()


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
    assert (Told.read(found).step, second.spent_seconds()) == (3, 70.5)
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
    assert (Told.read(found).step, second.damaged) == (9, set())


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
    assert "starts from step 0, for no state could be used" in error
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
    assert (list(found.parent.iterdir()), Told.read(found).step, Told.read(others).step) == ([found], 5, 1)


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
    assert "`python -m tasks.store forget` removes them" in caplog.text


def refuse(*arguments: object) -> None:
    raise StoreUnreachable("the store gives no answer")


def test_a_published_state_leaves_the_disk_and_the_newer_goes_first(tmp_path: Path) -> None:
    states = states_of(tmp_path)
    written(tmp_path, 1)
    written(tmp_path, 2)
    begin(tmp_path / "states", 3)
    uploader = Uploader(states, tmp_path / "states", spent)
    uploader.look()
    assert (steps(states), complete_states(tmp_path / "states")) == ([2], [])
    assert states.n_published == 1
    uploader.look()
    assert states.n_published == 1


def test_no_third_state_is_written_while_two_wait(tmp_path: Path) -> None:
    for step in range(1, MOST_WAITING + 1):
        assert has_room(tmp_path / "states")
        written(tmp_path, step)
    assert not has_room(tmp_path / "states")


def test_an_outage_is_a_warning_and_the_next_state_is_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = states_of(tmp_path)
    uploader = Uploader(states, tmp_path / "states", spent)
    written(tmp_path, 1)
    with monkeypatch.context() as outage:
        outage.setattr(states.store.objects, "write", refuse)
        uploader.look()
    assert "training goes on, though a state could not be published" in caplog.text
    assert "the store gives no answer" in caplog.text
    uploader.look()
    assert states.n_published == 0, "it is left in peace for a while"
    written(tmp_path, 2)
    uploader.look()
    assert (steps(states), complete_states(tmp_path / "states")) == ([2], [])


def test_a_state_that_could_not_be_published_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = states_of(tmp_path)
    uploader = Uploader(states, tmp_path / "states", spent, retry_seconds=0)
    written(tmp_path, 1)
    with monkeypatch.context() as outage:
        outage.setattr(states.store.objects, "write", refuse)
        uploader.look()
    uploader.look()
    assert (steps(states), complete_states(tmp_path / "states")) == ([1], [])


def test_an_old_state_that_cannot_be_removed_stops_no_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = states_of(tmp_path)
    uploader = Uploader(states, tmp_path / "states", spent)
    publish(states, tmp_path, 1, 2)
    with monkeypatch.context() as outage:
        outage.setattr(states.store.objects, "delete", refuse)
        for step in (3, 4):
            written(tmp_path, step)
            uploader.look()
    assert steps(states) == [1, 2, 3, 4]
    assert "or an old one removed" in caplog.text
    written(tmp_path, 5)
    uploader.look()
    assert steps(states) == [4, 5]


def test_what_waits_when_the_trainer_fails_is_published(tmp_path: Path) -> None:
    states = states_of(tmp_path)
    with pytest.raises(TrainingFailed):
        fail_after_step(6, states, tmp_path)
    assert steps(states) == [6]


def fail_after_step(step: int, states: States, root: Path) -> None:
    with publishing(states, root / "states", spent):
        written(root, step)
        raise TrainingFailed("out of memory")


def test_states_are_published_while_the_work_goes_on(tmp_path: Path) -> None:
    states = states_of(tmp_path)
    with publishing(states, tmp_path / "states", spent):
        written(tmp_path, 6)
        until = time.monotonic() + 30
        while not states.n_published and time.monotonic() < until:
            time.sleep(0.05)
        assert steps(states) == [6]


class SlowStore:
    """Holds every blob back from the first on, until it is let go."""

    def __init__(self, states: States, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on, self.write = threading.Event(), threading.Event(), states.store.objects.write
        states.store.n_threads = 1
        monkeypatch.setattr(states.store.objects, "write", self.hold)

    def hold(self, name: str, content: bytes) -> None:
        self.reached.set()
        assert self.go_on.wait(30)
        self.write(name, content)


def uploader_thread() -> threading.Thread:
    return next(thread for thread in threading.enumerate() if thread.name == "uploader")


def fail_while_step_6_is_sent(states: States, slow: SlowStore, root: Path) -> None:
    with publishing(states, root / "states", spent, patience_seconds=0.1):
        written(root, 6)
        assert slow.reached.wait(30)
        written(root, 7)
        raise TrainingFailed("out of memory")


def test_a_slow_store_keeps_a_failed_training_for_so_long_only_and_what_is_lost_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = states_of(tmp_path)
    slow = SlowStore(states, monkeypatch)
    with pytest.raises(TrainingFailed):
        fail_while_step_6_is_sent(states, slow, tmp_path)
    assert "step-00000006, step-00000007 of the failed training is left unpublished" in caplog.text
    thread = uploader_thread()
    slow.go_on.set()
    thread.join(30)
    # Nothing is begun or recorded afterwards: the folder may be half removed by then.
    assert (thread.is_alive(), records(states)) == (False, [])


def test_a_training_that_ends_well_gives_the_upload_under_way_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = states_of(tmp_path)
    slow = SlowStore(states, monkeypatch)
    with publishing(states, tmp_path / "states", spent):
        written(tmp_path, 6)
        assert slow.reached.wait(30)
        written(tmp_path, 7)
        # The blob in hand ends when the training has.
        threading.Timer(0.5, slow.go_on.set).start()
    assert not any(thread.name == "uploader" for thread in threading.enumerate())
    assert (records(states), len(list(states.store.objects.list("blobs/")))) == ([], 1)


def publish_slowly(root: Path, said: Path) -> None:
    """Publish a state of step 5, a blob at a time, and say after the third that it hangs."""
    states = states_of(root)
    states.store.n_threads, n_sent, write = 1, 0, states.store.objects.write

    def count(name: str, content: bytes | bytearray) -> None:
        nonlocal n_sent
        write(name, content)
        n_sent += name.startswith("blobs/")
        if n_sent == 3:
            said.touch()
            time.sleep(60)

    states.store.objects.write = count
    # Bytes that differ from piece to piece, so that every kibibyte is a blob.
    part = begin(root / "states", 5)
    (part / "adapter.safetensors").write_bytes(os.urandom(8_000))
    Told(5, 500, 10, 1, "rows").write(part)
    finish(part)
    Uploader(states, root / "states", spent).look()


def test_a_kill_in_the_middle_of_an_upload_leaves_the_state_before(tmp_path: Path) -> None:
    publish(states_of(tmp_path), tmp_path, 3)
    said = tmp_path / "hangs"
    child = multiprocessing.get_context("forkserver").Process(target=publish_slowly, args=(tmp_path, said))
    child.start()
    while not said.exists():
        assert child.is_alive()
        time.sleep(0.02)
    child.kill()
    child.join()
    second = states_of(tmp_path, "second")
    n_blobs = len(list(second.store.objects.list("blobs/")))
    found = second.latest()
    assert found is not None
    assert Told.read(found).step == 3
    assert second.damaged == set()
    # The retry comes to the same step: nothing that was left half done is in its way.
    publish(second, tmp_path, 5)
    assert steps(second) == [3, 5]
    assert n_blobs > 3
    assert [record.kind for record in records(second)] == [KIND, KIND]
