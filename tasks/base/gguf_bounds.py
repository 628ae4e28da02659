"""Whether a GGUF file holds what its header promises.

The reader of gguf 0.19, which transformers uses, trusts the header: for an array that is longer than the file it
appends empty values until the memory is full. So the header is walked before.
Source: docs/gguf.md of ggml, version 3.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tasks.base.errors import NoModel

MAGIC = b"GGUF"
SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value by its type's number."""
TEXT, ARRAY = 8, 9
MAX_DIMENSIONS = 4
MAX_NAME = 1 << 16
"""Bytes of a key or of a tensor's name; the format's own bound."""


def check_header(file: Path) -> None:
    """Walk a file's header.

    Raises:
        NoModel: If it is no GGUF file, or promises more than the file holds.
    """
    with file.open("rb") as stream:
        try:
            _Walk(stream, file.stat().st_size).header()
        except ValueError as error:
            raise NoModel(f"GGUF file {file.name} is damaged: {error}. Fetch it again.") from error


class _Walk:
    """A position in a header, which never passes the file's end."""

    def __init__(self, stream: BinaryIO, n_bytes: int) -> None:
        self.stream, self.n_bytes = stream, n_bytes

    def header(self) -> None:
        if self.stream.read(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        if (version := self._number(4)) not in (2, 3):
            raise ValueError(f"it is of version {version}; 2 and 3 are read")
        n_tensors, n_fields = self._count(8, "tensors"), self._count(8, "fields")
        for _ in range(n_fields):
            self._text(MAX_NAME)
            self._value(self._number(4))
        for _ in range(n_tensors):
            self._tensor()

    def _value(self, kind: int) -> None:
        if kind == TEXT:
            self._text()
        elif kind == ARRAY:
            of_kind, n_values = self._number(4), self._count(8, "values")
            if of_kind == TEXT:
                for _ in range(n_values):
                    self._text()
            else:
                self._skip(n_values * self._scalar(of_kind))
        else:
            self._skip(self._scalar(kind))

    def _tensor(self) -> None:
        self._text(MAX_NAME)
        if (n_dimensions := self._number(4)) > MAX_DIMENSIONS:
            raise ValueError(f"a tensor has {n_dimensions:,} dimensions, at most {MAX_DIMENSIONS} are read")
        n_items = 1
        for size in self._numbers(n_dimensions, 8):
            n_items *= size
        self._number(4)
        # The smallest type has more than one bit per value.
        if self._number(8) > self.n_bytes or n_items > 8 * self.n_bytes:
            raise ValueError(f"a tensor of {n_items:,} values lies outside of its {self.n_bytes:,} bytes")

    def _scalar(self, kind: int) -> int:
        if kind not in SCALAR_BYTES:
            raise ValueError(f"a value has the unknown type {kind}")
        return SCALAR_BYTES[kind]

    def _text(self, most: int | None = None) -> None:
        n_bytes = self._count(8, "bytes of text")
        if most is not None and n_bytes > most:
            raise ValueError(f"a name has {n_bytes:,} bytes, at most {most:,} are read")
        self._skip(n_bytes)

    def _count(self, n_bytes: int, what: str) -> int:
        """A number of things of a byte or more each."""
        if (found := self._number(n_bytes)) > self.n_bytes - self.stream.tell():
            raise ValueError(f"it promises {found:,} {what} and has {self.n_bytes:,} bytes")
        return found

    def _numbers(self, n: int, n_bytes: int) -> Iterator[int]:
        return (self._number(n_bytes) for _ in range(n))

    def _number(self, n_bytes: int) -> int:
        content = self.stream.read(n_bytes)
        if len(content) < n_bytes:
            raise ValueError("it ends within its header")
        return int.from_bytes(content, "little")

    def _skip(self, n_bytes: int) -> None:
        if n_bytes > self.n_bytes - self.stream.tell():
            raise ValueError(f"a value of {n_bytes:,} bytes begins at byte {self.stream.tell():,} of {self.n_bytes:,}")
        self.stream.seek(n_bytes, 1)
