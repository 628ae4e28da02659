"""Training blocks: the corpus cut, in its order, into pieces of at most a sequence, never across documents."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.train.config import TrainConfig
from tasks.train.errors import CorpusTooSmall

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_BLOCKS = 512


def cut_blocks(documents: Iterable[np.ndarray], sequence_length: int, token_budget: int) -> Iterator[np.ndarray]:
    """Cut documents into blocks until exactly the budget is taken.

    A block has at least two tokens, for one alone predicts nothing: a last token over is skipped, and the block before
    the last is cut so that the last is not one token.

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


def _block_length(remaining: int, sequence_length: int, left: int) -> int:
    length = min(remaining, sequence_length, left)
    return length - 1 if left - length == 1 else length


def count_steps(n_blocks: int, config: TrainConfig) -> int:
    """Optimizer steps that take every block once; the last may hold fewer."""
    return -(-n_blocks // (config.micro_batch_size * config.gradient_accumulation_steps))


def write_blocks(blocks: Iterable[np.ndarray], path: Path) -> int:
    """Write blocks as an Arrow stream, the form the trainer maps into memory without copying.

    Returns:
        Blocks written.
    """
    import pyarrow as pa

    n_blocks, remaining = 0, iter(blocks)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, _schema()) as stream:
        while batch := list(islice(remaining, BATCH_BLOCKS)):
            stream.write_batch(_record_batch(batch))
            n_blocks += len(batch)
    return n_blocks


def _schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema(
        {
            "input_ids": pa.list_(pa.int32()),
            "attention_mask": pa.list_(pa.int8()),
            "labels": pa.list_(pa.int64()),
        }
    )


def _record_batch(blocks: list[np.ndarray]) -> "pa.RecordBatch":
    import pyarrow as pa

    offsets = pa.array(np.concatenate([[0], np.cumsum([len(block) for block in blocks])]).astype(np.int32))
    ids = np.concatenate(blocks)
    columns = [ids.astype(np.int32), np.ones(len(ids), np.int8), ids.astype(np.int64)]
    arrays = [pa.ListArray.from_arrays(offsets, pa.array(column)) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=_schema())
