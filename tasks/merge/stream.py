"""Tensors of the merged model, read, cast and written block by block; a file is hashed and synced as it is written."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tasks.checkpoints.dtypes import ITEM_BYTES
from tasks.merge.casting import cast
from tasks.merge.errors import SourceDamaged
from tasks.merge.stored_tensors import ByteRange, StoredTensor

BLOCK_BYTES = 1 << 20
"""Read, cast, hashed and written at a time: small enough for the processor's cache."""
FLUSH_BYTES = 16 << 20
"""Written between two flush requests, so that the disk works from the start and not only at the end."""


@dataclass
class MergedTensor(ABC):
    """A tensor of the merged model.

    Args:
        name: Its name in the model.
        dtype: Its number format in the merged model.
        source: The stored tensor it is made from.

    Attributes:
        counts: Operations by name, such as casts; complete when all blocks were drawn.
    """

    name: str
    dtype: str
    source: StoredTensor
    counts: dict[str, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.dtype != self.source.dtype:
            self.counts[f"{self.source.dtype} to {self.dtype}"] = 1

    @property
    def n_bytes(self) -> int:
        """Bytes in the merged model."""
        return prod(self.source.shape) * ITEM_BYTES[self.dtype]

    @abstractmethod
    def blocks(self, reader: "Reader") -> Iterator[np.ndarray]:
        """Its bytes in row-major order; a block is valid until the next one is drawn."""


class CopiedTensor(MergedTensor):
    """A tensor that is copied, and cast if another number format is wanted."""

    def blocks(self, reader: "Reader") -> Iterator[np.ndarray]:
        ranges, rest = self.source.byte_ranges(), None
        block = reader.block
        while True:
            n_filled, rest = reader.fill(block, ranges, rest)
            if n_filled:
                yield cast(block[:n_filled], self.source.dtype, self.dtype)
            if n_filled < len(block):
                return


class Reader:
    """Open files, a block to read into, and the number of bytes read."""

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        self.n_read = 0
        self.block = np.empty(block_bytes, np.uint8)
        self._files: dict[Path, BinaryIO] = {}
        self._opened = ExitStack()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def fill(
        self, block: np.ndarray, ranges: Iterator[ByteRange], rest: ByteRange | None
    ) -> tuple[int, ByteRange | None]:
        """Fill a block from byte ranges.

        Args:
            block: (n_bytes,) uint8.
            ranges: The ranges that were not read yet.
            rest: Unread end of the last range, as the previous call returned it.

        Returns:
            Bytes filled, fewer than the block's only after the last range, and the unread end of the last range.

        Raises:
            SourceDamaged: If a file ends before a range does.
        """
        filled = 0
        while filled < len(block) and (current := rest or next(ranges, None)):
            wanted = min(current.n_bytes, len(block) - filled)
            self._read(current, block.data[filled : filled + wanted])
            filled += wanted
            n_left = current.n_bytes - wanted
            rest = ByteRange(current.file, current.start + wanted, n_left) if n_left else None
        return filled, rest

    def _read(self, source: ByteRange, into: memoryview) -> None:
        if source.file not in self._files:
            self._files[source.file] = self._opened.enter_context(source.file.open("rb", buffering=0))
        at = 0
        while at < len(into):
            n_read = os.preadv(self._files[source.file].fileno(), [into[at:]], source.start + at)
            if n_read == 0:
                raise SourceDamaged(f"{source.file.name} ended while it was read; another process writes to it.")
            at += n_read
        self.n_read += at


def equal_numbers(one: StoredTensor, other: StoredTensor) -> bool:
    """Whether a stored tensor, cast to the format of another one, has its bytes; reads both unless they are one."""
    if one == other:
        return True
    if one.shape != other.shape:
        return False
    n_items = BLOCK_BYTES // max(ITEM_BYTES[one.dtype], ITEM_BYTES[other.dtype])
    with Reader(n_items * ITEM_BYTES[one.dtype]) as reader, Reader(n_items * ITEM_BYTES[other.dtype]) as other_reader:
        blocks = CopiedTensor("", other.dtype, one).blocks(reader)
        others = CopiedTensor("", other.dtype, other).blocks(other_reader)
        return all(np.array_equal(a, b) for a, b in zip(blocks, others, strict=True))


def safetensors_header(tensors: Iterable[MergedTensor]) -> bytes:
    """Header of a safetensors file with these tensors in this order."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in tensors:
        start, end = end, end + tensor.n_bytes
        shape = list(tensor.source.shape)
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def write_file(blocks: Iterable[np.ndarray], path: Path) -> tuple[str, int]:
    """Write blocks to a file, hash them on the way, and sync the file.

    Returns:
        sha256 and bytes.
    """
    digest, n_bytes, n_flushed = sha256(), 0, 0
    with path.open("wb", buffering=0) as file:
        for block in blocks:
            digest.update(block.data)
            content = block.data
            while content:
                content = content[file.write(content) :]
            n_bytes += block.nbytes
            if n_bytes - n_flushed >= FLUSH_BYTES:
                # Linux starts to write dirty pages that are declared as not needed; the call does not wait.
                os.posix_fadvise(file.fileno(), n_flushed, n_bytes - n_flushed, os.POSIX_FADV_DONTNEED)
                n_flushed = n_bytes
        os.fsync(file.fileno())
    return digest.hexdigest(), n_bytes
