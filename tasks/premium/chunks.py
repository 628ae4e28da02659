"""Work in chunks that a killed run does not do again, with a line about rate and time left."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tasks.premium.rows import FloatArray

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15


class Progress:
    """Logs a line every quarter minute, and one at the end.

    Args:
        what: What is counted, such as `stock draws of base`.
        n_all: How many there are.
        n_done: How many were done before.
    """

    def __init__(self, what: str, n_all: int, n_done: int = 0) -> None:
        self.what, self.n_all, self.n_before = what, n_all, n_done
        self.started = self.reported = time.monotonic()
        if n_done:
            log.info("premium: %s: %d of %d found from an earlier start", what, n_done, n_all)

    def report(self, n_done: int) -> None:
        """Log how many are done, if it is time."""
        now = time.monotonic()
        if now - self.reported < SECONDS_BETWEEN_LINES and n_done < self.n_all:
            return
        self.reported = now
        per_second = (n_done - self.n_before) / max(now - self.started, 1e-9)
        left = (self.n_all - n_done) / max(per_second, 1e-9)
        log.info("premium: %s: %d of %d, %.1f/min, %.0f s left", self.what, n_done, self.n_all, 60 * per_second, left)


def in_chunks(
    what: str, n_all: int, n_per_chunk: int, folder: Path | None, compute: Callable[[int, int], FloatArray]
) -> FloatArray:
    """Compute rows of a table chunk by chunk, keeping each chunk on disk.

    Args:
        what: Name of the work: of its progress lines and of its files.
        n_all: Rows of the table.
        n_per_chunk: Rows of a chunk at most.
        folder: Where chunks are kept for the next start; None keeps none.
        compute: From the first row and one past the last to (n_rows, n_columns).

    Returns:
        (n_all, n_columns).
    """
    chunks = _kept_chunks(what, folder)
    n_done = sum(map(len, chunks))
    progress = Progress(what, n_all, n_done)
    while n_done < n_all:
        chunk = compute(n_done, min(n_done + n_per_chunk, n_all))
        if folder is not None:
            _keep(chunk, _file(folder, what, n_done))
        chunks.append(chunk)
        n_done += len(chunk)
        progress.report(n_done)
    return np.concatenate(chunks)


def _kept_chunks(what: str, folder: Path | None) -> list[FloatArray]:
    """Chunks of an earlier start from the first row on, whatever their size was."""
    chunks: list[FloatArray] = []
    while folder is not None and (file := _file(folder, what, sum(map(len, chunks)))).exists():
        chunks.append(np.load(file, allow_pickle=False))
    return chunks


def _keep(chunk: FloatArray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.save(stream, chunk, allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def _file(folder: Path, what: str, start: int) -> Path:
    return folder / f"{what.replace(' ', '-')}-{start:08d}.npy"
