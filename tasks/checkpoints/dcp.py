"""Sharded checkpoints of torch.distributed.checkpoint: which tensors they hold, and which file holds each chunk.

`.metadata` is a pickle. It is read with an allow list; a class of this module replaces each torch class it may name.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Any

from tasks.checkpoints.dtypes import REFUSED_DTYPES, TORCH_DTYPES
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable, ForbiddenPickle, load_allow_listed

METADATA = ".metadata"
WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""What torch.compile, FSDP and activation checkpointing put into names of weights."""
TORCH_METADATA = "torch.distributed.checkpoint.metadata"


class ShardFileDamaged(CheckpointUnreadable):
    """A shard file that is missing or shorter than its metadata says."""


@dataclass(frozen=True)
class Chunk:
    """A rectangular part of a tensor and the archive that holds it.

    Args:
        offsets: Index of its first item, per dimension.
        sizes: Its shape.
        file: File name in the checkpoint folder.
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
    """A tensor and its chunks, which together hold each item once.

    Args:
        name: As in the saved state dict.
        dtype: safetensors' name of the number format: F32, BF16, ...
        shape: Sizes of the whole tensor.
        chunks: In the metadata's order, without empty chunks.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class ShardedTensors:
    """The content of a sharded checkpoint.

    Args:
        folder: The checkpoint.
        tensors: By the model's names, in the order they were saved: without the key of a dictionary around all of them,
            which accelerate saves as "model", and without wrappers.
        others: Names of entries that are not tensors: steps, schedules, parameter groups.
    """

    folder: Path
    tensors: dict[str, ShardedTensor]
    others: tuple[str, ...]


class _Unpickled:
    """Replaces a torch class: keeps the attributes that the pickle sets."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)
        else:
            # TensorProperties pickles as (dtype, layout, requires_grad, memory_format, pin_memory).
            self.properties = tuple(state)


class _Index(_Unpickled):
    fqn: str
    offset: tuple[int, ...] | None = None


class _Location(_Unpickled):
    relative_path: str
    offset: int
    length: int
    transform_descriptors: Any = None


class _ChunkEntry(_Unpickled):
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


class _TensorEntry(_Unpickled):
    properties: Any
    size: tuple[int, ...]
    chunks: list[_ChunkEntry]


def _first_argument(value: object = None, *_: object) -> object:
    return value


def _joined_path(*segments: str) -> str:
    # Only of text: a list that holds lists of itself would be spelled out for ever.
    return "/".join(segments)


def _sizes(values: Any = ()) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


ALLOWED: dict[str, object] = {
    f"{TORCH_METADATA}.Metadata": _Unpickled,
    f"{TORCH_METADATA}.TensorStorageMetadata": _TensorEntry,
    f"{TORCH_METADATA}.BytesStorageMetadata": _Unpickled,
    f"{TORCH_METADATA}.ChunkStorageMetadata": _ChunkEntry,
    f"{TORCH_METADATA}.TensorProperties": _Unpickled,
    f"{TORCH_METADATA}.MetadataIndex": _Index,
    f"{TORCH_METADATA}.StorageMeta": _Unpickled,
    f"{TORCH_METADATA}._MEM_FORMAT_ENCODING": _first_argument,
    "torch.distributed.checkpoint.filesystem._StorageInfo": _Location,
    "torch.serialization._get_layout": _first_argument,
    "torch.Size": _sizes,
    "pathlib.PosixPath": _joined_path,
    "pathlib._local.PosixPath": _joined_path,
    **{f"torch.{name}": dtype for name, dtype in TORCH_DTYPES.items()},
    **{f"torch.{name}": name for name in REFUSED_DTYPES},
}
"""Every name a `.metadata` may use, and its replacement."""


def read_metadata(folder: Path, *, as_saved: bool = False) -> ShardedTensors:
    """Read a sharded checkpoint's metadata and check the sizes of its files.

    Args:
        folder: The checkpoint.
        as_saved: Keep the names as they were saved, as a training state is read, instead of the model's.

    Raises:
        ForbiddenPickle: If `.metadata` names something a checkpoint does not need.
        ShardFileDamaged: If a shard file is missing or too short.
        CheckpointUnreadable: If there is no metadata, or its layout is not supported.
    """
    try:
        content = (folder / METADATA).read_bytes()
    except FileNotFoundError:
        raise CheckpointUnreadable(
            f"{folder} holds no {METADATA}, which is written last: the checkpoint is incomplete. Use an earlier one."
        ) from None
    metadata = load_allow_listed(content, ALLOWED, f"{METADATA} of {folder.name}")
    try:
        locations = {(index.fqn, index.offset): location for index, location in metadata.storage_data.items()}
        entries: dict[str, Any] = metadata.state_dict_metadata
        names = {name: name for name in entries} if as_saved else _model_names(entries, metadata.planner_data or {})
        tensors = {
            names[name]: _tensor(name, entry, locations)
            for name, entry in entries.items()
            if isinstance(entry, _TensorEntry)
        }
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointUnreadable(
            f"{METADATA} of {folder.name} has an unknown layout ({error}); the layout of torch 2.13 is supported."
        ) from error
    others = tuple(name for name, entry in entries.items() if not isinstance(entry, _TensorEntry))
    found = ShardedTensors(folder, tensors, others)
    _check_files(found)
    return found


def _model_names(names: Iterable[str], paths: Mapping[str, tuple[object, ...]]) -> dict[str, str]:
    """The model's name of each entry; `paths` are the keys of each in the nested dictionaries that were saved."""
    keys = {name: paths.get(name) or (name,) for name in names}
    is_wrapped = len({path[0] for path in keys.values()}) == 1 and all(len(path) > 1 for path in keys.values())
    joined = {name: ".".join(map(str, path[is_wrapped:])) for name, path in keys.items()}
    found = {
        name: reduce(lambda text, wrapper: text.replace(wrapper, ""), WRAPPERS, text) for name, text in joined.items()
    }
    if len({*found.values()}) != len(found):
        twice = next(name for name, n in Counter(found.values()).items() if n > 1)
        raise CheckpointUnreadable(f"the checkpoint holds {twice} twice, under several wrappers; save it again.")
    return found


