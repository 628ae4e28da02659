"""One builder per artifact on a machine: its lock, and its folders for unfinished work."""

import logging
import os
import shutil
import socket
import uuid
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
def builder_lock(spec: ArtifactSpec) -> Iterator[None]:
    """Hold an artifact's lock on this machine; the kernel frees it when the process ends, however it ends.

    Machines do not see each other's locks, and need not: the first verified publication counts.
    """
    lock_dir = _locks_dir()
    lock = FileLock(lock_dir / f"{spec.key}.lock")
    holder_file = lock_dir / f"{spec.key}.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("%s: waits, for %s builds the same artifact on this machine", spec.path, _read_holder(holder_file))
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        now = datetime.now(UTC)
        holder_file.write_text(f"process {os.getpid()} on {socket.gethostname()} since {now:%H:%M:%S} UTC")
        yield
    finally:
        lock.release()


def _read_holder(file: Path) -> str:
    # The holder writes the file just after it got the lock, so for a moment the file may be absent or empty.
    return (file.read_text() if file.exists() else "") or "another process"


@contextmanager
def staging_folder(spec: ArtifactSpec, part: str = "artifact") -> Iterator[Path]:
    """An empty folder beside the cache; it is removed afterwards, also after an error.

    Folders that killed builders left, of this artifact or of another, are removed first.

    Args:
        spec: What is built; the caller holds its lock (`builder_lock`).
        part: Distinguishes several folders of one builder.
    """
    parent = state_dir() / "staging"
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{spec.key}.{part}"
    if folder.exists():
        # Renamed first: processes of a killed builder may write for a moment more.
        _remove_left_over(folder.rename(folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")))
    _remove_unlocked(parent, spec.key)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_unlocked(parent: Path, own_key: str) -> None:
    """Remove the folders whose builder no longer holds its lock: the kernel frees it when a process ends."""
    lock_dir = _locks_dir()
    for folder in parent.iterdir():
        key = folder.name.partition(".")[0]
        if key == own_key:
            continue
        try:
            with FileLock(lock_dir / f"{key}.lock", timeout=0):
                _remove_left_over(folder)
        except Timeout:
            continue


def _remove_left_over(folder: Path) -> None:
    log.warning("staging: %s was left by a killed builder and is removed", folder)
    shutil.rmtree(folder, ignore_errors=True)


def _locks_dir() -> Path:
    folder = state_dir() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
