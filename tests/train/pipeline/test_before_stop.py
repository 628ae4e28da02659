"""A machine that is about to be taken away waits until the state it asks for is in the store."""

import threading
import time
from pathlib import Path

from tasks.train.pipeline.before_stop import publish_states
from tasks.train.trainer import work_files


def a_training(state: Path) -> Path:
    folder = state / "staging" / "0123.work"
    (folder / work_files.STATES).mkdir(parents=True)
    (folder / work_files.SETTINGS).write_text("{}")
    return folder


def test_nothing_is_waited_for_where_nothing_trains(own_state: Path) -> None:
    assert publish_states(0.0)
    assert not own_state.exists()


def test_it_asks_once_and_waits_for_the_writing_and_for_the_sending(own_state: Path) -> None:
    folder, seen = a_training(own_state), []
    request, state = folder / work_files.STATE_REQUEST, folder / work_files.STATES / "step-00000003"

    def train() -> None:
        while not request.exists():
            time.sleep(0.01)
        state.with_name(f"{state.name}.part").mkdir()
        request.unlink()
        time.sleep(0.6)
        state.with_name(f"{state.name}.part").rename(state)
        time.sleep(0.6)
        seen.append("published")
        state.rmdir()

    trainer = threading.Thread(target=train)
    trainer.start()
    assert publish_states(60.0)
    assert seen == ["published"]
    trainer.join()
    assert not request.exists()


def test_it_gives_up_at_its_limit(own_state: Path) -> None:
    folder = a_training(own_state)
    assert not publish_states(0.6)
    assert (folder / work_files.STATE_REQUEST).exists()


def test_a_training_that_ends_meanwhile_is_not_waited_for(own_state: Path) -> None:
    folder = a_training(own_state)
    gone = threading.Timer(0.7, lambda: folder.rename(own_state / "published"))
    gone.start()
    assert publish_states(60.0)
    gone.join()