def _tensor(name: str, entry: _TensorEntry, locations: dict[Any, _Location]) -> ShardedTensor:
    dtype = entry.properties.properties[0]
    if dtype not in TORCH_DTYPES.values():
        raise CheckpointUnreadable(f"tensor {name} has the number format {dtype}, which is not supported.")
    chunks = tuple(
        _chunk(name, chunk, locations[name, chunk.offsets]) for chunk in entry.chunks if math.prod(chunk.sizes)
    )
    _check_cover(name, entry.size, chunks)
    return ShardedTensor(name, dtype, entry.size, chunks)


def _chunk(name: str, entry: _ChunkEntry, location: _Location) -> Chunk:
    file = location.relative_path
    if location.transform_descriptors:
        raise CheckpointUnreadable(
            f"tensor {name} was saved through {location.transform_descriptors}, which is not supported."
        )
    if Path(file).name != file or file in ("", ".", ".."):
        raise ForbiddenPickle(f"the metadata places tensor {name} in {file!r}, outside its checkpoint.")
    if min((location.offset, location.length, *entry.offsets, *entry.sizes)) < 0:
        raise CheckpointUnreadable(f"tensor {name} has a chunk at a negative offset; the metadata is damaged.")
    return Chunk(entry.offsets, entry.sizes, file, location.offset, location.length)


def _check_cover(name: str, shape: tuple[int, ...], chunks: tuple[Chunk, ...]) -> None:
    inside = all(
        len(chunk.sizes) == len(chunk.offsets) == len(shape)
        and all(offset + n <= whole for offset, n, whole in zip(chunk.offsets, chunk.sizes, shape, strict=True))
        for chunk in chunks
    )
    once = sum(math.prod(chunk.sizes) for chunk in chunks) == math.prod(shape)
    if not (inside and once) or any(_overlap(one, other) for one, other in combinations(chunks, 2)):
        raise CheckpointUnreadable(
            f"the {len(chunks)} chunks of {name} do not hold each item of its shape {list(shape)} once; a rank's "
            "chunk is missing or saved twice. Use an earlier checkpoint."
        )


def _overlap(one: Chunk, other: Chunk) -> bool:
    sides = zip(one.offsets, one.sizes, other.offsets, other.sizes, strict=True)
    return all(a < b + n_b and b < a + n_a for a, n_a, b, n_b in sides)


def _check_files(found: ShardedTensors) -> None:
    ends: dict[str, int] = {}
    for chunk in (chunk for tensor in found.tensors.values() for chunk in tensor.chunks):
        ends[chunk.file] = max(ends.get(chunk.file, 0), chunk.start + chunk.n_bytes)
    for file, end in sorted(ends.items()):
        path = found.folder / file
        size = path.stat().st_size if path.is_file() else None
        if size is None or size < end:
            what = "is missing" if size is None else f"has {size:,} bytes, its metadata asks for {end:,}"
            raise ShardFileDamaged(f"shard file {file} of {found.folder.name} {what}; fetch the checkpoint again.")
