"""The names and shapes a model's weights must have, from its config alone; no weight is loaded."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.merge.casting import DTYPE_NAMES, MERGED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KEPT_FROM_BASE = (
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.jinja",
)
"""Files of the base that a merge does not touch."""


@dataclass(frozen=True)
class Architecture:
    """What a causal language model's weights are called.

    Args:
        shapes: By name, in the model's order; of tied weights the first name only.
        tied: The other names of tied weights, and the name each is kept under.
    """

    shapes: dict[str, tuple[int, ...]]
    tied: dict[str, str]


def empty_model(base_dir: Path) -> "PreTrainedModel":
    """The causal language model of a folder's config, on the meta device: shapes without numbers."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base_dir, trust_remote_code=False)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return model


def describe(model: "PreTrainedModel") -> Architecture:
    """Names and shapes of an empty model's weights."""
    kept: dict[int, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    tied: dict[str, str] = {}
    tensors: Iterable[tuple[str, Any]] = model.state_dict(keep_vars=True).items()
    for name, tensor in tensors:
        first = kept.setdefault(id(tensor), name)
        if first == name:
            shapes[name] = tuple(tensor.shape)
        else:
            tied[name] = first
    return Architecture(shapes, tied)


def keep_configs(model: "PreTrainedModel", base_dir: Path, dtype: str, folder: Path) -> None:
    """Leave the model's config and the base's tokenizer in a folder.

    The config is the causal language model's own: a multimodal base's says what the merged weights no longer hold.

    Args:
        model: The empty model.
        base_dir: The base.
        dtype: As `merge.dtype`; `base` keeps what the base's config says.
        folder: Gets the files.
    """
    model.config.architectures = [type(model).__name__]
    if dtype != "base":
        model.config.dtype = DTYPE_NAMES[MERGED[dtype]]
    model.config.save_pretrained(folder)
    for pattern in KEPT_FROM_BASE:
        for file in base_dir.glob(pattern):
            shutil.copyfile(file, folder / file.name)
