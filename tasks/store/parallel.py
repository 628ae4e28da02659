"""Blobs side by side in threads, with progress in bytes."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

SAY_EVERY_SECONDS = 10.0


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item], n_threads: int) -> list[Result]:
    """Results in the items' order, at most `n_threads` items in hand at once.

    Items are drawn as threads become free, so that a generator of chunks never holds more than that in memory. The
    first failure stops the drawing and is raised when those in hand have ended.
    """
    results: dict[int, Result] = {}
    running: dict[Future[Result], int] = {}

    def collect(return_when: str = FIRST_COMPLETED) -> None:
        for future in wait(running, return_when=return_when).done:
            results[running.pop(future)] = future.result()

    with ThreadPoolExecutor(n_threads) as pool:
        for index, item in enumerate(items):
            running[pool.submit(work, item)] = index
            if len(running) >= n_threads:
                collect()
        while running:
            collect()
    return [results[index] for index in range(len(results))]


class Progress:
    """A line with done, total and rate every ten seconds; threads may share it.

    Args:
        what: What is done to the bytes, such as `upload train/letters/0123`.
        n_bytes: All of them.
    """

    def __init__(self, what: str, n_bytes: int) -> None:
        self.what = what
        self.n_bytes = n_bytes
        self.n_done = 0
        self.started = self.said = time.monotonic()
        self._lock = threading.Lock()

    def add(self, n_bytes: int) -> None:
        """Count bytes as done, and say so if it is time."""
        with self._lock:
            self.n_done += n_bytes
            now = time.monotonic()
            if now - self.said < SAY_EVERY_SECONDS:
                return
            self.said = now
            log.info("%s: %s", self.what, self)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def __str__(self) -> str:
        rate = self.n_done / 1e6 / max(self.seconds, 1e-9)
        return f"{self.n_done / 1e6:,.1f} of {self.n_bytes / 1e6:,.1f} MB, {rate:,.1f} MB/s"
