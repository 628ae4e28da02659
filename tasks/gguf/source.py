"""The files of a model that the converter sees: data only, contained in one folder, and consistent."""

import fnmatch
import json
from pathlib import Path
from typing import Any

from tasks.gguf.errors import NotConvertible

FILES = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "tokenizer.model", "*.safetensors",
)  # fmt: skip
INDEX = "model.safetensors.index.json"


def stage_model(model: Path, folder: Path) -> list[str]:
    """Link a model's files into an empty folder, without code and pickles.

    The copy of the tokenizer is corrected where it contradicts itself or the config; transformers reads such files
    correctly, and the converter does not. The ids of texts stay the same.

    Args:
        model: Folder as transformers saves it.
        folder: Empty folder.

    Returns:
        What was corrected.

    Raises:
        NotConvertible: If there is no config or are no weights, or the index of the weights names other files.
    """
    for file in sorted(model.iterdir()):
        if file.is_file() and (file.name == INDEX or any(fnmatch.fnmatch(file.name, each) for each in FILES)):
            (folder / file.name).symlink_to(file.resolve())
    if not (folder / "config.json").exists() or not list(folder.glob("*.safetensors")):
        raise NotConvertible(f"{model} holds no config.json or no safetensors; export a model that was merged.")
    if (index := folder / INDEX).exists():
        named = set(json.loads(index.read_text())["weight_map"].values())
        if elsewhere := sorted(named - {file.name for file in folder.glob("*.safetensors")}):
            raise NotConvertible(f"{INDEX} names {elsewhere[0]!r}, which is not a weight file of the model's folder.")
    return [*_byte_fallback(folder), *_end_token(folder)]


def n_parameters(folder: Path) -> int:
    """Number of values in a folder's safetensors, by their headers."""
    from math import prod

    from safetensors import safe_open

    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            total += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total


def _byte_fallback(folder: Path) -> list[str]:
    """Byte-level tokens need no fallback; where it is set the converter takes them for SentencePiece's."""
    file = folder / "tokenizer.json"
    if not file.exists():
        return []
    content = json.loads(file.read_text(encoding="utf-8"))
    if not content["model"].get("byte_fallback") or "ByteLevel" not in json.dumps(content["pre_tokenizer"]):
        return []
    content["model"]["byte_fallback"] = False
    _replace(file, content)
    return ["tokenizer.json: byte_fallback of a byte-level vocabulary"]


def _end_token(folder: Path) -> list[str]:
    """The tokenizer's end token must be the one at which the model's generation ends."""
    file, vocabulary = folder / "tokenizer_config.json", folder / "tokenizer.json"
    wanted = json.loads((folder / "config.json").read_text()).get("eos_token_id")
    wanted = wanted[0] if isinstance(wanted, list) else wanted
    if wanted is None or not file.exists() or not vocabulary.exists():
        return []
    added = json.loads(vocabulary.read_text(encoding="utf-8"))["added_tokens"]
    content, name = json.loads(file.read_text()), next((t["content"] for t in added if t["id"] == wanted), None)
    if name is None or name == content.get("eos_token"):
        return []
    before = content.get("eos_token")
    _replace(file, content | {"eos_token": name, "eos_token_id": wanted})
    return [f"tokenizer_config.json: end token {before} instead of {name}"]


def _replace(file: Path, content: dict[str, Any]) -> None:
    file.unlink()
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
