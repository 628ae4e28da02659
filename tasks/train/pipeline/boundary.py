"""What a training on text has read after each optimizer step: the last document in the order of training, and its day.

Rows hold the corpus in its order (`rows`), and step s takes the next `rows_per_step` of them over all ranks, so that
every state has read a beginning of the corpus. That order is an assumption about the trainer. The trainer's own count
of tokens is compared with it at every step, and tests/train/test_boundary.py with the ids that the model is fed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.common.progress import Progress
from tasks.common.settings import Frozen
from tasks.schemas.artifacts import TextShards
from tasks.train.config import TrainConfig
from tasks.train.errors import TokensMissed
from tasks.train.pipeline.rows import count_rows, cut_blocks

IntArray = NDArray[np.int64]


class Boundary(Frozen):
    """What the weights have read after an optimizer step."""

    step: int = Field(ge=1)
    tokens_seen: int
    """Without filler tokens."""
    position: int
    """Of the last document that any rank has read, among all documents of the corpus in training order, from 0."""
    id: str
    """The document's."""
    day: date
    """The document's."""
    latest_day: date
    """Of all documents read so far. An early state of a shuffled corpus may have read the last day already."""


@dataclass(frozen=True, eq=False)
class Boundaries:
    """The boundary of every step of a training.

    Args:
        tokens_seen: (n_steps,) int64.
        positions: (n_steps,) int64 last document read.
        latest_days: (n_steps,) datetime64[D].
        documents: Id and day by position, of the documents that `positions` names.
    """

    tokens_seen: IntArray
    positions: IntArray
    latest_days: NDArray[np.datetime64]
    documents: Mapping[int, tuple[str, date]]

    @property
    def n_steps(self) -> int:
        """Steps of the whole training."""
        return len(self.positions)

    @property
    def final(self) -> Boundary:
        """Of the checkpoint."""
        return self.after(self.n_steps)

    @property
    def first_step_with_the_latest_day(self) -> int:
        """The first step after which no later one has read a later day."""
        return int(np.argmax(self.latest_days == self.latest_days[-1])) + 1

    def after(self, step: int) -> Boundary:
        """What a state of this step has read; steps count from 1."""
        position = int(self.positions[step - 1])
        document, day = self.documents[position]
        return Boundary(
            step=step,
            tokens_seen=int(self.tokens_seen[step - 1]),
            position=position,
            id=document,
            day=day,
            latest_day=self.latest_days[step - 1].item(),
        )

    def check(self, line: Mapping[str, Any]) -> None:
        """Compare the trainer's own count of a step's tokens with that of the rows in their order.

        Args:
            line: Of the trainer's metrics.

        Raises:
            TokensMissed: If they differ: rows were read in another order, or not all of them.
        """
        step = line["step"]
        expected = int(self.tokens_seen[step - 1]) if 1 <= step <= self.n_steps else 0
        if line["tokens_seen"] != expected:
            raise TokensMissed(
                f"the trainer saw {line['tokens_seen']:,} tokens up to step {step} of {self.n_steps}, the rows in "
                f"their order hold {expected:,}; which documents a state has read would not be known. Please report it "
                "with the recipe."
            )


def read_boundaries(config: TrainConfig, corpus: TextShards) -> Boundaries:
    """Find what each step of a training on text has read.

    Args:
        config: The arm; sequence_length, packing, token_budget and rows_per_step are read.
        corpus: Documents in training order.

    Raises:
        CorpusTooSmall: If the documents end before the budget.
    """
    owners, ends = _blocks(config, corpus)
    budget, length = config.token_budget, config.sequence_length
    n_rows = -(-budget // length) if config.packing else len(ends)
    n_steps = count_rows(n_rows, budget, config).n_steps
    n_read = np.minimum(np.arange(1, n_steps + 1) * config.rows_per_step, n_rows)
    tokens_seen = np.minimum(n_read * length, budget) if config.packing else ends[n_read - 1]
    last_block = np.searchsorted(ends, tokens_seen)
    positions = owners[last_block]
    documents, days = _documents(corpus, int(owners[-1]) + 1, frozenset(positions.tolist()))
    latest_days = np.maximum.accumulate(days[owners])[last_block]
    return Boundaries(tokens_seen, positions, latest_days, documents)


def _blocks(config: TrainConfig, corpus: TextShards) -> tuple[IntArray, IntArray]:
    """(n_blocks,) the document of each block that `write_rows` writes, and tokens up to its end; no token is read."""
    # Each document as if every token were the document's position, so that a block tells what it was cut from.
    positions = (np.broadcast_to(np.int64(place), len(ids)) for place, ids in enumerate(corpus.token_ids()))
    blocks = [(block[0], len(block)) for block in cut_blocks(positions, config.sequence_length, config.token_budget)]
    owners, lengths = np.array(blocks, dtype=np.int64).T
    return owners, np.cumsum(lengths)


def _documents(
    corpus: TextShards, n_documents: int, named: frozenset[int]
) -> tuple[dict[int, tuple[str, date]], NDArray[np.datetime64]]:
    """Id and day of the named documents, and (n_documents,) the day of each of the first ones."""
    found, days = {}, np.empty(n_documents, dtype="datetime64[D]")
    progress = Progress("days of the training documents", n_documents, "documents")
    for position, document in zip(range(n_documents), corpus.documents(), strict=False):
        days[position] = document.date
        if position in named:
            found[position] = document.id, document.date
        progress.add()
    return found, days
