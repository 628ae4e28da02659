"""Rows of a step by rank, padded to the longest of each forward pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from tasks.train.trainer.sharded.errors import SettingsRefused

IGNORED = -100
"""Label of what is not predicted, by transformers' convention."""
PADDING = {"input_ids": 0, "attention_mask": 0, "labels": IGNORED}


class Rows:
    """Training rows, mapped into memory, dealt as accelerate deals them: forward pass by forward pass, rank by rank.

    Args:
        path: Arrow stream of input_ids, attention_mask and labels.
        micro_batch_size: Rows per forward pass and rank.
        n_passes: Forward passes per optimizer step and rank.
        n_ranks: Ranks.
        n_filler_rows: Rows at the end that are not counted as seen.
    """

    def __init__(self, path: Path, micro_batch_size: int, n_passes: int, n_ranks: int, n_filler_rows: int) -> None:
        self.table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
        self.micro_batch_size, self.n_passes, self.n_ranks = micro_batch_size, n_passes, n_ranks
        self.n_counted = len(self.table) - n_filler_rows
        if set(self.table.column_names) != set(PADDING):
            raise SettingsRefused(f"{path.name} has columns {self.table.column_names}; packed rows want a GPU.")

    @property
    def rows_per_step(self) -> int:
        """Over all ranks."""
        return self.micro_batch_size * self.n_passes * self.n_ranks

    def refuse_other_length(self, n_steps: int) -> None:
        """See that the rows are those of so many steps.

        Raises:
            SettingsRefused: If rows would be left over or are too few.
        """
        if len(self.table) != n_steps * self.rows_per_step:
            raise SettingsRefused(
                f"{len(self.table):,} rows were handed over, but {n_steps:,} steps of {self.rows_per_step} rows take "
                f"{n_steps * self.rows_per_step:,}. Fill the last step with rows without labels."
            )

    def batches(self, step: int, rank: int) -> Iterator[dict[str, Tensor]]:
        """A rank's forward passes in a step, counted from 0: (micro_batch_size, longest row) int64 tensors."""
        for index in range(self.n_passes):
            start = step * self.rows_per_step + (index * self.n_ranks + rank) * self.micro_batch_size
            rows = range(start, start + self.micro_batch_size)
            yield {name: self._padded(name, rows) for name in PADDING}

    def n_predicted(self, step: int) -> int:
        """Tokens of a step that are predicted, over all ranks: all labels but each row's first."""
        return sum(int((self._row("labels", row)[1:] != IGNORED).sum()) for row in self._of(step))

    def n_seen(self, step: int) -> int:
        """Tokens of a step over all ranks, without padding and filler rows."""
        return sum(int(self._row("attention_mask", row).sum()) for row in self._of(step) if row < self.n_counted)

    def _of(self, step: int) -> range:
        return range(step * self.rows_per_step, (step + 1) * self.rows_per_step)

    def _padded(self, name: str, rows: range) -> Tensor:
        return pad_sequence([self._row(name, row) for row in rows], batch_first=True, padding_value=PADDING[name])

    def _row(self, name: str, row: int) -> Tensor:
        column: Any = self.table[name]
        # A copy: what is mapped cannot be written to, and torch has no tensors that say so.
        return torch.from_numpy(column[row].values.to_numpy().astype("int64"))
