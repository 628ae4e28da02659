"""Training states on their way into the store while training goes on."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from tasks.store.stopping import Stop
from tasks.train.pipeline.state_store import SPENT, States
from tasks.train.trainer.state_files import Told, complete_states

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETRY_SECONDS = 60.0
"""Pause before a state that could not be published is tried again; a newer one is tried at once."""
PATIENCE_SECONDS = 1_800.0
"""Longest wait for uploads when the trainer has failed: rented GPUs are idle meanwhile."""


class Uploader:
    """Publishes the newest complete state of a folder and removes it there, again and again.

    Args:
        states: Where to.
        folder: Where the trainer writes them.
        spent_seconds: Tells what all attempts' trainers have taken until now.
        retry_seconds: Pause after a failure.
    """

    def __init__(
        self,
        states: States,
        folder: Path,
        spent_seconds: Callable[[], float],
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.states = states
        self.folder = folder
        self.spent_seconds = spent_seconds
        self.retry_seconds = retry_seconds
        self.stop = Stop()
        self._failed: tuple[Path, float] | None = None

    def look(self) -> None:
        """Publish the newest complete state, if there is one. An outage is a warning: training goes on."""
        if self.stop.is_set():
            return
        try:
            state = self._newest()
            if state and not self._waits(state):
                self._publish(state)
        except Exception as error:
            if self.stop.is_set():
                return
            # Whatever it is, it is no reason to end a training; the deadline for the first state is.
            log.warning(
                "train: training goes on, though a state could not be published or an old one removed: %s", error
            )

    def look_once_more(self) -> None:
        """Publish the newest complete state now, whether it could not be published a moment ago or not."""
        self._failed = None
        self.look()

    def _newest(self) -> Path | None:
        """The newest complete state; what it has overtaken goes."""
        complete = complete_states(self.folder)
        for older in complete[:-1]:
            log.warning("train: %s is not published, for %s is complete", older.name, complete[-1].name)
            shutil.rmtree(older)
        return complete[-1] if complete else None

    def _waits(self, state: Path) -> bool:
        return self._failed is not None and self._failed[0] == state and time.monotonic() < self._failed[1]

    def _publish(self, state: Path) -> None:
        started = time.monotonic()
        told = Told.read(state)
        try:
            facts: dict[str, JsonValue] = {
                "tokens_seen": told.tokens_seen,
                SPENT: round(self.spent_seconds(), 3),
            }
            self.states.publish(state, told.step, facts, self.stop)
        except Exception:
            self._failed = state, time.monotonic() + self.retry_seconds
            raise
        shutil.rmtree(state)
        log.info("train: state of step %d is in the store, %.0f s", told.step, time.monotonic() - started)
        self.states.prune()


@contextmanager
def publishing(
    states: States | None,
    folder: Path,
    spent_seconds: Callable[[], float],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Iterator[None]:
    """Publish what appears in a folder from a thread of its own until the block ends.

    When a block fails, what is complete is still published, as far as there is time; what is not gets named. One that
    ends well needs no state any more: the upload under way is given up. Afterwards no record is written.

    Args:
        states: Where to; None publishes nothing.
        folder: Where the trainer writes them.
        spent_seconds: Tells what all attempts' trainers have taken until now.
        patience_seconds: Longest wait for the thread.
    """
    if states is None:
        yield
        return
    uploader, end = Uploader(states, folder, spent_seconds), threading.Event()
    thread = threading.Thread(target=_look_until, args=(uploader, end), name="uploader", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        end.set()
        thread.join(patience_seconds)
        _give_up(uploader)
        raise
    finally:
        # After a cancellation nobody waits: an upload that is cut leaves the states before it whole.
        uploader.stop.set()
        end.set()
    # Now the thread ends with the blob it has in hand.
    thread.join(patience_seconds)
    uploader.stop.wait_for_record()


def _give_up(uploader: Uploader) -> None:
    """Let no record be written from now on, for the folder is about to go; name what is not in the store."""
    uploader.stop.set()
    uploader.stop.wait_for_record()
    if left := [state.name for state in complete_states(uploader.folder)]:
        log.warning("train: %s of the failed training is left unpublished, a retry repeats its steps", ", ".join(left))


def _look_until(uploader: Uploader, end: threading.Event) -> None:
    while not end.wait(POLL_SECONDS):
        uploader.look()
    uploader.look_once_more()
