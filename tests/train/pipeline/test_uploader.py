"""Training states on their way into the store while a training goes on, fails or is killed."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from tasks.train.errors import TrainingFailed
from tasks.train.pipeline.state_store import KIND, States
from tasks.train.pipeline.uploader import Uploader, publishing
from tasks.train.trainer.state_files import MOST_WAITING, StateInfo, begin, complete_states, finish, has_room
from tests.train.pipeline.example_states import publish, records, refuse, spent, states_of, steps, written


def test_a_published_state_leaves_the_disk_and_the_newer_goes_first(tmp_path: Path) -> None:
    states = states_of(tmp_path)
    written(tmp_path, 1)
    written(tmp_path, 2)
    begin(tmp_path / "states", 3)
    uploader = Uploader(states, tmp_path / "states", spent)
    uploader.poll()
    assert (steps(states), complete_states(tmp_path / "states")) == ([2], [])
    assert states.n_published == 1
    uploader.poll()
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
        uploader.poll()
    assert "training goes on, though a state could not be published" in caplog.text
    assert "the store gives no answer" in caplog.text
    uploader.poll()
    assert states.n_published == 0, "it is left in peace for a while"
    written(tmp_path, 2)
    uploader.poll()
    assert (steps(states), complete_states(tmp_path / "states")) == ([2], [])


def test_a_state_that_could_not_be_published_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = states_of(tmp_path)
    uploader = Uploader(states, tmp_path / "states", spent, retry_seconds=0)
    written(tmp_path, 1)
    with monkeypatch.context() as outage:
        outage.setattr(states.store.objects, "write", refuse)
        uploader.poll()
    uploader.poll()
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
            uploader.poll()
    assert steps(states) == [1, 2, 3, 4]
    assert "or an old one removed" in caplog.text
    written(tmp_path, 5)
    uploader.poll()
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
        until = time.monotonic() + 120
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
    with publishing(states, root / "states", spent, max_wait_seconds=0.1):
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
    StateInfo(5, 500, 10, 1, "rows").write(part)
    finish(part)
    Uploader(states, root / "states", spent).poll()


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
    assert StateInfo.read(found).step == 3
    assert second.damaged == set()
    # The retry comes to the same step: nothing that was left half done is in its way.
    publish(second, tmp_path, 5)
    assert steps(second) == [3, 5]
    assert n_blobs > 3
    assert [record.kind for record in records(second)] == [KIND, KIND]
