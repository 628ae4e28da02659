"""One builder per artifact on a machine: the second waits and then finds what the first has published."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.common.settings import state_dir
from tasks.store.refs import ArtifactSpec

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


@contextmanager
def only_builder(spec: ArtifactSpec) -> Iterator[None]:
    """Hold an artifact's lock on this machine; the kernel frees it when the process ends, however it ends.

    Machines do not see each other's locks, and need not: the first verified publication counts.

    Args:
        spec: What shall be built.
    """
    folder = state_dir() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{spec.key}.lock")
    said_by = folder / f"{spec.key}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("%s: waits, for %s builds the same artifact on this machine", spec.path, _read(said_by))
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        said_by.write_text(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%H:%M:%S} UTC")
        yield
    finally:
        lock.release()


def _read(said_by: Path) -> str:
    # The holder says who it is just after it got the lock, so for a moment the file may be absent or empty.
    return (said_by.read_text() if said_by.exists() else "") or "another process"
