"""Arithmetic per token, the share of a GPU's peak it uses, and the hours of a training at rates measured elsewhere."""

from dataclasses import dataclass

from tasks.costs.hardware import find_gpu
from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import Sizes
from tasks.train.trainer.settings import ArmKind

PASSES: dict[ArmKind, int] = {"lora": 4, "full-weight": 6}
"""Operations per active parameter and token: two in the forward pass, two for the gradient by the inputs, and two for
the gradient by the weights, which is not computed for a base under adapters."""
WITH_REFERENCE = 1.5
"""Preference training runs the reference, the model without its adapters, forward once more: 6 operations, not 4."""
REFERENCE_ACTIVE = 2_946_429_568
"""Active parameters of Qwen3.5-35B-A3B, on which the rates were measured."""
TOKENS_PER_SECOND_PER_GPU: dict[ArmKind, tuple[float, float]] = {
    # The reference: 62,504,960 tokens in 23 h 23 min on one H100. No faster run of this kind is known.
    "lora": (742.5, 742.5),
    # The reference, 18 h 36 min for 924.5 M tokens; and transformers 5's expert kernels on Qwen3-30B-A3B.
    "full-weight": (1_726.0, 3_075.0),
}
"""Slowest and fastest rate known per H100. Source: the reference's two write-ups, 2026-05, and published runs."""


def flops_per_token(sizes: Sizes, arm_kind: ArmKind) -> int:
    """Floating-point operations of training on one token.

    By convention this leaves out recomputation under checkpointing, attention's scores (3 % at 2,048 tokens on
    Qwen3.5-35B-A3B) and the adapters' own products (2 % at rank 16).
    """
    return PASSES[arm_kind] * sizes.n_active


def mfu(sizes: Sizes, arm_kind: ArmKind, tokens_per_second: float, n_gpus: int, gpu_name: str | None) -> float | None:
    """Share of the GPUs' bf16 peak that training's own arithmetic used; None for a GPU whose peak is not known.

    Args:
        sizes: The base model's.
        arm_kind: Which arm.
        tokens_per_second: Over all GPUs.
        n_gpus: GPUs that trained.
        gpu_name: As `torch.cuda.get_device_name` gives it.
    """
    gpu = find_gpu(gpu_name)
    if gpu is None or n_gpus < 1:
        return None
    return tokens_per_second * flops_per_token(sizes, arm_kind) / (n_gpus * gpu.bf16_flops)


@dataclass(frozen=True)
class Span:
    """From the fastest to the slowest rate known.

    Args:
        low: Hours at the fastest rate.
        high: Hours at the slowest, the reference's.
    """

    low: float
    high: float

    def times(self, factor: float) -> "Span":
        """Both ends multiplied."""
        return Span(self.low * factor, self.high * factor)

    def plus(self, other: "Span") -> "Span":
        """Both ends added."""
        return Span(self.low + other.low, self.high + other.high)

    def __str__(self) -> str:
        """As in `11.3 to 20.1`, or one figure where both ends are the same."""
        low, high = (f"{hours:,.0f}" if hours >= 100 else f"{hours:.3g}" for hours in (self.low, self.high))
        return high if low == high else f"{low} to {high}"


def training_hours(sizes: Sizes, config: TrainConfig, n_rows: int, n_tokens: int | None = None) -> Span | None:
    """Hours of training on H100, without loading and checkpoints; None for a run on a CPU.

    The rates are those of full rows. Unpacked rows may be short, and gathering weights and starting kernels takes as
    long for a short row: the slow end counts every row as full, the fast end counts tokens alone. Other models are
    assumed to use the same share of the GPU as the one measured.

    Args:
        sizes: The base model's.
        config: The arm.
        n_rows: Training rows, filler rows among them. A preference pair is two rows.
        n_tokens: Of all rows; token_budget if left out.
    """
    if config.kernels == "plain":
        return None
    slow, fast = TOKENS_PER_SECOND_PER_GPU[config.arm.kind]
    hours_per_rate = sizes.n_active / REFERENCE_ACTIVE / config.arm.n_ranks / 3_600
    if config.objective.kind == "preference":
        hours_per_rate *= WITH_REFERENCE
    n_tokens = config.token_budget if n_tokens is None else n_tokens
    return Span(hours_per_rate * n_tokens / fast, hours_per_rate * n_rows * config.sequence_length / slow)
