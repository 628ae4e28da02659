"""From a train config to the YAML axolotl 0.19 reads, for both arms.

Axolotl takes `int(warmup_ratio * max_steps)` steps of warm-up, and 2 where that is 1. Rows are taken in the file's
order, so that `curriculum_sampling` is always true. What axolotl has no key for is in `settings.json`: see
`tasks.train.trainer.settings`.
"""

from pydantic import JsonValue

from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.errors import PackingLeaks
from tasks.train.trainer import work_files

DECODER_LAYER = "Qwen3_5MoeDecoderLayer"
"""Layer class of the default base; `tasks.train.estimates.targets.decoder_layer` finds that of another."""
KERNELS_PLUGIN = "axolotl.integrations.kernels.KernelsPlugin"
CROSS_ENTROPY_PLUGIN = "axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin"

Settings = dict[str, JsonValue]


def axolotl_config(config: TrainConfig, n_steps: int, decoder_layer: str = DECODER_LAYER) -> Settings:
    """Axolotl's settings for one arm; paths are relative to the folder the trainer runs in.

    Args:
        config: The arm.
        n_steps: Optimizer steps that take every row once.
        decoder_layer: Class of the base's decoder layers, which FSDP2 shards one by one.

    Raises:
        PackingLeaks: If rows are to be packed without the kernels that keep their documents apart.
    """
    arm = config.arm
    # Axolotl has kernels for adapters that it adds itself; those of preference training are added by TRL.
    fused = config.kernels == "fused" and config.objective.kind != "preference"
    trained = _adapters(arm, fused) if isinstance(arm, LoraArm) else _sharding(arm, decoder_layer)
    kernels, batches = _arm_kernels(arm), _batches(config, n_steps)
    return _files(arm) | _loss(config) | trained | kernels | batches | _optimization(config) | _arithmetic(config)


def _files(arm: LoraArm | FullWeightArm) -> Settings:
    return {
        "base_model": work_files.BASE,
        "trust_remote_code": False,
        "plugins": [work_files.PLUGIN, *_kernel_plugins(arm)],
        # The schema requires data sets; the plugin supplies the rows, so that none is dropped, cut or shuffled.
        "datasets": [{"path": work_files.BLOCKS, "type": "completion"}],
        "val_set_size": 0,
        "output_dir": work_files.OUTPUT,
        # The plugin writes states, resumes and saves the final shards; axolotl saves the adapter after the last step.
        # Without a checkpoint-* folder, its in-job merge finds nothing to merge.
        "save_strategy": "no",
        "logging_steps": 1,
    }


def _loss(config: TrainConfig) -> Settings:
    if config.objective.kind != "preference":
        return {}
    # A plugin's trainer class would get neither model nor adapters; the one that this key names gets both.
    return {"rl": "dpo", "rl_beta": config.objective.beta, "trainer_cls": work_files.PREFERENCE_TRAINER}


def _kernel_plugins(arm: LoraArm | FullWeightArm) -> list[JsonValue]:
    experts: list[JsonValue] = [] if arm.expert_kernels == "none" else [KERNELS_PLUGIN]
    return experts + ([CROSS_ENTROPY_PLUGIN] if arm.cut_cross_entropy else [])


def _adapters(lora: LoraArm, fused: bool) -> Settings:
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


def _sharding(arm: FullWeightArm, decoder_layer: str) -> Settings:
    return {
        "fsdp_version": 2,
        # No activation_checkpointing here: accelerate 1.13 then wraps the parts of every layer and axolotl 0.19 the
        # layers, and each forward pass is run a third time. gradient_checkpointing wraps layers once, and FSDP2 knows
        # a recomputation from a forward pass, so that nothing is gathered twice.
        "fsdp_config": {
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "transformer_layer_cls_to_wrap": decoder_layer,
            "state_dict_type": "SHARDED_STATE_DICT",
            "reshard_after_forward": arm.reshard_after_forward,
            # Rank 0 alone reads the weights; the others hold none until they are sent their shards.
            "cpu_ram_efficient_loading": True,
            "offload_params": False,
        },
        "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": arm.sync_each_batch}},
    }


def _arm_kernels(arm: LoraArm | FullWeightArm) -> Settings:
    settings: Settings = {"cut_cross_entropy": True} if arm.cut_cross_entropy else {}
    if arm.expert_kernels != "none":
        # By default use_kernels is true, and transformers prefers kernels from the hub to those named here.
        settings |= {f"use_{arm.expert_kernels}": True, "use_kernels": False}
    return settings


def _batches(config: TrainConfig, n_steps: int) -> Settings:
    return {
        "sequence_len": config.sequence_length,
        **(_packing(config) if config.packing else {"sample_packing": False}),
        # Sequential: rows come in the corpus's order, which is already seeded, and the same for every arm.
        "curriculum_sampling": True,
        "micro_batch_size": config.micro_batch_size,
        "gradient_accumulation_steps": config.gradient_accumulation_steps,
        "num_epochs": 1,
        "max_steps": n_steps,
    }


def _packing(config: TrainConfig) -> Settings:
    if config.kernels == "plain":
        raise PackingLeaks(
            "packing = true with kernels = 'plain': without flash-linear-attention the DeltaNet's state leaks from one "
            "document into the next, and axolotl warns on a GPU only. Set kernels to fused, or packing to false."
        )
    return {
        # Rows are packed already. This key enables the varlen kernels; its sampler takes rows one after another if all
        # are full. The column `length` marks them as full; without it the sampler reads a row's last position.
        "sample_packing": True,
        "sample_packing_sequentially": True,
        "eval_sample_packing": True,
        # A micro-batch is its rows end to end, as the varlen kernels take one row only.
        "multipack_real_batches": False,
        "pad_to_sequence_len": False,
    }


def _optimization(config: TrainConfig) -> Settings:
    return {
        "optimizer": config.optimizer,
        "learning_rate": config.learning_rate,
        "embedding_lr": config.embedding_learning_rate,
        "lr_scheduler": config.scheduler,
        "warmup_ratio": config.warmup_ratio,
        "weight_decay": 0.0,
        # The library's defaults, written down so that another version of it trains alike.
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
        "max_grad_norm": 1.0,
    }


def _arithmetic(config: TrainConfig) -> Settings:
    bf16 = config.precision == "bf16"
    checkpointing = config.activation_checkpointing
    return {
        "bf16": bf16,
        "fp16": False,
        "tf32": bf16,
        "gradient_checkpointing": checkpointing,
        # Axolotl's default is the reentrant kind, which FSDP2's hooks do not support.
        **({"gradient_checkpointing_kwargs": {"use_reentrant": False}} if checkpointing else {}),
        "attn_implementation": "sdpa",
        "seed": config.seed,
    }
