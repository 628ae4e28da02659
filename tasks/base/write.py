"""Write the base model as transformers saves it, tokenizer included."""

import logging
from pathlib import Path

from pydantic import JsonValue

from tasks.base.config import BaseConfig, HubSource, TinySource
from tasks.base.hub import fetch_snapshot
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
        HindsightError: If a tiny model is too large, or the hub does not provide the model.
    """
    source = config.source
    return _write_snapshot(source, folder) if isinstance(source, HubSource) else _write_tiny(source, folder)


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


def _write_snapshot(source: HubSource, folder: Path) -> dict[str, JsonValue]:
    fetch_snapshot(source, folder)
    n_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    log.info("base: %s at %s, %.1f GB of weights", source.repo, source.revision[:12], n_bytes / 1e9)
    return {"n_bytes": n_bytes, "repo": source.repo, "revision": source.revision, "pretrained": True}
