"""Texts of similar length in batches, computed side by side."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from tasks.common.progress import Progress
from tasks.common.threads import Workers

Ids = Sequence[int]
"""Token ids of a text."""
T = TypeVar("T")


def in_batches(
    compute: Callable[[np.ndarray], T], lengths: Sequence[int], tokens_per_batch: int, workers: Workers, what: str
) -> Iterator[tuple[np.ndarray, T]]:
    """Compute all texts by batches of similar length, and log the progress.

    Args:
        compute: From the positions of a batch's texts to their result.
        lengths: Tokens of each text, at least 1.
        tokens_per_batch: Limit of a batch, padding included.
        workers: Compute the batches; their number changes no bit.
        what: Names the work in the log.

    Yields:
        Positions of a batch's texts, and their result.
    """
    progress = Progress(what, len(lengths), "rows")
    batches = batch_by_length(lengths, tokens_per_batch)
    with workers.pool() as pool:
        for rows, found in zip(batches, pool.map(compute, batches), strict=True):
            yield rows, found
            progress.add(len(rows))


def batch_by_length(lengths: Sequence[int], tokens_per_batch: int) -> list[np.ndarray]:
    """Group rows of similar length, longest first, so that a lack of memory shows in the first batch.

    Args:
        lengths: Tokens of each row, at least 1.
        tokens_per_batch: Limit of rows times longest row; a batch of one row may exceed it.

    Returns:
        Row indices of each batch; every row is in one.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    batches, start = [], 0
    while start < len(order):
        n_rows = max(1, tokens_per_batch // lengths[order[start]])
        batches.append(order[start : start + n_rows])
        start += n_rows
    return batches


def pad_right(ids: Sequence[Ids]) -> tuple[np.ndarray, np.ndarray]:
    """Pad rows on the right, where a causal model's earlier tokens do not see it and an encoder's mask hides it.

    Returns:
        (n_rows, n_longest) int64 ids, padded with 0, and mask.
    """
    mask = np.arange(max(map(len, ids))) < np.array([[len(row)] for row in ids])
    padded = np.zeros(mask.shape, dtype=np.int64)
    padded[mask] = np.concatenate(ids)
    return padded, mask.astype(np.int64)
