"""Training states on their way into the store while training goes on."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from tasks.train.state_files import Told, complete_states
from tasks.train.states import SPENT, States

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETRY_SECONDS = 60.0
"""Pause before a state that could not be published is tried again; a newer one is tried at once."""


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
        self._failed: tuple[Path, float] | None = None

    def look(self) -> None:
        """Publish the newest complete state, if there is one. An outage is a warning: training goes on."""
        try:
            state = self._newest()
            if state and not self._waits(state):
                self._publish(state)
        except Exception as error:
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
            self.states.publish(state, told.step, facts)
        except Exception:
            self._failed = state, time.monotonic() + self.retry_seconds
            raise
        shutil.rmtree(state)
        log.info("train: state of step %d is in the store, %.0f s", told.step, time.monotonic() - started)
        self.states.prune()


@contextmanager
def publishing(states: States | None, folder: Path, spent_seconds: Callable[[], float]) -> Iterator[None]:
    """Publish what appears in a folder from a thread of its own until the block ends.

    A block that fails leaves no complete state behind unpublished; one that ends well needs none any more.

    Args:
        states: Where to; None publishes nothing.
        folder: Where the trainer writes them.
        spent_seconds: Tells what all attempts' trainers have taken until now.
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
        thread.join()
        uploader.look_once_more()
        raise
    finally:
        # After a cancellation nobody waits: an upload that is cut leaves the states before it whole.
        end.set()
    thread.join()


def _look_until(uploader: Uploader, end: threading.Event) -> None:
    while not end.wait(POLL_SECONDS):
        uploader.look()
