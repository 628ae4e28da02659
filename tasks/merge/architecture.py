"""Names and shapes of a model's weights, from its config alone; no weight is loaded."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
        shapes: By name, in the model's order, tied names included.
        tied: Names of weights that are another's, and that other's name.
    """

    shapes: dict[str, tuple[int, ...]]
    tied: dict[str, str]


def empty_model(base_dir: Path, untied: bool = False) -> "PreTrainedModel":
    """The causal language model of a folder's config, on the meta device.

    Args:
        base_dir: Folder with the config.
        untied: Whether to give head and embedding a weight each, whatever the config says.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base_dir, trust_remote_code=False)
    if untied:
        config.tie_word_embeddings = config.get_text_config().tie_word_embeddings = False
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return model


def describe(model: "PreTrainedModel") -> Architecture:
    """Names, shapes and ties of an empty model's weights."""
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    return Architecture(shapes, dict(model.all_tied_weights_keys))


def write_configs(base_dir: Path, dtype: str, folder: Path, untied: bool = False) -> None:
    """Write the model's config, with `dtype` as `merge.dtype`, and copy the base's tokenizer.

    The config is the causal language model's own: a multimodal base's lists parts that the merged weights lack.
    """
    model = empty_model(base_dir, untied)
    model.config.architectures = [type(model).__name__]
    if dtype != "base":
        model.config.dtype = DTYPE_NAMES[CONFIG_DTYPES[dtype]]
    model.config.save_pretrained(folder)
    for pattern in COPIED_FROM_BASE:
        for file in base_dir.glob(pattern):
            shutil.copyfile(file, folder / file.name)
