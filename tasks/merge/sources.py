"""Where each tensor's numbers lie, as runs of bytes in files: of a sharded checkpoint, or of safetensors."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tasks.checkpoints.dcp import Chunk, ShardedTensor, ShardedTensors
from tasks.checkpoints.torch_save import ITEM_BYTES, find_numbers, open_unbuffered
from tasks.merge.errors import SourceDamaged

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
MAX_HEADER_BYTES = 100_000_000
"""As safetensors itself bounds it."""


class Run(NamedTuple):
    """Bytes that lie one after another."""

    file: Path
    start: int
    n_bytes: int


class Box(NamedTuple):
    """A chunk of a tensor, row by row from `start` on."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: Path
    start: int


@dataclass(frozen=True)
class Source:
    """A tensor on disk.

    Args:
        dtype: Number format by safetensors' name.
        shape: Sizes.
        boxes: Chunks that hold each of its numbers once.
    """

    dtype: str
    shape: tuple[int, ...]
    boxes: tuple[Box, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of its numbers."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    def runs(self) -> Iterator[Run]:
        """Runs of bytes which, one after another, are the tensor row by row.

        Chunks along the first dimension are a run each; along a later one, as Shard(1) leaves them, a run is a row's
        part.
        """
        item = ITEM_BYTES[self.dtype]
        split = self._last_split()
        inner = math.prod(self.shape[split + 1 :]) * item
        boxes = sorted(self.boxes, key=lambda box: box.offsets[split : split + 1])
        for outer in product(*(range(n) for n in self.shape[:split])):
            for box in (box for box in boxes if _holds(box, outer)):
                row = 0
                for index, offset, n in zip(outer, box.offsets, box.sizes, strict=False):
                    row = row * n + index - offset
                length = (box.sizes[split] if box.sizes else 1) * inner
                yield Run(box.file, box.start + row * length, length)

    def _last_split(self) -> int:
        split = [any(box.sizes[i] != n for box in self.boxes) for i, n in enumerate(self.shape)]
        return max((i for i, is_split in enumerate(split) if is_split), default=0)


def _holds(box: Box, outer: tuple[int, ...]) -> bool:
    return all(offset <= i < offset + n for i, offset, n in zip(outer, box.offsets, box.sizes, strict=False))


def sharded_sources(checkpoint: ShardedTensors) -> dict[str, Source]:
    """The tensors of a sharded checkpoint; every archive's directory is read, no number is.

    Raises:
        CheckpointUnreadable: If a chunk's archive is damaged, of another tensor, or laid out in a way not handled.
    """
    return {
        name: Source(
            tensor.dtype, tensor.shape, tuple(_box(checkpoint.folder, tensor, chunk) for chunk in tensor.chunks)
        )
        for name, tensor in checkpoint.tensors.items()
    }


def _box(folder: Path, tensor: ShardedTensor, chunk: Chunk) -> Box:
    where = f"chunk {list(chunk.offsets)} of {tensor.name} in {chunk.file}"
    with open_unbuffered(folder / chunk.file) as file:
        start = find_numbers(file, chunk.start, chunk.n_bytes, tensor.dtype, chunk.sizes, where)
    return Box(chunk.offsets, chunk.sizes, folder / chunk.file, start)


def safetensors_sources(folder: Path) -> dict[str, Source]:
    """The tensors of a model's safetensors, by their names there.

    Raises:
        SourceDamaged: If a file is missing, cut off, no safetensors, or said to lie outside the folder.
    """
    found: dict[str, Source] = {}
    for name in _file_names(folder):
        found |= _read_header(folder / name)
    return found


def _file_names(folder: Path) -> list[str]:
    index = folder / INDEX
    if not index.is_file():
        return [SINGLE]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        outside = [name for name in names if Path(name).name != name or name in ("", "..")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceDamaged(
            f"{INDEX} of {folder.name} does not name the files of tensors ({type(error).__name__}: {error}); fetch it "
            "again."
        ) from error
    if outside:
        raise SourceDamaged(
            f"{INDEX} of {folder.name} says that tensors lie in {outside[0]!r}, which is no file name; the base's "
            "files lie beside it. Take a base whose origin you know."
        )
    return names


def _read_header(file: Path) -> dict[str, Source]:
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            n_header = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(n_header, MAX_HEADER_BYTES)))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = 8 + n_header + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        found = {name: _whole(file, 8 + n_header, entry) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceDamaged(
            f"{file.name} of {file.parent.name} is no safetensors ({error}); fetch it again."
        ) from error
    if size != end:
        raise SourceDamaged(
            f"{file.name} of {file.parent.name} has {size:,} bytes, its header asks for {end:,}; fetch it again."
        )
    return found


def _whole(file: Path, data: int, entry: dict[str, object]) -> Source:
    shape = tuple(int(n) for n in _list(entry["shape"]))
    start, end = (int(offset) for offset in _list(entry["data_offsets"]))
    source = Source(str(entry["dtype"]), shape, (Box((0,) * len(shape), shape, file, data + start),))
    if source.n_bytes != end - start:
        raise ValueError(f"{source.dtype} {list(shape)} in {end - start} bytes")
    return source


def _list(value: object) -> Iterable[int]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def stack(parts: list[list[Source]]) -> Source:
    """One tensor of many: the parts of a row one below the other, the rows stacked along a new first dimension.

    Args:
        parts: Row by row, matrices of one number format and width; the same heights in every row.

    Raises:
        SourceDamaged: If their formats or shapes differ.
    """
    kinds = {tuple((part.dtype, part.shape) for part in row) for row in parts}
    if len(kinds) != 1 or len({(dtype, shape[1:]) for row in kinds for dtype, shape in row}) != 1:
        raise SourceDamaged(f"{len(parts)} experts differ in number format or shape: {sorted(kinds)[:2]}.")
    boxes: list[Box] = []
    for i, row in enumerate(parts):
        height = 0
        for part in row:
            [whole] = part.boxes
            boxes.append(Box((i, height, 0), (1, *part.shape), whole.file, whole.start))
            height += part.shape[0]
    return Source(parts[0][0].dtype, (len(parts), height, parts[0][0].shape[1]), tuple(boxes))
