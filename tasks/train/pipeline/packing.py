"""Pieces of documents as rows: one by one, or end to end in sequences that are full."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

FILLER_TOKEN = 0
IGNORED = -100
"""Label that no loss is computed of."""
BATCH_TOKENS = 1 << 20


@dataclass(frozen=True)
class Batch:
    """Rows that are written together.

    Args:
        ids: (n_tokens,) int32 tokens of all rows, end to end.
        labels: (n_tokens,) int32; IGNORED where nothing is predicted.
        starts: (n_tokens,) bool, whether a piece begins here.
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
        """(n_tokens,) int32 place of each token in its piece."""
        places = np.arange(len(self.ids), dtype=np.int32)
        return places - np.maximum.accumulate(np.where(self.starts, places, np.int32(0)))

    @classmethod
    def unlabelled(cls, n_rows: int, length: int) -> "Batch":
        """Rows of filler tokens, each a piece of its own."""
        offsets = np.arange(n_rows + 1, dtype=np.int32) * np.int32(length)
        starts = np.zeros(n_rows * length, bool)
        starts[offsets[:-1]] = True
        ids = np.full(n_rows * length, FILLER_TOKEN, np.int32)
        return cls(ids, np.full(n_rows * length, IGNORED, np.int32), starts, offsets)


def end_to_end(pieces: Iterable[np.ndarray]) -> Iterator[Batch]:
    """Every piece a row of its own, its first token's label kept: the loss is shifted, and never asks for it."""
    for ids, offsets in _joined(pieces):
        starts = np.zeros(len(ids), bool)
        starts[offsets[:-1]] = True
        yield Batch(ids, ids, starts, offsets)


def pack(pieces: Iterable[np.ndarray], sequence_length: int) -> Iterator[Batch]:
    """Fill rows with pieces in their order; a piece that meets a row's end goes on, as a new one, in the next row.

    No token predicts across pieces: the first of each has no label, and its positions begin at 0. The last row is
    filled up with tokens that have no label.

    Args:
        pieces: (n_tokens,) ids of each piece.
        sequence_length: Tokens of every row.

    Yields:
        Batches of rows of exactly sequence_length tokens.
    """
    ids, starts = np.empty(0, np.int32), np.empty(0, bool)
    for more, offsets in _joined(pieces):
        begins = np.zeros(len(more), bool)
        begins[offsets[:-1]] = True
        ids, starts = np.concatenate([ids, more]), np.concatenate([starts, begins])
        whole = len(ids) // sequence_length * sequence_length
        if whole:
            yield _sequences(ids[:whole], starts[:whole].copy(), sequence_length)
        ids, starts = ids[whole:], starts[whole:]
    if len(ids):
        yield _filled_up(ids, starts, sequence_length)


def _sequences(ids: np.ndarray, starts: np.ndarray, sequence_length: int) -> Batch:
    starts[::sequence_length] = True
    offsets = np.arange(0, len(ids) + 1, sequence_length, dtype=np.int32)
    return Batch(ids, np.where(starts, np.int32(IGNORED), ids), starts, offsets)


def _filled_up(ids: np.ndarray, starts: np.ndarray, sequence_length: int) -> Batch:
    n_over = sequence_length - len(ids)
    filler = Batch.unlabelled(1, n_over)
    row = _sequences(np.concatenate([ids, filler.ids]), np.concatenate([starts, filler.starts]), sequence_length)
    row.labels[len(ids) :] = IGNORED
    return row


def _joined(pieces: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """About a million tokens of pieces at a time: (ids as int32, offsets of the pieces and one past the last)."""
    batch: list[np.ndarray] = []
    n_tokens = 0
    for piece in pieces:
        batch.append(piece)
        n_tokens += len(piece)
        if n_tokens >= BATCH_TOKENS:
            yield _join(batch)
            batch, n_tokens = [], 0
    if batch:
        yield _join(batch)


def _join(batch: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.cumsum(np.fromiter(chain([0], map(len, batch)), np.int64, len(batch) + 1))
    return np.concatenate(batch).astype(np.int32), ends.astype(np.int32)
