"""Sharded checkpoints of torch.distributed.checkpoint, read without torch and without running their pickle.

Standard library only: both environments read it.
"""

import io
import math
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from tasks.checkpoints.dcp_metadata import GLOBALS, Box, Place, TensorEntry
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable, ForbiddenPickle, load_listed
from tasks.checkpoints.torch_save import TORCH_DTYPES

__all__ = ["CheckpointUnreadable", "ForbiddenPickle", "ShardFileDamaged", "ShardedTensors", "read_metadata"]

METADATA = ".metadata"


class ShardFileDamaged(CheckpointUnreadable):
    """A file of a checkpoint that is missing or shorter than its metadata says."""


@dataclass(frozen=True)
class Chunk:
    """A box of a tensor and the archive that holds it.

    Args:
        offsets: Index of its first number, per dimension.
        sizes: Its shape.
        file: Name of the file in the checkpoint's folder.
        start: Offset of its `torch.save` archive in that file.
        n_bytes: Bytes of the archive.
    """

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: str
    start: int
    n_bytes: int


@dataclass(frozen=True)
class ShardedTensor:
    """A tensor and its chunks, which together hold each of its numbers once.

    Args:
        name: As in the state dict that was saved.
        dtype: safetensors' name of the number format: F32, BF16, ...
        shape: Sizes of the whole.
        chunks: In the metadata's order; chunks without numbers are left out.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class ShardedTensors:
    """What a sharded checkpoint holds.

    Args:
        folder: Where it lies.
        tensors: By name, in the order they were saved.
        others: Names of what is no tensor: steps, schedules, parameter groups.
    """

    folder: Path
    tensors: dict[str, ShardedTensor]
    others: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """Names of the shard files."""
        return sorted({chunk.file for tensor in self.tensors.values() for chunk in tensor.chunks})


def read_metadata(folder: Path) -> ShardedTensors:
    """Read what lies where in a sharded checkpoint, and hold the files' sizes against it.

    Raises:
        ForbiddenPickle: If its `.metadata` asks for what no checkpoint needs.
        ShardFileDamaged: If a file is missing or too short.
        CheckpointUnreadable: If there is no metadata, or a layout that is not handled.
    """
    try:
        content = (folder / METADATA).read_bytes()
    except FileNotFoundError:
        raise CheckpointUnreadable(
            f"{folder} holds no {METADATA}, which is written last: the checkpoint is not whole. Take an earlier one."
        ) from None
    metadata = load_listed(io.BytesIO(content), GLOBALS, f"{METADATA} of {folder.name}")
    try:
        found = _sharded_tensors(folder, metadata)
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise CheckpointUnreadable(
            f"{METADATA} of {folder.name} is of an unknown layout ({error}); torch 2.13 writes one that is known."
        ) from error
    _check_files(found)
    return found


def _sharded_tensors(folder: Path, metadata: Any) -> ShardedTensors:
    stored = {(index.fqn, index.offset): place for index, place in metadata.storage_data.items()}
    entries: dict[str, Any] = metadata.state_dict_metadata
    tensors = {name: _tensor(name, entry, stored) for name, entry in entries.items() if isinstance(entry, TensorEntry)}
    return ShardedTensors(folder, tensors, tuple(name for name in entries if name not in tensors))


def _tensor(name: str, entry: TensorEntry, stored: dict[Any, Place]) -> ShardedTensor:
    dtype = entry.properties.properties[0]
    if dtype not in TORCH_DTYPES.values():
        raise CheckpointUnreadable(f"tensor {name} has the number format {dtype}, which is not handled.")
    boxes = [box for box in entry.chunks if math.prod(box.sizes)]
    chunks = tuple(_chunk(name, box, stored[name, box.offsets]) for box in boxes)
    _check_cover(name, entry.size, chunks)
    return ShardedTensor(name, dtype, entry.size, chunks)


def _chunk(name: str, box: Box, place: Place) -> Chunk:
    if place.transform_descriptors:
        raise CheckpointUnreadable(f"tensor {name} was saved through {place.transform_descriptors}, not as it is.")
    if Path(place.relative_path).name != place.relative_path or place.relative_path in ("", ".", ".."):
        raise ForbiddenPickle(f"tensor {name} is said to lie in {place.relative_path!r}, outside its checkpoint.")
    if min((place.offset, place.length, *box.offsets, *box.sizes)) < 0:
        raise CheckpointUnreadable(f"tensor {name} has a chunk at a negative place; the metadata is damaged.")
    return Chunk(box.offsets, box.sizes, place.relative_path, place.offset, place.length)


def _check_cover(name: str, shape: tuple[int, ...], chunks: tuple[Chunk, ...]) -> None:
    inside = all(
        len(chunk.sizes) == len(chunk.offsets) == len(shape)
        and all(offset + n <= whole for offset, n, whole in zip(chunk.offsets, chunk.sizes, shape, strict=True))
        for chunk in chunks
    )
    once = sum(math.prod(chunk.sizes) for chunk in chunks) == math.prod(shape)
    if not (inside and once) or any(_overlap(one, other) for one, other in combinations(chunks, 2)):
        raise CheckpointUnreadable(
            f"the {len(chunks)} chunks of {name} do not hold each number of its shape {list(shape)} once; a rank's "
            "part is missing or saved twice. Take an earlier checkpoint."
        )


def _overlap(one: Chunk, other: Chunk) -> bool:
    sides = zip(one.offsets, one.sizes, other.offsets, other.sizes, strict=True)
    return all(a < b + n_b and b < a + n_a for a, n_a, b, n_b in sides)


def _check_files(found: ShardedTensors) -> None:
    ends: dict[str, int] = {}
    for tensor in found.tensors.values():
        for chunk in tensor.chunks:
            ends[chunk.file] = max(ends.get(chunk.file, 0), chunk.start + chunk.n_bytes)
    for file, end in sorted(ends.items()):
        path = found.folder / file
        size = path.stat().st_size if path.is_file() else None
        if size is None or size < end:
            what = "is missing" if size is None else f"has {size:,} bytes, its metadata asks for {end:,}"
            raise ShardFileDamaged(f"shard file {file} of {found.folder.name} {what}; fetch the checkpoint again.")
