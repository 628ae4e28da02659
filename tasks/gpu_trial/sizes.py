"""Sizes of the models that a trial builds, all with random weights."""

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.base.config import BaseConfig, TinySource
from tasks.base.write import write_base
from tasks.gpu_trial.schema import Size
from tasks.schemas.tokenizer import QwenTokenizer, load_tokenizer

if TYPE_CHECKING:
    from transformers import PretrainedConfig

QWEN_35B: dict[str, int] = {
    "vocab_size": 248_320,
    "hidden_size": 2_048,
    "num_hidden_layers": 40,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "num_experts": 256,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 512,
    "shared_expert_intermediate_size": 512,
}
"""Qwen3.5-35B-A3B's."""
SMALL: dict[str, int] = {
    "vocab_size": 512,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
}
"""Every kind of layer; heads as narrow as the Triton kernels accept."""
SIZES: dict[Size, dict[str, int]] = {"small": SMALL, "full": QWEN_35B}
TRAINED = TinySource(hidden=64, expert_width=32)
"""The base of parts that are about bits, not about speed: heads of 32, and the whole vocabulary."""


def write_architecture(config: "PretrainedConfig", folder: Path) -> None:
    """Write a ModelFolder without weights: config and tokenizer."""
    config.architectures = ["Qwen3_5MoeForCausalLM"]
    config.save_pretrained(folder)
    load_tokenizer(QwenTokenizer()).save_pretrained(folder)


def write_small_base(folder: Path) -> None:
    """Write a ModelFolder with weights."""
    write_base(BaseConfig(source=TRAINED), folder)
