"""Folders for work in progress, named by the artifact they are for, so that none outlives its builder for long."""

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.common.settings import state_dir
from tasks.store.refs import ArtifactSpec

log = logging.getLogger(__name__)


@contextmanager
def staging_folder(spec: ArtifactSpec, part: str = "artifact") -> Iterator[Path]:
    """An empty folder beside the cache; it is gone afterwards, whatever happened.

    What a killed builder has left, of this artifact or of another, is removed first.

    Args:
        spec: What is built; the caller holds its lock (`only_builder`).
        part: Tells several folders of one builder apart.
    """
    parent = state_dir() / "staging"
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{spec.key}.{part}"
    _set_aside(folder)
    _sweep(parent, spec.key)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _set_aside(folder: Path) -> None:
    """Free the name at once: processes of a killed builder may write for a moment more."""
    if folder.exists():
        log.warning("staging: %s was left by a builder that was killed, and is removed", folder)
        aside = folder.rename(folder.with_name(f"{folder.name}.{uuid.uuid4().hex}"))
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(parent: Path, own_key: str) -> None:
    """Remove the folders whose builder holds its lock no more: the kernel frees it when a process ends."""
    locks = parent.with_name("locks")
    locks.mkdir(exist_ok=True)
    for folder in parent.iterdir():
        key = folder.name.partition(".")[0]
        if key == own_key:
            continue
        try:
            with FileLock(locks / f"{key}.lock", timeout=0):
                log.warning("staging: %s was left by a builder that was killed, and is removed", folder)
                shutil.rmtree(folder, ignore_errors=True)
        except Timeout:
            continue
