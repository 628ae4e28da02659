"""The collector against SQLite's locks: the thread that frees a cursor decides whether a server blocks."""

import gc
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from deployments.server import collect_garbage_in_thread
from tests.waiting import GENEROUS_SECONDS


class Cycle:
    """Garbage that only the collector frees, and a cursor with it."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        self.itself = self


@contextmanager
def collect_as_python_does() -> Iterator[None]:
    """Whichever thread allocates collects: the next allocation of this one does, after all that were not followed."""
    gc.enable()
    yield


@pytest.mark.parametrize(
    ("collecting", "answer", "longest_wait_ms"),
    # A statement that is not blocked may be late on a busy machine; one that is blocked waits all of it. The message of
    # its error is the connection's last one, which another thread's cursor may have replaced: only the kind is certain.
    [
        (partial(collect_garbage_in_thread, 0.01), "written", 120_000),
        (collect_as_python_does, "OperationalError", 3_000),
    ],
    ids=["beside", "Python's own way"],
)
def test_a_transaction_ends_though_a_cursor_of_a_waiting_connection_is_garbage(
    tmp_path: Path, collecting: Callable[[], AbstractContextManager[None]], answer: str, longest_wait_ms: int
) -> None:
    holder = sqlite3.connect(tmp_path / "server.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("CREATE TABLE run (name)")
    waiter = sqlite3.connect(tmp_path / "server.db", isolation_level=None, check_same_thread=False)
    waiter.execute(f"PRAGMA busy_timeout = {longest_wait_ms}")
    has_begun, is_found = threading.Event(), threading.Event()
    answers: list[str] = []

    def write() -> None:
        waiter.set_trace_callback(lambda _: has_begun.set())
        try:
            waiter.execute("INSERT INTO run VALUES ('train')")
            answers.append("written")
        except sqlite3.OperationalError as error:
            answers.append(type(error).__name__)

    gc.collect()
    # Threads of other tests allocate too: the cursor must be neither freed nor old before the mutex is held.
    gc.disable()
    garbage = Cycle(waiter.execute("SELECT 1 UNION SELECT 2"))
    # Called by the collection that finds the cycle, before it frees the cursor.
    weakref.finalize(garbage, is_found.set)
    holder.execute("BEGIN IMMEDIATE")
    writing = threading.Thread(target=write)
    writing.start()
    # The connection's mutex is held from before this call until its statement ends.
    has_begun.wait()
    del garbage
    with collecting():
        kept = [[number] for number in range(100_000)]
        assert is_found.wait(GENEROUS_SECONDS)
        holder.execute("COMMIT")
        writing.join()
    assert answers == [answer]
    assert len(kept) == 100_000
    assert gc.isenabled()
