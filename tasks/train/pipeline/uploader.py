"""Publishing training states while training goes on, from a thread of its own."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from tasks.store.publication import Stop
from tasks.train.pipeline.state_store import SPENT, States
from tasks.train.trainer.state_files import StateInfo, complete_states

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETRY_PAUSE_SECONDS = 60.0
"""Pause before a failed upload of the same state is retried; a newer one is uploaded at once."""
MAX_WAIT_SECONDS = 1_800.0
"""Longest wait for uploads when the trainer has failed: rented GPUs are idle meanwhile."""

FactsOfStep = Callable[[int], Mapping[str, JsonValue]]
"""What the record of a state says of its step."""


class Uploader:
    """Publishes the newest complete state of a folder and removes it there, at each poll.

    Args:
        states: Where to.
        folder: Where the trainer writes them.
        spent_seconds: Gives the wall time of all attempts' trainers until now.
        facts_of_step: Gives more facts for a state's record.
        retry_seconds: Pause after a failure.
    """

    def __init__(
        self,
        states: States,
        folder: Path,
        spent_seconds: Callable[[], float],
        facts_of_step: FactsOfStep = lambda step: {},
        retry_seconds: float = RETRY_PAUSE_SECONDS,
    ) -> None:
        self.states, self.folder = states, folder
        self.spent_seconds, self.retry_seconds = spent_seconds, retry_seconds
        self.facts_of_step = facts_of_step
        self.stop = Stop()
        self._failed: tuple[Path, float] | None = None

    def poll(self) -> None:
        """Publish the newest complete state, if there is one. An outage is a warning: training goes on."""
        if self.stop.is_set():
            return
        try:
            state = self._newest()
            if state and not self._must_wait(state):
                self._publish(state)
        except Exception as error:
            if self.stop.is_set():
                return
            # No error of an upload ends a training; the deadline for the first state does.
            log.warning(
                "train: training goes on, though a state could not be published or an old one removed: %s", error
            )

    def poll_without_pause(self) -> None:
        """Publish the newest complete state now, even if its last upload has just failed."""
        self._failed = None
        self.poll()

    def _newest(self) -> Path | None:
        """The newest complete state; older ones on this disk are removed."""
        complete = complete_states(self.folder)
        for older in complete[:-1]:
            log.warning("train: %s is not published, because %s is complete", older.name, complete[-1].name)
            shutil.rmtree(older)
        return complete[-1] if complete else None

    def _must_wait(self, state: Path) -> bool:
        return self._failed is not None and self._failed[0] == state and time.monotonic() < self._failed[1]

    def _publish(self, state: Path) -> None:
        started, info = time.monotonic(), StateInfo.read(state)
        try:
            counted: dict[str, JsonValue] = {
                "tokens_seen": info.tokens_seen,
                SPENT: round(self.spent_seconds(), 3),
            }
            facts = counted | dict(self.facts_of_step(info.step))
            self.states.publish(state, info.step, facts, self.stop)
        except Exception:
            self._failed = state, time.monotonic() + self.retry_seconds
            raise
        shutil.rmtree(state)
        log.info("train: state of step %d is in the store, %.0f s", info.step, time.monotonic() - started)
        self.states.prune()


@contextmanager
def publishing(
    states: States | None,
    folder: Path,
    spent_seconds: Callable[[], float],
    facts_of_step: FactsOfStep = lambda step: {},
    max_wait_seconds: float = MAX_WAIT_SECONDS,
) -> Iterator[None]:
    """Publish the states that appear in a folder until the block ends.

    If the block fails, complete states are still published within the longest wait; the log names the rest. If it
    succeeds, no state is needed any more: the running upload is stopped. Afterwards no record is written.

    Args:
        states: Where to; None publishes nothing.
        folder: Where the trainer writes them.
        spent_seconds: Gives the wall time of all attempts' trainers until now.
        facts_of_step: Gives more facts for a state's record.
        max_wait_seconds: Longest wait for the thread.
    """
    if states is None:
        yield
        return
    uploader, end = Uploader(states, folder, spent_seconds, facts_of_step), threading.Event()
    thread = threading.Thread(target=_poll_until, args=(uploader, end), name="uploader", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        end.set()
        thread.join(max_wait_seconds)
        _stop(uploader)
        raise
    finally:
        # A cancellation does not wait: an upload that is cut leaves the states before it whole.
        uploader.stop.set()
        end.set()
    # The thread ends after the blob that it is sending.
    thread.join(max_wait_seconds)
    uploader.stop.wait_for_record()


def _stop(uploader: Uploader) -> None:
    """Write no record from now on, because the folder is about to be removed; log what is not in the store."""
    uploader.stop.set()
    uploader.stop.wait_for_record()
    if left := [state.name for state in complete_states(uploader.folder)]:
        log.warning("train: %s of the failed training is left unpublished, a retry repeats its steps", ", ".join(left))


def _poll_until(uploader: Uploader, end: threading.Event) -> None:
    while not end.wait(POLL_SECONDS):
        uploader.poll()
    uploader.poll_without_pause()
