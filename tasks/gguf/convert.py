"""From a model's safetensors to a GGUF file, by llama.cpp's converter, and the comparison of all values."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

from tasks.common.progress import Progress
from tasks.common.settings import Frozen
from tasks.gguf.environment import call
from tasks.gguf.errors import NotConvertible
from tasks.gguf.source import n_parameters

Quantization = Literal["f16", "q8_0"]
BYTES_PER_VALUE = {"f16": 2.0, "q8_0": 34 / 32}


class Comparison(Frozen):
    """A GGUF file's values against the safetensors'."""

    problems: list[str]
    """Tensors that are missing, added, of another shape, or differ by more than rounding to their type."""
    types: dict[str, int]
    worst: float
    """Largest error, as a fraction of what rounding to the tensor's type may cause."""
    worst_name: str


def check_convertible(architecture: str) -> None:
    """Refuse an architecture that llama.cpp's converter does not know.

    Args:
        architecture: As in `architectures` of a config.json, such as `LlamaForCausalLM`.

    Raises:
        NotConvertible: If it is unknown.
        ExportEnvironmentMissing: If there is no environment to ask.
    """
    if architecture not in (known := _architectures()):
        raise NotConvertible(
            f"llama.cpp's converter does not know {architecture!r}; it knows {len(known)} architectures, such as "
            "LlamaForCausalLM, Qwen2ForCausalLM and Qwen3_5MoeForCausalLM. Start from a base of one of them."
        )


def architecture_of(model: Path) -> str:
    """The first of `architectures` in a model's config.json."""
    names = json.loads((model / "config.json").read_text()).get("architectures") or [""]
    return str(names[0])


def convert(model: Path, file: Path, quantization: Quantization, name: str) -> None:
    """Write a GGUF file; the same model gives the same bytes. The log is beside it.

    Args:
        model: Folder that `stage_model` filled.
        file: To write.
        quantization: Of the weights; norms stay fp32. Q8_0 is rounded from the safetensors directly, by the converter's
            numpy, which is deterministic.
        name: Of the model, in the file's metadata.

    Raises:
        GgufError: If the converter fails.
    """
    expected = int(n_parameters(model) * BYTES_PER_VALUE[quantization])
    progress = Progress(f"export: write {quantization}", expected)

    def poll() -> None:
        size = file.stat().st_size if file.exists() else 0
        progress.add(size - progress.n_done)

    arguments = {"model": str(model), "file": str(file), "quantization": quantization, "name": name}
    call("convert", arguments, file.with_suffix(".convert.log"), poll)


def compare(model: Path, file: Path) -> Comparison:
    """Compare every value of a GGUF file with a model's.

    Args:
        model: Folder that `stage_model` filled.
        file: The GGUF file.

    Raises:
        GgufError: If one of them cannot be read.
    """
    arguments = {"model": str(model), "file": str(file)}
    return Comparison.model_validate(call("compare", arguments, file.with_suffix(".compare.log")))


@cache
def _architectures() -> frozenset[str]:
    with tempfile.TemporaryDirectory() as folder:
        return frozenset(call("architectures", {}, Path(folder) / "architectures.log"))
