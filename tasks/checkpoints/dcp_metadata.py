"""The pickle a sharded checkpoint's `.metadata` is, with a stand-in of ours for each class it may name."""

from typing import Any

from tasks.checkpoints.torch_save import TORCH_DTYPES

CHECKPOINT = "torch.distributed.checkpoint.metadata"


class Record:
    """Stands for any of the metadata's classes: what was set on it, under the same names."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)
        else:
            # TensorProperties pickles as (dtype, layout, requires_grad, memory_format, pin_memory).
            self.properties = tuple(state)


class Index(Record):
    """Names a chunk: its tensor and where it starts."""

    fqn: str
    offset: tuple[int, ...] | None = None


class Place(Record):
    """Where a chunk's archive lies."""

    relative_path: str
    offset: int
    length: int
    transform_descriptors: Any = None


class Box(Record):
    """Where a chunk lies in its tensor."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


class TensorEntry(Record):
    """A tensor: its properties, shape and chunks."""

    properties: Any
    size: tuple[int, ...]
    chunks: list[Box]


class BytesEntry(Record):
    """What is no tensor."""


def _same(value: object = None, *_: object) -> object:
    return value


def _joined(*parts: object) -> str:
    return "/".join(map(str, parts))


def _numbers(values: Any = ()) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


GLOBALS: dict[str, object] = {
    f"{CHECKPOINT}.Metadata": Record,
    f"{CHECKPOINT}.TensorStorageMetadata": TensorEntry,
    f"{CHECKPOINT}.BytesStorageMetadata": BytesEntry,
    f"{CHECKPOINT}.ChunkStorageMetadata": Box,
    f"{CHECKPOINT}.TensorProperties": Record,
    f"{CHECKPOINT}.MetadataIndex": Index,
    f"{CHECKPOINT}.StorageMeta": Record,
    f"{CHECKPOINT}._MEM_FORMAT_ENCODING": _same,
    "torch.distributed.checkpoint.filesystem._StorageInfo": Place,
    "torch.serialization._get_layout": _same,
    "torch.Size": _numbers,
    "pathlib.PosixPath": _joined,
    "pathlib._local.PosixPath": _joined,
    **{f"torch.{name}": dtype for name, dtype in TORCH_DTYPES.items()},
}
"""All that a `.metadata` may ask for, and what it gets in its place."""
