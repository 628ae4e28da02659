"""Where the numbers of a tensor lie in a file of `torch.save`, found without torch and without running its pickle."""

import io
import math
import zipfile
from collections import OrderedDict
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from tasks.checkpoints.restricted_pickle import CheckpointUnreadable, load_listed

TORCH_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
"""torch's names of number formats, and safetensors' for the same."""
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
MAX_PICKLE_BYTES = 1 << 20
"""A tensor's own pickle has some 150 bytes."""
LOCAL_HEADER_BYTES = 30
"""Fixed part of the header before each file of a zip; the lengths of its name and its extra field end it."""
HAS_DESCRIPTOR = 1 << 3
DESCRIPTOR = (b"PK\x07\x08",)
HEADERS = (b"PK\x03\x04", b"PK\x01\x02")
"""What follows a file of a zip: its sizes once more where its flags say so, else the next header or the directory.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.4.
"""


class SavedTensor(NamedTuple):
    """A tensor as its pickle describes it.

    Args:
        dtype: safetensors' name of the number format.
        storage: Name of the file with its numbers.
        first: Index of its first number in that file.
        shape: Sizes.
        stride: Numbers from one index to the next, along each dimension.
    """

    dtype: str
    storage: str
    first: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild_tensor(storage: Any, first: int, shape: Any, stride: Any, *_: object) -> SavedTensor:
    return SavedTensor(str(storage[1]), str(storage[2]), int(first), tuple(shape), tuple(stride))


TENSOR_GLOBALS: dict[str, object] = {
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "collections.OrderedDict": OrderedDict,
    **{f"torch.{storage}": dtype for storage, dtype in STORAGES.items()},
}


class FileRange(io.RawIOBase):
    """A part of an open file, as a file."""

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
        found = self._file.read(wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def find_numbers(file: BinaryIO, start: int, size: int, dtype: str, shape: tuple[int, ...], where: str) -> int:
    """Offset in the file of a saved tensor's first number.

    Args:
        file: Open and unbuffered.
        start: Offset of the `torch.save` archive.
        size: Its bytes.
        dtype: Number format it must have.
        shape: Shape it must have; its numbers must lie one after another, last dimension fastest.
        where: What the tensor is called in messages.

    Raises:
        CheckpointUnreadable: If it is no such archive, holds another tensor, or in another order.
    """
    archive = FileRange(file, start, size)
    try:
        with zipfile.ZipFile(archive) as entries:
            saved, numbers = _read_archive(entries, where)
            _check_layout(saved, numbers, dtype, shape, where)
            with entries.open(numbers):
                # Opened only to have its name and its flags held against the directory.
                return start + _data_offset(archive, numbers) + saved.first * ITEM_BYTES[dtype]
    except CheckpointUnreadable:
        raise
    except Exception as error:
        # A damaged zip ends in any exception there is: of zipfile, zlib, struct, or an index.
        raise CheckpointUnreadable(
            f"{where} is no archive of torch.save ({type(error).__name__}: {error}); fetch the checkpoint again, or "
            "save it in the format torch_save."
        ) from error


def _data_offset(archive: FileRange, numbers: zipfile.ZipInfo) -> int:
    header = archive.seek(numbers.header_offset) + LOCAL_HEADER_BYTES
    lengths = archive.read(LOCAL_HEADER_BYTES)[-4:]
    first = header + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    archive.seek(first + numbers.compress_size)
    # The directory does not repeat the extra field's length, so a damaged one shows only at the end of the numbers.
    if archive.read(4) not in (DESCRIPTOR if numbers.flag_bits & HAS_DESCRIPTOR else HEADERS):
        raise ValueError(f"no entry ends where {numbers.filename} should")
    return first


def _read_archive(entries: zipfile.ZipFile, where: str) -> tuple[SavedTensor, zipfile.ZipInfo]:
    root = entries.namelist()[0].split("/")[0]
    if entries.getinfo(f"{root}/data.pkl").file_size > MAX_PICKLE_BYTES or _byteorder(entries, root) != b"little":
        raise CheckpointUnreadable(f"{where} is no tensor in little-endian order; such checkpoints are not handled.")
    saved = load_listed(io.BytesIO(entries.read(f"{root}/data.pkl")), TENSOR_GLOBALS, where)
    if not isinstance(saved, SavedTensor):
        raise CheckpointUnreadable(f"{where} holds a {type(saved).__name__} where its metadata promises a tensor.")
    return saved, entries.getinfo(f"{root}/data/{saved.storage}")


def _byteorder(entries: zipfile.ZipFile, root: str) -> bytes:
    with entries.open(f"{root}/byteorder") as stream:
        found: IO[bytes] = stream
        return found.read(16)


def _check_layout(saved: SavedTensor, numbers: zipfile.ZipInfo, dtype: str, shape: tuple[int, ...], where: str) -> None:
    if (saved.dtype, saved.shape) != (dtype, shape):
        raise CheckpointUnreadable(
            f"{where} is {saved.dtype} {list(saved.shape)}, its metadata says {dtype} {list(shape)}; the files are "
            "of two checkpoints. Fetch it again."
        )
    if saved.first < 0:
        raise CheckpointUnreadable(f"{where} starts {-saved.first} numbers before its storage; fetch it again.")
    contiguous = tuple(accumulate(shape[:0:-1], mul, initial=1))[::-1] if shape else ()
    strides_that_matter = [stride for stride, n in zip(saved.stride, saved.shape, strict=True) if n > 1]
    wanted = [stride for stride, n in zip(contiguous, shape, strict=True) if n > 1]
    if math.prod(shape) and strides_that_matter != wanted:
        raise CheckpointUnreadable(
            f"{where} lies in memory order {list(saved.stride)}, not row by row as {list(contiguous)}; such tensors "
            "are not handled. Make it contiguous before saving."
        )
    if numbers.compress_type != zipfile.ZIP_STORED or numbers.compress_size < (
        (saved.first + math.prod(shape)) * ITEM_BYTES[dtype]
    ):
        raise CheckpointUnreadable(f"{where} is compressed or cut off; such checkpoints are not handled.")


def open_unbuffered(path: Path) -> BinaryIO:
    """Open for reads of exactly the bytes asked for."""
    return path.open("rb", buffering=0)
