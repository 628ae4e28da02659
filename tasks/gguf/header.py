"""What a GGUF file says of itself."""

import tempfile
from pathlib import Path

from tasks.common.settings import Frozen
from tasks.gguf.environment import call


class GgufHeader(Frozen):
    """A file's metadata and tensor table, as llama.cpp's own reader parses them."""

    version: int
    architecture: str
    name: str
    n_tensors: int
    n_parameters: int
    """Values of all tensors but tables of positions."""
    types: dict[str, int]
    """Number of tensors by type, such as `Q8_0`."""
    n_layers: int
    hidden_size: int
    context_length: int
    vocabulary_size: int
    has_chat_template: bool
    n_bytes: int
    is_whole: bool
    """Whether the file ends where the last tensor does."""


def read_header(file: Path) -> GgufHeader:
    """Parse a file.

    Raises:
        GgufError: If it is not a GGUF file, or truncated.
    """
    with tempfile.TemporaryDirectory() as folder:
        return GgufHeader.model_validate(call("header", {"file": str(file.resolve())}, Path(folder) / "header.log"))
