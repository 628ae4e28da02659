"""What the sharded trainer reads of the YAML that axolotl would read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, cast

import yaml

from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.sharded.errors import SettingsRefused

SAID = {
    "trust_remote_code": False,
    "weight_decay": 0.0,
    "fp16": False,
    "sample_packing": False,
    "curriculum_sampling": True,
    "num_epochs": 1,
}
"""Keys with the one value this trainer goes by."""
NOT_FOR_US = {
    "plugins",
    "datasets",
    "val_set_size",
    "save_strategy",
    "logging_steps",
    "sequence_len",
    "tf32",
    "fsdp_version",
    "gradient_checkpointing_kwargs",
}
"""Keys by which axolotl is kept from doing what this trainer does not do, or that mean a GPU."""


@dataclass(frozen=True)
class Keys:
    """Settings by axolotl's names.

    Args:
        base_model: Folder of the base.
        output_dir: Folder of what was trained.
        attn_implementation: Attention by transformers' name.
        micro_batch_size: Rows per forward pass and rank.
        gradient_accumulation_steps: Forward passes per optimizer step.
        max_steps: Optimizer steps.
        optimizer: AdamW, fused into one kernel or not; stochastic rounding is told by settings.json.
        learning_rate: Peak.
        embedding_lr: Peak for embed_tokens and lm_head.
        lr_scheduler: Course after the warm-up.
        warmup_ratio: Share of the steps.
        adam_beta1: Decay of the first moment.
        adam_beta2: Decay of the second moment.
        adam_epsilon: Added to its root.
        max_grad_norm: Gradients longer than this are shortened to it.
        bf16: Whether the arithmetic is in bf16.
        gradient_checkpointing: Whether activations are computed again in the backward pass.
        seed: Of stochastic rounding.
        layer_class: Class of the modules sharded one by one.
        reshard_after_forward: Whether gathered weights are freed after the forward pass.
        sync_each_batch: Whether gradients are reduced after every forward pass.
    """

    base_model: str
    output_dir: str
    attn_implementation: str
    micro_batch_size: int
    gradient_accumulation_steps: int
    max_steps: int
    optimizer: str
    learning_rate: float
    embedding_lr: float
    lr_scheduler: Literal["cosine", "linear", "constant"]
    warmup_ratio: float
    adam_beta1: float
    adam_beta2: float
    adam_epsilon: float
    max_grad_norm: float
    bf16: bool
    gradient_checkpointing: bool
    seed: int
    layer_class: str
    reshard_after_forward: bool
    sync_each_batch: bool

    @classmethod
    def read(cls, folder: Path = Path()) -> Self:
        """Read `axolotl.yaml`.

        Raises:
            SettingsRefused: If a key is missing, is not known here or has a value this trainer does not go by.
        """
        document: dict[str, Any] = yaml.safe_load((folder / workplace.YAML).read_text())
        plain = [name for name in cls.__dataclass_fields__ if name not in _NESTED]
        for name, value in SAID.items():
            if _take(document, name) != value:
                raise SettingsRefused(
                    f"{workplace.YAML} has {name}: {document[name]!r}; without a GPU it is {value!r}."
                )
        _refuse_unknown(document, {*plain, *SAID, *NOT_FOR_US, *(path[0] for path in _NESTED.values())})
        values = {name: _take(document, name) for name in plain}
        return cls(**values | {name: _take(document, *path) for name, path in _NESTED.items()})


_NESTED = {
    "layer_class": ("fsdp_config", "transformer_layer_cls_to_wrap"),
    "reshard_after_forward": ("fsdp_config", "reshard_after_forward"),
    "sync_each_batch": ("accelerator_config", "gradient_accumulation_kwargs", "sync_each_batch"),
}


def _take(document: dict[str, Any], *path: str) -> Any:
    value: Any = document
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise SettingsRefused(f"{workplace.YAML} has no {'.'.join(path)}, which the sharded trainer goes by.")
        value = cast(dict[str, Any], value)[name]
    return value


def _refuse_unknown(document: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(document.keys() - known):
        raise SettingsRefused(
            f"{workplace.YAML} has {', '.join(unknown)}, which the sharded trainer does not know and would leave out "
            "in silence. Take it out, or run the arm on GPUs."
        )
