"""Write a model as transformers saves it, tokenizer included."""

import logging
from pathlib import Path

from pydantic import JsonValue

from tasks.base.config import BaseConfig, FolderSource, GgufSource, HubSource, StoreSource, TinySource
from tasks.base.finish import finish_code, finish_tokenizer
from tasks.base.hub import check_weights, fetch_snapshot
from tasks.base.local import convert_gguf, copy_artifact, copy_folder
from tasks.base.pickles import convert_pickles
from tasks.base.tiny import count_other_parameters, tiny_model
from tasks.schemas.tokenizer import load_tokenizer, tokenizer_digest

log = logging.getLogger(__name__)


def write_base(config: BaseConfig, folder: Path) -> dict[str, JsonValue]:
    """Write a ModelFolder's files.

    Args:
        config: The model.
        folder: Empty folder for the files.

    Returns:
        Facts for the record.

    Raises:
        HindsightError: If a tiny model is too large, the source does not provide the model, its tokenizer does not fit,
            or it holds pickles or code that are not allowed.
    """
    match config.source:
        case TinySource() as source:
            return _write_tiny(source, folder)
        case HubSource() as source:
            fetch_snapshot(source, folder)
            origin: dict[str, JsonValue] = {"repo": source.repo, "revision": source.revision}
            return origin | _finish(source, source.repo, folder)
        case FolderSource() as source:
            return copy_folder(source, folder) | _finish(source, source.path, folder)
        case GgufSource() as source:
            return convert_gguf(source, folder) | finish_tokenizer(folder, None) | _size(folder)
        case StoreSource() as source:
            return copy_artifact(source, folder) | _size(folder)


def _write_tiny(source: TinySource, folder: Path) -> dict[str, JsonValue]:
    model, tokenizer = tiny_model(source), load_tokenizer(source.tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    log.info("base: %d parameters, random, seed %d", n_parameters, source.seed)
    return {
        "n_parameters": n_parameters,
        "n_other_parameters": count_other_parameters(model),
        "tokenizer_sha256": tokenizer_digest(tokenizer),
        "pretrained": False,
    }


def _finish(source: HubSource | FolderSource, name: str, folder: Path) -> dict[str, JsonValue]:
    converted = convert_pickles(folder, source.pickles)
    check_weights(folder, name)
    code = finish_code(folder, source if isinstance(source, HubSource) else None)
    # A tokenizer made of code runs where the model does.
    tokenizer = {} if code and source.tokenizer is None else finish_tokenizer(folder, source.tokenizer)
    return converted | code | tokenizer | _size(folder)


def _size(folder: Path) -> dict[str, JsonValue]:
    n_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    log.info("base: %.1f GB of weights", n_bytes / 1e9)
    return {"n_bytes": n_bytes, "pretrained": True}
