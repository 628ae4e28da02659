"""Gates about the file itself: it is whole, describes the model, and holds the model's values."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.gguf.convert import Comparison
from tasks.gguf.header import GgufHeader
from tasks.schemas.examples import Gate

SHOWN = 3
"""Problems named in a gate."""


def file_gates(model: Path, n_parameters: int, header: GgufHeader, comparison: Comparison) -> Iterator[Gate]:
    """Compare a file with its source.

    Args:
        model: The source, as transformers saves it.
        n_parameters: Values in its safetensors.
        header: The file's.
        comparison: Of all values.
    """
    yield Gate(
        name="size",
        passed=header.is_whole and header.n_parameters == n_parameters,
        value=f"{header.n_bytes:,} bytes, {header.n_parameters:,} values"
        + ("" if header.is_whole else ", not where the last tensor ends"),
        bound=f"{n_parameters:,} values in the model's safetensors, and the file ends with the last tensor",
    )
    yield _shape(json.loads((model / "config.json").read_text()), header)
    yield Gate(
        name="types",
        passed="Q8_0" in header.types and set(header.types) <= {"Q8_0", "F16", "F32"},
        value=", ".join(f"{n} {kind}" for kind, n in header.types.items()),
        bound="Q8_0, or F16 where a row is no multiple of 32; F32 for norms",
    )
    named = "; ".join(comparison.problems[:SHOWN]) + (" ..." if len(comparison.problems) > SHOWN else "")
    n_compared = sum(comparison.types.values())
    yield Gate(
        name="values",
        passed=not comparison.problems and n_compared == header.n_tensors and comparison.worst <= 1,
        value=named or f"{n_compared} tensors, largest error {comparison.worst:.3f} ({comparison.worst_name})",
        bound="every tensor of the model once, every value within 1 x rounding to the tensor's type",
    )


def _shape(config: dict[str, Any], header: GgufHeader) -> Gate:
    config = config.get("text_config") or config
    wanted = {
        "n_layers": config.get("num_hidden_layers"),
        "hidden_size": config.get("hidden_size"),
        "context_length": config.get("max_position_embeddings"),
        "vocabulary_size": config.get("vocab_size"),
    }
    found = {name: getattr(header, name) for name in wanted}
    return Gate(
        name="shape",
        passed=found == wanted and header.has_chat_template,
        value=f"{header.architecture}: " + ", ".join(f"{name} {n}" for name, n in found.items()),
        bound=", ".join(f"{name} {n}" for name, n in wanted.items()) + ", and a chat template",
    )
