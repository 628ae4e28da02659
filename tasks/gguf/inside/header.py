"""What a GGUF file says of itself, parsed by llama.cpp's own reader."""

from collections import Counter
from pathlib import Path
from typing import Any

from tasks.gguf.inside.llama_cpp import use_gguf

ALIGNMENT = 32


def main(file: str) -> dict[str, Any]:
    """Parse a file.

    Args:
        file: The GGUF file.

    Returns:
        The fields of GgufHeader.
    """
    use_gguf()
    from gguf import GGUFReader

    reader = GGUFReader(file)
    value = {name: field.contents() for name, field in reader.fields.items() if not name.endswith(("tokens", "merges"))}
    architecture, tokens = value["general.architecture"], reader.fields.get("tokenizer.ggml.tokens")
    size = Path(file).stat().st_size
    end = max((tensor.data_offset + tensor.n_bytes for tensor in reader.tensors), default=0)
    return {
        "version": int(value["GGUF.version"]),
        "architecture": architecture,
        "name": value.get("general.name", ""),
        "n_tensors": len(reader.tensors),
        "n_parameters": sum(int(tensor.n_elements) for tensor in reader.tensors if not tensor.name.startswith("rope_")),
        "types": dict(sorted(Counter(tensor.tensor_type.name for tensor in reader.tensors).items())),
        "n_layers": int(value[f"{architecture}.block_count"]),
        "hidden_size": int(value[f"{architecture}.embedding_length"]),
        "context_length": int(value[f"{architecture}.context_length"]),
        "vocabulary_size": len(tokens.data) if tokens else 0,
        "has_chat_template": "tokenizer.chat_template" in value,
        "n_bytes": size,
        "is_whole": end <= size < end + ALIGNMENT,
    }
