"""Reading tensors a piece at a time, rounded where another number format is asked for."""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from tasks.checkpoints.torch_save import ITEM_BYTES
from tasks.merge.casting import cast
from tasks.merge.errors import SourceDamaged
from tasks.merge.sources import Run, Source

PIECE_BYTES = 1 << 20
"""Read, rounded, hashed and written at a time: small enough to stay in the processor's cache."""


class Output(Protocol):
    """A tensor of the merged model."""

    @property
    def name(self) -> str:
        """Its name in the model."""

    @property
    def dtype(self) -> str:
        """Its number format in the merged model."""

    @property
    def source(self) -> Source:
        """Where its numbers, or those it starts from, lie."""

    @property
    def counts(self) -> dict[str, int]:
        """What was done to it; known when its pieces are drawn."""

    def pieces(self, reader: "Reader") -> Iterator[np.ndarray]:
        """Its bytes, in pieces that keep their content until the next is drawn."""


def n_bytes_of(output: Output) -> int:
    """Bytes of a tensor of the merged model."""
    return math.prod(output.source.shape) * ITEM_BYTES[output.dtype]


@dataclass(frozen=True)
class Copied:
    """A tensor that is copied, rounded where another number format is asked for."""

    name: str
    dtype: str
    source: Source

    @property
    def counts(self) -> dict[str, int]:
        """The cast, by name."""
        return {} if self.dtype == self.source.dtype else {f"{self.source.dtype} to {self.dtype}": 1}

    def pieces(self, reader: "Reader") -> Iterator[np.ndarray]:
        """As they lie on disk, row by row."""
        runs, rest = self.source.runs(), None
        while True:
            piece = reader.piece
            n_filled, rest = reader.fill(piece, runs, rest)
            if n_filled:
                yield cast(piece[:n_filled], self.source.dtype, self.dtype)
            if n_filled < len(piece):
                return


class Reader:
    """Open files, a piece to read into, and a count of the bytes read."""

    def __init__(self) -> None:
        self.n_read = 0
        self._files: dict[Path, BinaryIO] = {}
        self._stack = ExitStack()
        self.piece = np.empty(PIECE_BYTES, np.uint8)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def fill(self, piece: np.ndarray, runs: Iterator[Run], rest: Run | None) -> tuple[int, Run | None]:
        """Fill a piece from runs.

        Args:
            piece: (n_bytes,) uint8.
            runs: What comes next.
            rest: What the last call left of a run.

        Returns:
            Bytes filled, fewer only at the end of all runs, and what is left of the last run.

        Raises:
            SourceDamaged: If a file ends before a run does.
        """
        filled = 0
        while filled < len(piece) and (run := rest or next(runs, None)):
            wanted = min(run.n_bytes, len(piece) - filled)
            self._read(run, piece.data[filled : filled + wanted])
            filled += wanted
            rest = Run(run.file, run.start + wanted, run.n_bytes - wanted) if wanted < run.n_bytes else None
        return filled, rest

    def _read(self, run: Run, into: memoryview) -> None:
        if run.file not in self._files:
            self._files[run.file] = self._stack.enter_context(run.file.open("rb", buffering=0))
        at = 0
        while at < len(into):
            found = os.preadv(self._files[run.file].fileno(), [into[at:]], run.start + at)
            if found == 0:
                raise SourceDamaged(f"{run.file.name} ended while it was read; something else writes to it.")
            at += found
        self.n_read += at
