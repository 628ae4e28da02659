"""Work on several blobs at a time in threads."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from tasks.store.errors import StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")


def n_transfers() -> int:
    """HINDSIGHT_TRANSFERS: blobs in flight at once, 8 by default; each upload holds one chunk in memory.

    Raises:
        StoreError: If it is not a number from 1 to 64.
    """
    value = os.environ.get("HINDSIGHT_TRANSFERS", "8")
    if not value.isdecimal() or not 1 <= int(value) <= 64:
        raise StoreError(f"HINDSIGHT_TRANSFERS={value!r} is not a number from 1 to 64.")
    return int(value)


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item], n_threads: int) -> list[Result]:
    """Results in the items' order, at most `n_threads` items at once.

    Items are drawn as threads become free, so a generator of chunks never holds more than that in memory. After the
    first failure no further item is drawn; the error is raised when the running ones have ended.
    """
    results: dict[int, Result] = {}
    running: dict[Future[Result], int] = {}

    def collect() -> None:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            results[running.pop(future)] = future.result()

    with ThreadPoolExecutor(n_threads) as pool:
        for index, item in enumerate(items):
            running[pool.submit(work, item)] = index
            if len(running) >= n_threads:
                collect()
        while running:
            collect()
    return [results[index] for index in range(len(results))]
