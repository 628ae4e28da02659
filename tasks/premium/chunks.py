"""Compute a table in chunks and keep each chunk on disk, so that a killed run resumes where it stopped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tasks.common.fsync import sync
from tasks.common.progress import Progress
from tasks.sampling.arrays import FloatArray


def in_chunks(
    what: str, n_all: int, n_per_chunk: int, folder: Path | None, compute: Callable[[int, int], FloatArray]
) -> FloatArray:
    """Compute the rows of a table chunk by chunk.

    Args:
        what: Name of the work, for its progress lines and its files.
        n_all: Rows of the table.
        n_per_chunk: Most rows of a chunk.
        folder: Where chunks are kept for the next start; None keeps none.
        compute: Gives (n_rows, n_columns) from the first row and one past the last.

    Returns:
        (n_all, n_columns).
    """
    chunks = _kept_chunks(what, folder)
    n_done = sum(map(len, chunks))
    progress = Progress(f"premium: {what}", n_all, "draws", n_before=n_done)
    while n_done < n_all:
        chunk = compute(n_done, min(n_done + n_per_chunk, n_all))
        if folder is not None:
            _keep(chunk, _file(folder, what, n_done))
        chunks.append(chunk)
        n_done += len(chunk)
        progress.add(len(chunk))
    return np.concatenate(chunks)


def _kept_chunks(what: str, folder: Path | None) -> list[FloatArray]:
    """Chunks of an earlier start, from the first row on; their sizes may differ."""
    chunks: list[FloatArray] = []
    while folder is not None and (file := _file(folder, what, sum(map(len, chunks)))).exists():
        chunks.append(np.load(file, allow_pickle=False))
    return chunks


def _keep(chunk: FloatArray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.save(stream, chunk, allow_pickle=False)
    sync(part)
    part.replace(file)


def _file(folder: Path, what: str, start: int) -> Path:
    return folder / f"{what.replace(' ', '-')}-{start:08d}.npy"
