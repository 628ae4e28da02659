"""A small model, and axolotl's trainer around it."""

from tempfile import mkdtemp
from typing import Any

import torch
from axolotl.core.trainers.base import AxolotlTrainer
from axolotl.core.training_args import AxolotlTrainingArguments
from transformers import Qwen3_5MoeForCausalLM
from transformers.models.qwen3_5_moe.configuration_qwen3_5_moe import Qwen3_5MoeTextConfig


def small_model() -> Any:
    """Every kind of layer, 64 words."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1}
    linear = {f"linear_{name}": size for name, size in (("num_key_heads", 2), ("num_value_heads", 2))}
    heads = {"head_dim": 8, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
    torch.manual_seed(0)
    sizes |= linear | heads | experts | {"vocab_size": 64, "shared_expert_intermediate_size": 8}
    return Qwen3_5MoeForCausalLM(Qwen3_5MoeTextConfig(**sizes, tie_word_embeddings=False))


def small_trainer(rows: Any, collator: Any, **arguments: Any) -> Any:
    """Axolotl's trainer in this process."""
    fixed = {"output_dir": mkdtemp(), "use_cpu": True, "max_steps": 1, "report_to": [], "save_strategy": "no"}
    args = AxolotlTrainingArguments(**fixed, logging_steps=1, **arguments)
    return AxolotlTrainer(model=small_model(), args=args, train_dataset=rows, data_collator=collator)
