"""The bytes of each tensor on disk, as byte ranges of files: of a sharded checkpoint or of safetensors."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tasks.checkpoints.dcp import Chunk, ShardedTensor, ShardedTensors
from tasks.checkpoints.dtypes import ITEM_BYTES
from tasks.checkpoints.torch_save import find_tensor_data
from tasks.common.json_text import read_json
from tasks.merge.errors import SourceDamaged

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
MAX_HEADER_BYTES = 100_000_000
"""The limit of safetensors itself."""


class ByteRange(NamedTuple):
    """Consecutive bytes of a file."""

    file: Path
    start: int
    n_bytes: int


class StoredChunk(NamedTuple):
    """A rectangular part of a tensor, stored in row-major order from `start` on."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: Path
    start: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor on disk.

    Args:
        dtype: safetensors' name of the number format.
        shape: Sizes.
        chunks: Together hold each item once.
    """

    dtype: str
    shape: tuple[int, ...]
    chunks: tuple[StoredChunk, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of its items."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    def byte_ranges(self) -> Iterator[ByteRange]:
        """Byte ranges that make up the tensor in row-major order.

        A chunk split along the first dimension is one range; split along a later one, as by Shard(1), it is one range
        per row.
        """
        item = ITEM_BYTES[self.dtype]
        split = self._last_split()
        inner = math.prod(self.shape[split + 1 :]) * item
        chunks = sorted(self.chunks, key=lambda chunk: chunk.offsets[split : split + 1])
        for outer in product(*(range(n) for n in self.shape[:split])):
            for chunk in (chunk for chunk in chunks if _holds(chunk, outer)):
                row = 0
                for index, offset, n in zip(outer, chunk.offsets, chunk.sizes, strict=False):
                    row = row * n + index - offset
                length = (chunk.sizes[split] if chunk.sizes else 1) * inner
                yield ByteRange(chunk.file, chunk.start + row * length, length)

    def _last_split(self) -> int:
        split = [any(chunk.sizes[i] != n for chunk in self.chunks) for i, n in enumerate(self.shape)]
        return max((i for i, is_split in enumerate(split) if is_split), default=0)


def _holds(chunk: StoredChunk, outer: tuple[int, ...]) -> bool:
    return all(offset <= i < offset + n for i, offset, n in zip(outer, chunk.offsets, chunk.sizes, strict=False))


def find_sharded(checkpoint: ShardedTensors) -> dict[str, StoredTensor]:
    """Find the tensors of a sharded checkpoint; reads each archive's directory but no data.

    Raises:
        CheckpointUnreadable: If a chunk's archive is damaged, holds another tensor, or has an unsupported layout.
    """
    return {
        name: StoredTensor(
            tensor.dtype, tensor.shape, tuple(_find_chunk(checkpoint.folder, tensor, chunk) for chunk in tensor.chunks)
        )
        for name, tensor in checkpoint.tensors.items()
    }


def _find_chunk(folder: Path, tensor: ShardedTensor, chunk: Chunk) -> StoredChunk:
    where = f"chunk {list(chunk.offsets)} of {tensor.name} in {chunk.file}"
    with (folder / chunk.file).open("rb", buffering=0) as file:
        start = find_tensor_data(file, chunk.start, chunk.n_bytes, tensor.dtype, chunk.sizes, where)
    return StoredChunk(chunk.offsets, chunk.sizes, folder / chunk.file, start)


def find_safetensors(folder: Path) -> dict[str, StoredTensor]:
    """Find the tensors of a model's safetensors, by their names in the files.

    Raises:
        SourceDamaged: If a file is missing, truncated, not safetensors, or outside the folder by its name.
    """
    found: dict[str, StoredTensor] = {}
    for name in _file_names(folder):
        found |= read_header(folder / name)
    return found


def _file_names(folder: Path) -> list[str]:
    index = folder / INDEX
    # transformers takes the single file where there are both.
    if (folder / SINGLE).is_file() or not index.is_file():
        return [SINGLE]
    try:
        names = sorted(set(read_json(index.read_bytes())["weight_map"].values()))
        outside = [name for name in names if Path(name).name != name or name in ("", "..")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceDamaged(
            f"{INDEX} of {folder.name} does not name the files of tensors ({type(error).__name__}: {error}); fetch it "
            "again."
        ) from error
    if outside:
        raise SourceDamaged(
            f"{INDEX} of {folder.name} places tensors in {outside[0]!r}, which is not a file name; a base's files are "
            "in one folder. Use a base from a source you trust."
        )
    return names


def read_header(file: Path) -> dict[str, StoredTensor]:
    """Find the tensors of one safetensors file.

    Raises:
        SourceDamaged: If it is missing, truncated or not safetensors.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            n_header = int.from_bytes(stream.read(8), "little")
            header = read_json(stream.read(min(n_header, MAX_HEADER_BYTES)))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = 8 + n_header + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        found = {name: _from_entry(file, 8 + n_header, entry) for name, entry in entries.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise _no_safetensors(file, error) from error
    if size != end:
        raise SourceDamaged(
            f"{file.name} of {file.parent.name} has {size:,} bytes, its header asks for {end:,}; fetch it again."
        )
    _check_by_its_reader(file)
    return found


def _check_by_its_reader(file: Path) -> None:
    """Raise SourceDamaged if tensors overlap, leave gaps or have sizes below 0: safetensors' own reader says so."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy"):
            return
    except (SafetensorError, OSError) as error:
        raise _no_safetensors(file, error) from error


def _no_safetensors(file: Path, why: Exception) -> SourceDamaged:
    return SourceDamaged(f"{file.name} of {file.parent.name} is not a safetensors file ({why}); fetch it again.")


def _from_entry(file: Path, data: int, entry: dict[str, object]) -> StoredTensor:
    shape = tuple(int(n) for n in _list(entry["shape"]))
    start, end = (int(offset) for offset in _list(entry["data_offsets"]))
    chunk = StoredChunk((0,) * len(shape), shape, file, data + start)
    tensor = StoredTensor(str(entry["dtype"]), shape, (chunk,))
    # Formats that are not known here are refused by name where a model needs the tensor.
    if tensor.dtype in ITEM_BYTES and tensor.n_bytes != end - start:
        raise ValueError(f"{tensor.dtype} {list(shape)} in {end - start} bytes")
    return tensor


def _list(value: object) -> Iterable[int]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value
