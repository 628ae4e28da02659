"""How far a merge is, said now and then."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from threading import Lock

import numpy as np

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30


class Progress:
    """Bytes done of all, in a line now and then; of several files at once."""

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes, self._n_done = n_bytes, 0
        self._started = self._said = time.monotonic()
        self._lock, self._stopped = Lock(), False

    def stop(self) -> None:
        """End what still counts pieces: another file has failed, or nobody waits any more."""
        self._stopped = True

    def count(self, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The same pieces, counted.

        Raises:
            CancelledError: If it was stopped.
        """
        for piece in pieces:
            if self._stopped:
                raise CancelledError
            with self._lock:
                self._n_done += piece.nbytes
                is_due = time.monotonic() - self._said > SECONDS_BETWEEN_LINES
                self._said = time.monotonic() if is_due else self._said
            if is_due:
                log.info("merge: %s", self.line())
            yield piece

    def line(self) -> str:
        """Done, total, rate and what is left of the time."""
        rate = self._n_done / max(time.monotonic() - self._started, 1e-9)
        minutes = (self._n_bytes - self._n_done) / rate / 60 if rate else 0.0
        done, total = self._n_done / 1e9, self._n_bytes / 1e9
        return f"{done:.2f} of {total:.2f} GB, {rate / 1e6:.0f} MB/s, {max(minutes, 0):.1f} min left"
