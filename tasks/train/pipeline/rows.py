"""Training rows: the corpus cut, in its order, into pieces of at most a sequence, never across documents.

A row is one piece, or, packed, a sequence filled with pieces end to end; both hold the same tokens in the same order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.train.config import TrainConfig
from tasks.train.errors import CorpusTooSmall
from tasks.train.pipeline.arrow import open_rows
from tasks.train.pipeline.packing import Batch, end_to_end, pack

FILLER_LENGTH = 2
"""Tokens of a filler row that is not packed: the fewest a loss can be asked of."""


@dataclass(frozen=True)
class Rows:
    """What a run's file of rows holds.

    Args:
        n_rows: Rows in the file, filler rows among them.
        n_filler_rows: Rows at the end without labels, which fill the last step of several ranks.
        n_filler_tokens: Tokens of those rows, and those that fill up the last packed row; they are not counted as seen.
        n_tokens: Tokens of the corpus: the budget.
        n_steps: Optimizer steps that take every row once; one rank's last step may hold fewer.
    """

    n_rows: int
    n_filler_rows: int
    n_filler_tokens: int
    n_tokens: int
    n_steps: int


def write_rows(documents: Iterable[np.ndarray], config: TrainConfig, path: Path) -> Rows:
    """Write a run's rows as an Arrow stream, the form the trainer maps into memory without copying.

    Columns of unpacked rows: input_ids, labels, attention_mask. Of packed ones: input_ids, labels, position_ids, and
    length, from which axolotl's sampler knows that a row is full.

    Args:
        documents: (n_tokens,) uint32 ids of each document, in training order.
        config: The arm; sequence_length, packing, token_budget and rows_per_step are read.
        path: File to write.

    Raises:
        CorpusTooSmall: If the documents end before the budget.
    """
    n_rows = 0
    with open_rows(path, config.packing) as write:
        for batch in _batches(documents, config):
            write(batch)
            n_rows += batch.n_rows
        rows = _filled(n_rows, config)
        if rows.n_filler_rows:
            write(_filler(rows.n_filler_rows, config))
    return rows


def plan_rows(documents: Iterable[np.ndarray], config: TrainConfig) -> Rows:
    """What `write_rows` would write, without reading a token.

    Raises:
        CorpusTooSmall: If the documents end before the budget.
    """
    n_pieces = sum(1 for _ in cut_blocks(documents, config.sequence_length, config.token_budget))
    return _filled(-(-config.token_budget // config.sequence_length) if config.packing else n_pieces, config)


def cut_blocks(documents: Iterable[np.ndarray], sequence_length: int, token_budget: int) -> Iterator[np.ndarray]:
    """Cut documents into pieces until exactly the budget is taken.

    A piece has at least two tokens, for one alone predicts nothing: a last token over is skipped, and the piece before
    the last is cut so that the last is not one token.

    Args:
        documents: (n_tokens,) uint32 ids of each document, in training order.
        sequence_length: Most tokens of a piece.
        token_budget: Tokens of all pieces together, at least 2.

    Yields:
        (2 to sequence_length,) ids.

    Raises:
        CorpusTooSmall: If the documents end before the budget.
    """
    left = token_budget
    for ids in documents:
        start = 0
        while left and (length := _block_length(len(ids) - start, sequence_length, left)) >= 2:
            yield ids[start : start + length]
            start, left = start + length, left - length
        if not left:
            return
    raise CorpusTooSmall(
        f"token_budget={token_budget:,} of training, but the corpus gives {token_budget - left:,} tokens in blocks of "
        f"up to {sequence_length}. Lower train.token_budget or raise corpus.token_budget."
    )


def count_steps(n_rows: int, config: TrainConfig) -> int:
    """Optimizer steps that take every row once; the last may hold fewer."""
    return -(-n_rows // config.rows_per_step)


def _block_length(remaining: int, sequence_length: int, left: int) -> int:
    length = min(remaining, sequence_length, left)
    return length - 1 if left - length == 1 else length


def _batches(documents: Iterable[np.ndarray], config: TrainConfig) -> Iterator[Batch]:
    pieces = cut_blocks(documents, config.sequence_length, config.token_budget)
    return pack(pieces, config.sequence_length) if config.packing else end_to_end(pieces)


def _filled(n_rows: int, config: TrainConfig) -> Rows:
    """The counts, with filler rows where several ranks would else take unequal numbers of rows in the last step."""
    n_steps = count_steps(n_rows, config)
    n_filler_rows = n_steps * config.rows_per_step - n_rows if config.arm.n_ranks > 1 else 0
    length = config.sequence_length if config.packing else FILLER_LENGTH
    over = n_rows * config.sequence_length - config.token_budget if config.packing else 0
    return Rows(n_rows + n_filler_rows, n_filler_rows, n_filler_rows * length + over, config.token_budget, n_steps)


def _filler(n_rows: int, config: TrainConfig) -> Batch:
    return Batch.unlabelled(n_rows, config.sequence_length if config.packing else FILLER_LENGTH)
