"""Arithmetic per token, and how much of a GPU's it uses."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasks.costs.hardware import find_gpu
from tasks.train.estimates.sizes import Sizes, read_sizes, sizes_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig

ArmKind = Literal["lora", "full-weight"]
PASSES: dict[ArmKind, int] = {"lora": 4, "full-weight": 6}
"""Operations per active parameter and token: two in the forward pass, two for the gradient by the inputs, and two for
the gradient by the weights, which adapters spare the base."""


def flops_per_token(sizes: Sizes, arm_kind: ArmKind) -> int:
    """Floating-point operations one token of training wants.

    Left out, as is the custom: recomputation under checkpointing, attention's scores (3 % at 2,048 tokens on
    Qwen3.5-35B-A3B) and the adapters' own products (2 % at rank 16).
    """
    return PASSES[arm_kind] * sizes.n_active


def mfu(
    model: "Path | PretrainedConfig | Sizes",
    arm_kind: ArmKind,
    tokens_per_second: float,
    n_gpus: int,
    gpu_name: str | None,
) -> float | None:
    """Share of the GPUs' bf16 peak that training's own arithmetic used; None for a GPU whose peak is not known.

    Args:
        model: Folder with a config.json, or what is in it.
        arm_kind: Which arm.
        tokens_per_second: Over all GPUs.
        n_gpus: GPUs that trained.
        gpu_name: As `torch.cuda.get_device_name` says it.
    """
    gpu = find_gpu(gpu_name)
    if gpu is None or n_gpus < 1:
        return None
    sizes = model if isinstance(model, Sizes) else read_sizes(model) if isinstance(model, Path) else sizes_of(model)
    return tokens_per_second * flops_per_token(sizes, arm_kind) / (n_gpus * gpu.bf16_flops)
