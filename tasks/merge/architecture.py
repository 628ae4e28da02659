"""Names and shapes of a model's weights, from its config alone; no weight is loaded."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.merge.casting import CONFIG_DTYPES, DTYPE_NAMES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

COPIED_FROM_BASE = (
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.jinja",
)
"""Files of the base that a merge copies unchanged."""


@dataclass(frozen=True)
class Architecture:
    """The weights of a causal language model.

    Args:
        shapes: By name, in the model's order; of tied weights only the first name.
        tied: The other names of tied weights, and the first name of each.
    """

    shapes: dict[str, tuple[int, ...]]
    tied: dict[str, str]


def empty_model(base_dir: Path) -> "PreTrainedModel":
    """The causal language model of a folder's config, on the meta device."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base_dir, trust_remote_code=False)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return model


def describe(model: "PreTrainedModel") -> Architecture:
    """Names and shapes of an empty model's weights."""
    first_names: dict[int, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    tied: dict[str, str] = {}
    tensors: Iterable[tuple[str, Any]] = model.state_dict(keep_vars=True).items()
    for name, tensor in tensors:
        first = first_names.setdefault(id(tensor), name)
        if first == name:
            shapes[name] = tuple(tensor.shape)
        else:
            tied[name] = first
    return Architecture(shapes, tied)


def write_configs(base_dir: Path, dtype: str, folder: Path) -> None:
    """Write the model's config, with `dtype` as `merge.dtype`, and copy the base's tokenizer.

    The config is the causal language model's own: a multimodal base's lists parts that the merged weights lack.
    """
    model = empty_model(base_dir)
    model.config.architectures = [type(model).__name__]
    if dtype != "base":
        model.config.dtype = DTYPE_NAMES[CONFIG_DTYPES[dtype]]
    model.config.save_pretrained(folder)
    for pattern in COPIED_FROM_BASE:
        for file in base_dir.glob(pattern):
            shutil.copyfile(file, folder / file.name)
