"""Merge: fold, save, read back, compare."""

import logging
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from tasks.artifacts import Checkpoint, ModelFolder
from tasks.merge.config import MergeConfig
from tasks.merge.fold import attach_adapter, count_adapters, fold, load_model
from tasks.merge.verify import compare, probe_logits, refuse_difference, refuse_unmoved

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

KEPT_FROM_BASE = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.jinja")
"""Files of the base that a merge does not touch."""


@dataclass(frozen=True)
class Folded:
    """What is known of the merge before its folder is read back."""

    base_logits: list[np.ndarray]
    trained_logits: list[np.ndarray]
    n_adapters: int
    n_zero_adapters: int


def write_merge(
    config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, label: str, folder: Path
) -> dict[str, JsonValue]:
    """Leave a ModelFolder's files in `folder`.

    Args:
        config: Tolerance and probe prompts.
        base: Model the adapter was trained on.
        checkpoint: The adapter.
        label: What the merged model is called in messages.
        folder: Empty folder.

    Returns:
        Facts for the record.

    Raises:
        MergeError: If the adapter does not fit, moved nothing, or is not what the merged model answers with.
    """
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.path, trust_remote_code=False)
    folded = _fold_and_save(config, base, checkpoint, tokenizer, folder)
    _keep_tokenizer(base.path, folder)
    # Read back from the folder, so that what is compared is what is published.
    merged = load_model(folder)
    merged_logits = probe_logits(merged, tokenizer, config.prompts)
    parity = compare(folded.base_logits, folded.trained_logits, merged_logits, torch.finfo(merged.dtype).eps)
    log.info("merge: training moved logits by up to %.4g, merging by %.4g", parity.moved, parity.difference)
    refuse_unmoved(parity, label)
    refuse_difference(parity, config.tolerance, label)
    return {
        "moved": parity.moved,
        "difference": parity.difference,
        "noise": parity.noise,
        "tolerance": config.tolerance,
        "n_adapters": folded.n_adapters,
        "n_zero_adapters": folded.n_zero_adapters,
        **weight_facts(folder),
    }


def weight_facts(folder: Path) -> dict[str, JsonValue]:
    """Tensors, bytes and tensors by number format of a folder's safetensors."""
    from safetensors import safe_open

    dtypes: Counter[str] = Counter()
    files = sorted(folder.glob("*.safetensors"))
    for file in files:
        with safe_open(file, "np") as tensors:
            dtypes.update(tensors.get_slice(name).get_dtype() for name in tensors.keys())  # noqa: SIM118
    n_bytes = sum(file.stat().st_size for file in files)
    return {"n_tensors": dtypes.total(), "n_bytes": n_bytes, "dtypes": dict(sorted(dtypes.items()))}


def _fold_and_save(
    config: MergeConfig, base: ModelFolder, checkpoint: Checkpoint, tokenizer: "PreTrainedTokenizerBase", folder: Path
) -> Folded:
    # A function of its own: its model is freed before the merged one is loaded, for two do not fit on one GPU.
    model = load_model(base.path)
    base_logits = probe_logits(model, tokenizer, config.prompts)
    adapted = attach_adapter(model, checkpoint.adapter_dir)
    n_adapters, n_zero_adapters = count_adapters(adapted)
    trained_logits = probe_logits(adapted, tokenizer, config.prompts)
    fold(adapted).save_pretrained(folder)
    return Folded(base_logits, trained_logits, n_adapters, n_zero_adapters)


def _keep_tokenizer(source: Path, target: Path) -> None:
    for pattern in KEPT_FROM_BASE:
        for file in source.glob(pattern):
            shutil.copyfile(file, target / file.name)
