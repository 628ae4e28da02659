"""Training rows of tokenized examples: every epoch takes each once, the first one in the mix's order."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.schemas.examples import TokenizedExamples
from tasks.train.config import TrainConfig
from tasks.train.errors import WrongRows
from tasks.train.pipeline.packing import FILLER_TOKEN, Batch
from tasks.train.pipeline.rows import FILLER_LENGTH, Rows, arrow_writer, count_rows

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = {"chat": ("input_ids", "labels"), "preference": ("prompt_ids", "chosen_ids", "rejected_ids")}
ROWS_AT_ONCE = 1_024


def write_example_rows(examples: TokenizedExamples, config: TrainConfig, path: Path) -> Rows:
    """Write a run's rows as an Arrow stream, all epochs one after another.

    Columns of conversations are those of unpacked text; of pairs prompt_ids, chosen_ids and rejected_ids.

    Args:
        examples: Of the config's objective.
        config: The arm; objective, sequence_length, rows_per_step and seed are read.
        path: File to write.

    Returns:
        Counts; the trainer reads a pair's prompt with both answers, so that its tokens count twice.

    Raises:
        WrongRows: If an example is longer than a row.
    """
    import pyarrow.parquet as pq

    is_chat = config.objective.kind == "chat"
    table = pq.read_table(examples.rows_file, columns=list(COLUMNS[config.objective.kind]))
    lengths = _lengths(table)
    longest = lengths[0] if is_chat else lengths[0] + np.maximum(lengths[1], lengths[2])
    if not longest.max() <= config.sequence_length:
        raise WrongRows(
            f"an example has {longest.max():,} tokens, sequence_length of this training is {config.sequence_length:,}; "
            "examples are not cut. Raise it to at least align.sequence_length."
        )
    order = _order(len(table), config.objective.epochs, config.seed)
    n_tokens = int((lengths[0] if is_chat else 2 * lengths[0] + lengths[1] + lengths[2])[order].sum())
    rows = count_rows(len(order), n_tokens, config)
    (_write_chats if is_chat else _write_pairs)(table, order, rows, path)
    return rows


def _lengths(table: "pa.Table") -> list[np.ndarray]:
    """(n_examples,) tokens of each column's lists."""
    import pyarrow.compute as pc

    return [pc.list_value_length(column).to_numpy().astype(np.int64) for column in table.columns]


def _order(n_examples: int, epochs: int, seed: int) -> np.ndarray:
    """(n_examples * epochs,) positions of the examples: their own order, then one permutation after another."""
    # The mix interleaves its sources by their weights: another first order would leave weights without effect.
    later = [np.random.default_rng([seed, epoch]).permutation(n_examples) for epoch in range(1, epochs)]
    return np.concatenate([np.arange(n_examples), *later])


def _write_chats(table: "pa.Table", order: np.ndarray, rows: Rows, path: Path) -> None:
    with arrow_writer(path, packed=False) as write:
        for start in range(0, len(order), ROWS_AT_ONCE):
            ids, labels = (
                column.combine_chunks() for column in table.take(order[start : start + ROWS_AT_ONCE]).columns
            )
            values = ids.flatten().to_numpy()
            offsets = ids.offsets.to_numpy() - ids.offsets[0].as_py()
            write(Batch(values, labels.flatten().to_numpy(), np.zeros(len(values), bool), offsets))
        if rows.n_filler_rows:
            write(Batch.unlabelled(rows.n_filler_rows, FILLER_LENGTH))


def _write_pairs(table: "pa.Table", order: np.ndarray, rows: Rows, path: Path) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        for start in range(0, len(order), ROWS_AT_ONCE):
            stream.write_table(table.take(order[start : start + ROWS_AT_ONCE]))
        if rows.n_filler_rows:
            # Without answers both log-probabilities are 0, and so is the pair's gradient.
            prompt, *answers = COLUMNS["preference"]
            fillers = {prompt: [[FILLER_TOKEN] * FILLER_LENGTH]} | {answer: [[]] for answer in answers}
            filler = pa.Table.from_pydict(fillers, schema=table.schema)
            stream.write_table(pa.concat_tables([filler] * rows.n_filler_rows))
