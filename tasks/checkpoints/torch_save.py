"""Offset of a tensor's data in a `torch.save` file, found without torch and without running its pickle."""

import io
import math
import zipfile
from collections import OrderedDict
from itertools import accumulate
from operator import mul
from typing import IO, Any, BinaryIO, NamedTuple

from tasks.checkpoints.dtypes import ITEM_BYTES, STORAGES
from tasks.checkpoints.restricted_pickle import CheckpointUnreadable, load_allow_listed

MAX_PICKLE_BYTES = 1 << 20
"""A tensor's own pickle has some 150 bytes."""
LOCAL_HEADER_BYTES = 30
"""Fixed part of a zip's local file header; it ends with the lengths of the file's name and extra field."""
HAS_DESCRIPTOR = 1 << 3
DESCRIPTOR = (b"PK\x07\x08",)
HEADERS = (b"PK\x03\x04", b"PK\x01\x02")
"""What follows a file in a zip: a data descriptor if its flag is set, else the next header or the directory.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.4.
"""


class SavedTensor(NamedTuple):
    """A tensor as its pickle describes it.

    Args:
        dtype: safetensors' name of the number format.
        storage: Name of the archive's file with its data.
        first: Index of its first item in that file.
        shape: Sizes.
        stride: Items from one index to the next, along each dimension.
    """

    dtype: str
    storage: str
    first: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild_tensor(storage: Any, first: int, shape: Any, stride: Any, *_: object) -> SavedTensor:
    return SavedTensor(str(storage[1]), str(storage[2]), int(first), tuple(shape), tuple(stride))


ALLOWED: dict[str, object] = {
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "collections.OrderedDict": OrderedDict,
    **{f"torch.{storage}": dtype for storage, dtype in STORAGES.items()},
}


class FileRange(io.RawIOBase):
    """A range of an open file, as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        content = self._file.read(wanted)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def find_tensor_data(file: BinaryIO, start: int, size: int, dtype: str, shape: tuple[int, ...], where: str) -> int:
    """Find the file offset of a saved tensor's first item.

    Args:
        file: Open and unbuffered.
        start: Offset of the `torch.save` archive.
        size: Bytes of the archive.
        dtype: Required number format.
        shape: Required shape; items must be contiguous in row-major order.
        where: The tensor's name in messages.

    Raises:
        CheckpointUnreadable: If it is not such an archive, or holds another tensor or memory order.
    """
    archive = FileRange(file, start, size)
    try:
        with zipfile.ZipFile(archive) as entries:
            saved, data = _read_archive(entries, where)
            _check_layout(saved, data, dtype, shape, where)
            with entries.open(data):
                # Opening compares the entry's name and flags with the directory; nothing is read.
                return start + _data_offset(archive, data) + saved.first * ITEM_BYTES[dtype]
    except CheckpointUnreadable:
        raise
    except Exception as error:
        # A damaged zip can raise any exception: of zipfile, zlib, struct, or an index.
        raise CheckpointUnreadable(
            f"{where} is not an archive of torch.save ({type(error).__name__}: {error}); fetch the checkpoint again, "
            "or save it in the format torch_save."
        ) from error


def _data_offset(archive: FileRange, data: zipfile.ZipInfo) -> int:
    header = archive.seek(data.header_offset) + LOCAL_HEADER_BYTES
    lengths = archive.read(LOCAL_HEADER_BYTES)[-4:]
    first = header + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    archive.seek(first + data.compress_size)
    # The directory does not repeat the extra field's length, so only the end of the data shows a damaged one.
    if archive.read(4) not in (DESCRIPTOR if data.flag_bits & HAS_DESCRIPTOR else HEADERS):
        raise ValueError(f"no entry ends where {data.filename} should")
    return first


def _read_archive(entries: zipfile.ZipFile, where: str) -> tuple[SavedTensor, zipfile.ZipInfo]:
    root = entries.namelist()[0].split("/")[0]
    if entries.getinfo(f"{root}/data.pkl").file_size > MAX_PICKLE_BYTES or _byteorder(entries, root) != b"little":
        raise CheckpointUnreadable(f"{where} is not a tensor in little-endian order; others are not supported.")
    saved = load_allow_listed(entries.read(f"{root}/data.pkl"), ALLOWED, where)
    if not isinstance(saved, SavedTensor):
        raise CheckpointUnreadable(f"{where} holds a {type(saved).__name__} where its metadata lists a tensor.")
    return saved, entries.getinfo(f"{root}/data/{saved.storage}")


def _byteorder(entries: zipfile.ZipFile, root: str) -> bytes:
    with entries.open(f"{root}/byteorder") as stream:
        found: IO[bytes] = stream
        return found.read(16)


def _check_layout(saved: SavedTensor, data: zipfile.ZipInfo, dtype: str, shape: tuple[int, ...], where: str) -> None:
    if (saved.dtype, saved.shape) != (dtype, shape):
        raise CheckpointUnreadable(
            f"{where} is {saved.dtype} {list(saved.shape)}, its metadata says {dtype} {list(shape)}; the files belong "
            "to different checkpoints. Fetch it again."
        )
    if saved.first < 0:
        raise CheckpointUnreadable(f"{where} starts {-saved.first} items before its storage; fetch it again.")
    row_major = tuple(accumulate(shape[:0:-1], mul, initial=1))[::-1] if shape else ()
    # The stride of a dimension of size 1 is arbitrary.
    stride = [n_items for n_items, n in zip(saved.stride, saved.shape, strict=True) if n > 1]
    if math.prod(shape) and stride != [n_items for n_items, n in zip(row_major, shape, strict=True) if n > 1]:
        raise CheckpointUnreadable(
            f"{where} has the memory order {list(saved.stride)}, not the row-major {list(row_major)}; others are not "
            "supported. Make the tensor contiguous before saving."
        )
    if data.compress_type != zipfile.ZIP_STORED or data.compress_size < (
        (saved.first + math.prod(shape)) * ITEM_BYTES[dtype]
    ):
        raise CheckpointUnreadable(f"{where} is compressed or cut off; such checkpoints are not supported.")
