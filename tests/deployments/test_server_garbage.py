"""The collector against SQLite's locks: the thread that frees a cursor decides whether a server blocks."""

import gc
import sqlite3
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from deployments.server import collect_garbage_in_thread


class Cycle:
    """Garbage that only the collector frees, and a cursor with it."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        self.itself = self


@pytest.mark.parametrize(
    ("beside", "answer", "longest_wait_ms"),
    # A statement that is not blocked may be late on a busy machine; one that is blocked waits all of it.
    [(True, "written", 120_000), (False, "database is locked", 3_000)],
    ids=["beside", "Python's own way"],
)
def test_a_transaction_ends_though_a_cursor_of_a_waiting_connection_is_garbage(
    tmp_path: Path, beside: bool, answer: str, longest_wait_ms: int
) -> None:
    holder = sqlite3.connect(tmp_path / "server.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode = WAL")
    holder.execute("CREATE TABLE run (name)")
    waiter = sqlite3.connect(tmp_path / "server.db", isolation_level=None, check_same_thread=False)
    waiter.execute(f"PRAGMA busy_timeout = {longest_wait_ms}")
    has_begun = threading.Event()
    answers: list[str] = []

    def write() -> None:
        waiter.set_trace_callback(lambda _: has_begun.set())
        try:
            waiter.execute("INSERT INTO run VALUES ('train')")
            answers.append("written")
        except sqlite3.OperationalError as error:
            answers.append(str(error))

    gc.collect()
    with collect_garbage_in_thread(0.01) if beside else nullcontext():
        Cycle(waiter.execute("SELECT 1 UNION SELECT 2"))
        holder.execute("BEGIN IMMEDIATE")
        writing = threading.Thread(target=write)
        writing.start()
        # The connection's mutex is held from before this call until its statement ends.
        has_begun.wait()
        kept = [[number] for number in range(100_000)]
        holder.execute("COMMIT")
        writing.join()
    assert answers == [answer]
    assert len(kept) == 100_000
    assert gc.isenabled()
