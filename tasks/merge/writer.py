"""Writing a safetensors file while its pieces are made: hashed and on the disk when the call returns."""

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tasks.merge.stream import Output, n_bytes_of

FLUSH_BYTES = 16 << 20
"""Written between two requests to the disk, so that it works from the start and not only at the end."""


def header(outputs: Iterable[Output]) -> bytes:
    """The head of a safetensors file with these tensors in this order."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for output in outputs:
        start, end = end, end + n_bytes_of(output)
        entries[output.name] = {
            "dtype": output.dtype,
            "shape": list(output.source.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def write_file(pieces: Iterable[np.ndarray], path: Path) -> tuple[str, int]:
    """Write pieces to a file that is on the disk afterwards, and hash them as they pass.

    Returns:
        sha256 and bytes.
    """
    digest, n_bytes, n_asked = sha256(), 0, 0
    with path.open("wb", buffering=0) as file:
        for piece in pieces:
            digest.update(piece.data)
            _write(file, piece.data)
            n_bytes += piece.nbytes
            if n_bytes - n_asked >= FLUSH_BYTES:
                # Linux begins to write dirty pages that it is told will not be needed, and the call does not wait.
                os.posix_fadvise(file.fileno(), n_asked, n_bytes - n_asked, os.POSIX_FADV_DONTNEED)
                n_asked = n_bytes
        os.fsync(file.fileno())
    return digest.hexdigest(), n_bytes


def _write(file: BinaryIO, content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]
