"""Prefect's server, its garbage collected beside its event loop: `python -m deployments.server`.

On SQLite a collection on the event loop can stop the whole server for a minute, at two of seven starts measured here
(decision 0017). A cursor of connection B is freed, which waits for B's mutex; B's thread holds that, and waits for the
write lock; connection A holds that for a transaction of the loop; and the loop waits for the collection. SQLite's time
limit for a wait ends it, and fails whoever waited.
"""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.cli import app

COLLECT_EVERY_SECONDS = 30.0
"""What no cycle holds is freed at once as ever; a cycle is kept for so long at most."""


@contextmanager
def garbage_collected_beside(every_seconds: float = COLLECT_EVERY_SECONDS) -> Iterator[None]:
    """Cycles are collected by a thread of their own and by no other: freeing them may wait, and makes nobody else wait.

    Args:
        every_seconds: From the end of a collection to the next.
    """
    over = threading.Event()
    gc.disable()
    threading.Thread(target=_collect, args=(over, every_seconds), name="garbage", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        gc.unfreeze()
        gc.enable()


def _collect(over: threading.Event, every_seconds: float) -> None:
    if not over.wait(every_seconds):
        gc.collect()
        # What stands by now, modules and routes, lives as long as the server and need not be looked at again.
        gc.freeze()
    while not over.wait(every_seconds):
        gc.collect()


if __name__ == "__main__":
    with garbage_collected_beside():
        sys.argv[1:] = ["server", "start"]
        app()
