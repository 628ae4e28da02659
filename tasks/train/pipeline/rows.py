"""Training rows: the corpus cut, in its order, into blocks of at most one sequence, written as an Arrow stream.

A block never crosses a document. A row is one block or, packed, a sequence filled with blocks end to end; both hold the
same tokens in the same order.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.train.config import TrainConfig
from tasks.train.errors import CorpusTooSmall
from tasks.train.pipeline.packing import Batch, end_to_end, pack

FILLER_LENGTH = 2
"""Tokens of a filler row that is not packed: the fewest for which a loss can be computed. Of a filler pair, those of
the prompt, which is read once with each of its two empty answers."""


@dataclass(frozen=True)
class Rows:
    """Counts of a run's file of rows.

    Args:
        n_rows: Rows in the file, filler rows among them.
        n_filler_rows: Rows at the end without labels, which fill the last step of several ranks.
        n_filler_tokens: Tokens of those rows, and those that fill up the last packed row; they are not counted as seen.
        n_tokens: Tokens of the corpus: the budget. Of examples, those of all epochs.
        n_steps: Optimizer steps that take every row once; one rank's last step may hold fewer.
    """

    n_rows: int
    n_filler_rows: int
    n_filler_tokens: int
    n_tokens: int
    n_steps: int


def write_rows(documents: Iterable[np.ndarray], config: TrainConfig, path: Path) -> Rows:
    """Write a run's rows as an Arrow stream, which the trainer maps into memory without copying.

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
    blocks = cut_blocks(documents, config.sequence_length, config.token_budget)
    with arrow_writer(path, config.packing) as write:
        for batch in pack(blocks, config.sequence_length) if config.packing else end_to_end(blocks):
            write(batch)
            n_rows += batch.n_rows
        rows = count_rows(n_rows, config.token_budget, config)
        if rows.n_filler_rows:
            write(Batch.unlabelled(rows.n_filler_rows, _filler_length(config)))
    return rows


def plan_rows(documents: Iterable[np.ndarray], config: TrainConfig) -> Rows:
    """Count what `write_rows` would write, without reading a token.

    Raises:
        CorpusTooSmall: If the documents end before the budget.
    """
    n_blocks = sum(1 for _ in cut_blocks(documents, config.sequence_length, config.token_budget))
    n_rows = -(-config.token_budget // config.sequence_length) if config.packing else n_blocks
    return count_rows(n_rows, config.token_budget, config)


def cut_blocks(documents: Iterable[np.ndarray], sequence_length: int, token_budget: int) -> Iterator[np.ndarray]:
    """Cut documents into blocks until exactly the budget is taken.

    A block has at least two tokens, because one alone predicts nothing: a single last token of a document is skipped,
    and the block before the last is cut so that the last is not one token.

    Args:
        documents: (n_tokens,) uint32 ids of each document, in training order.
        sequence_length: Most tokens of a block.
        token_budget: Tokens of all blocks together, at least 2.

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


def count_rows(n_rows: int, n_tokens: int, config: TrainConfig) -> Rows:
    """Add filler rows where several ranks would otherwise take unequal numbers of rows in the last step."""
    n_steps = count_steps(n_rows, config)
    n_filler_rows = n_steps * config.rows_per_step - n_rows if config.arm.n_ranks > 1 else 0
    over = n_rows * config.sequence_length - n_tokens if config.packing else 0
    n_filler_tokens = n_filler_rows * _filler_length(config) + over
    return Rows(n_rows + n_filler_rows, n_filler_rows, n_filler_tokens, n_tokens, n_steps)


def _filler_length(config: TrainConfig) -> int:
    if config.objective.kind == "preference":
        return 2 * FILLER_LENGTH
    return config.sequence_length if config.packing else FILLER_LENGTH


@contextmanager
def arrow_writer(path: Path, packed: bool) -> Iterator[Callable[[Batch], None]]:
    """Write batches of rows with the columns that `write_rows` lists."""
    import pyarrow as pa

    ids = pa.list_(pa.int32())
    others = {"position_ids": ids, "length": pa.int32()} if packed else {"attention_mask": pa.list_(pa.int8())}
    schema = pa.schema({"input_ids": ids, "labels": ids} | others)

    def write(batch: Batch) -> None:
        offsets = pa.array(batch.offsets)
        third = batch.positions() if packed else np.ones(len(batch.ids), np.int8)
        columns = [pa.ListArray.from_arrays(offsets, pa.array(column)) for column in (batch.ids, batch.labels, third)]
        if packed:
            columns.append(pa.array(np.diff(batch.offsets)))
        stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        yield write
