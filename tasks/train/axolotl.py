"""From a train config to the YAML axolotl reads."""

from pydantic import JsonValue

from tasks.train import workplace
from tasks.train.config import LoraConfig, TrainConfig


def axolotl_config(config: TrainConfig, n_steps: int) -> dict[str, JsonValue]:
    """Axolotl's settings for one arm; paths are relative to the folder the trainer runs in.

    Args:
        config: The arm.
        n_steps: Optimizer steps that take every block once.
    """
    return _files() | _adapters(config.lora, config.kernels) | _batches(config, n_steps) | _arithmetic(config)


def _files() -> dict[str, JsonValue]:
    return {
        "base_model": workplace.BASE,
        "trust_remote_code": False,
        "plugins": [workplace.PLUGIN],
        # The schema wants data sets; the plugin hands over the blocks, so that none is dropped, cut or shuffled here.
        "datasets": [{"path": workplace.BLOCKS, "type": "completion"}],
        "val_set_size": 0,
        "output_dir": workplace.OUTPUT,
        # Saved once, by axolotl after the last step. LoRA leaves nothing for its in-job merge, which is for shards.
        "save_strategy": "no",
        "logging_steps": 1,
    }


def _adapters(lora: LoraConfig, kernels: str) -> dict[str, JsonValue]:
    fused = kernels == "fused"
    return {
        "adapter": "lora",
        "lora_r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": float(lora.dropout),
        "lora_target_modules": list(lora.target_modules),
        "lora_target_parameters": list(lora.target_parameters),
        "lora_mlp_kernel": fused,
        "lora_qkv_kernel": fused,
        "lora_o_kernel": fused,
    }


def _batches(config: TrainConfig, n_steps: int) -> dict[str, JsonValue]:
    return {
        "sequence_len": config.sequence_length,
        # Without flash-linear-attention, packing leaks the DeltaNet's state from one document into the next.
        "sample_packing": False,
        # Sequential: blocks come in the corpus's order, which is already seeded, and the same for every arm.
        "curriculum_sampling": True,
        "micro_batch_size": config.micro_batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "num_epochs": 1,
        "max_steps": n_steps,
    }


def _arithmetic(config: TrainConfig) -> dict[str, JsonValue]:
    bf16 = config.precision == "bf16"
    return {
        "optimizer": config.optimizer,
        "learning_rate": config.learning_rate,
        "embedding_lr": config.embedding_learning_rate,
        "lr_scheduler": config.scheduler,
        "warmup_ratio": config.warmup_ratio,
        "weight_decay": 0.0,
        "bf16": bf16,
        "fp16": False,
        "tf32": bf16,
        "gradient_checkpointing": config.activation_checkpointing,
        "attn_implementation": "sdpa",
        "seed": config.seed,
    }
