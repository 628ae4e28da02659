"""Blocks of tokens as rows: one block per row, or blocks end to end in rows that are full."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tasks.schemas.examples import IGNORED

FILLER_TOKEN = 0
BATCH_TOKENS = 1 << 20


@dataclass(frozen=True)
class Batch:
    """Rows that are written together.

    Args:
        ids: (n_tokens,) int32 tokens of all rows, end to end.
        labels: (n_tokens,) int32; IGNORED where nothing is predicted.
        starts: (n_tokens,) bool, whether a block begins here.
        offsets: (n_rows + 1,) int32 first token of each row, and one past the last.
    """

    ids: np.ndarray
    labels: np.ndarray
    starts: np.ndarray
    offsets: np.ndarray

    @property
    def n_rows(self) -> int:
        """Rows of the batch."""
        return len(self.offsets) - 1

    def positions(self) -> np.ndarray:
        """(n_tokens,) int32 position of each token in its block."""
        indices = np.arange(len(self.ids), dtype=np.int32)
        return indices - np.maximum.accumulate(np.where(self.starts, indices, np.int32(0)))

    @classmethod
    def unlabelled(cls, n_rows: int, length: int) -> "Batch":
        """Rows of filler tokens, each a block of its own."""
        offsets = np.arange(n_rows + 1, dtype=np.int32) * np.int32(length)
        ids = np.full(n_rows * length, FILLER_TOKEN, np.int32)
        return cls(ids, np.full(n_rows * length, IGNORED, np.int32), _starts(offsets), offsets)


def end_to_end(blocks: Iterable[np.ndarray]) -> Iterator[Batch]:
    """Make every block a row. Its first token keeps its label, which the shifted loss never reads."""
    for ids, offsets in _concatenated(blocks):
        yield Batch(ids, ids, _starts(offsets), offsets)


def pack(blocks: Iterable[np.ndarray], sequence_length: int) -> Iterator[Batch]:
    """Fill rows with blocks in their order; a block cut by a row's end continues in the next row as a new block.

    No token predicts across blocks: the first of each has no label, and its positions begin at 0. The last row is
    filled up with tokens that have no label.

    Args:
        blocks: (n_tokens,) ids of each block.
        sequence_length: Tokens of every row.

    Yields:
        Batches of rows of exactly sequence_length tokens.
    """
    ids, starts = np.empty(0, np.int32), np.empty(0, bool)
    for more, offsets in _concatenated(blocks):
        ids, starts = np.concatenate([ids, more]), np.concatenate([starts, _starts(offsets)])
        whole = len(ids) // sequence_length * sequence_length
        if whole:
            yield _full_rows(ids[:whole], starts[:whole].copy(), sequence_length)
        ids, starts = ids[whole:], starts[whole:]
    if len(ids):
        filler = Batch.unlabelled(1, sequence_length - len(ids))
        row = _full_rows(np.concatenate([ids, filler.ids]), np.concatenate([starts, filler.starts]), sequence_length)
        row.labels[len(ids) :] = IGNORED
        yield row


def _full_rows(ids: np.ndarray, starts: np.ndarray, sequence_length: int) -> Batch:
    starts[::sequence_length] = True
    offsets = np.arange(0, len(ids) + 1, sequence_length, dtype=np.int32)
    return Batch(ids, np.where(starts, np.int32(IGNORED), ids), starts, offsets)


def _starts(offsets: np.ndarray) -> np.ndarray:
    starts = np.zeros(offsets[-1], bool)
    starts[offsets[:-1]] = True
    return starts


def _concatenated(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """About a million tokens of blocks at a time: (int32 ids, int32 offsets of the blocks and one past the last)."""
    pending: list[np.ndarray] = []
    n_tokens = 0
    for block in blocks:
        pending.append(block)
        n_tokens += len(block)
        if n_tokens >= BATCH_TOKENS:
            yield _concatenate(pending)
            pending, n_tokens = [], 0
    if pending:
        yield _concatenate(pending)


def _concatenate(blocks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum(np.fromiter(chain([0], map(len, blocks)), np.int64, len(blocks) + 1))
    return np.concatenate(blocks).astype(np.int32), offsets.astype(np.int32)
