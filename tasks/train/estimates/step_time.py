"""Time of one optimizer step, predicted from arithmetic and bytes moved; nothing of it was measured.

Of a step with m forward passes per GPU of T tokens, n ranks, P parameters (V of embedding and head), b bytes a number,
A adapter parameters of g bytes a gradient:

| part | per GPU | at |
|---|---|---|
| arithmetic | m T x operations per token; a forward pass more where activations are recomputed | 40 % of peak |
| exchange between GPUs | m b (n - 1) / n x (3 (P - V) + 2 V): weights gathered, gradients scattered | 70 % of link |
| the same of LoRA | 2 g A (n - 1) / n: gradients averaged once a step | 70 % of link |
| GPU memory | m x weights read, gradients written; trained numbers once more by the optimizer | 80 % of peak |

FSDP2 overlaps the parts, never fully: a step takes between the longest of them and their sum. Experts that no token of
a pass is sent to are not read. Kernels' starts, attention's scores and the loss are left out. The shares are
assumptions: the reference's LoRA arm used 2 % of the peak.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from tasks.costs.hardware import Gpu
from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.memory import trained_numbers
from tasks.train.estimates.sizes import Sizes
from tasks.train.estimates.speed import PASSES

ARITHMETIC_SHARE = 0.4
LINK_SHARE = 0.7
MEMORY_SHARE = 0.8
FORWARD_OPERATIONS = 2
"""Per active parameter and token; once more where activations are recomputed."""


@dataclass(frozen=True)
class StepTime:
    """Seconds of one optimizer step by part.

    Args:
        parts: Seconds by what takes them.
    """

    parts: Mapping[str, float]

    @property
    def binds(self) -> str:
        """The longest part."""
        return max(self.parts, key=self.parts.__getitem__)

    @property
    def low(self) -> float:
        """All parts at the same time."""
        return max(self.parts.values())

    @property
    def high(self) -> float:
        """One after another."""
        return sum(self.parts.values())

    def __str__(self) -> str:
        each = ", ".join(f"{part} {seconds:.2f}" for part, seconds in self.parts.items() if seconds)
        return f"{self.low:.2f} to {self.high:.2f} s a step predicted, not measured ({each}): {self.binds} binds"


def predict_step_time(
    sizes: Sizes, config: TrainConfig, settings: Mapping[str, JsonValue], n_trainable: int, gpu: Gpu
) -> StepTime:
    """Predict the parts of a full step.

    Args:
        sizes: The base model's.
        config: The arm.
        settings: Axolotl's.
        n_trainable: Trained parameters; the model's for full weight.
        gpu: Of the pool's machine.
    """
    n_passes, b = config.gradient_accumulation_steps, 4 if config.precision == "fp32" else 2
    n_tokens = config.micro_batch_size * config.sequence_length
    operations = PASSES[config.arm.kind] + (FORWARD_OPERATIONS if config.activation_checkpointing else 0)
    moved = n_passes * _read(sizes, config, n_tokens, b) + _optimized(config, settings, n_trainable)
    return StepTime(
        {
            "arithmetic": n_passes * n_tokens * operations * sizes.n_active / (ARITHMETIC_SHARE * gpu.bf16_flops),
            "exchange between GPUs": _exchanged(sizes, config, settings, n_trainable)
            / (LINK_SHARE * gpu.link_bytes_per_second),
            "GPU memory": moved / (MEMORY_SHARE * gpu.memory_bytes_per_second),
        }
    )


def _exchanged(sizes: Sizes, config: TrainConfig, settings: Mapping[str, JsonValue], n_trainable: int) -> float:
    """Bytes a GPU receives in one step."""
    arm, b, n_passes = config.arm, 4 if config.precision == "fp32" else 2, config.gradient_accumulation_steps
    share = (arm.n_ranks - 1) / arm.n_ranks
    if not isinstance(arm, FullWeightArm):
        # A ring's all-reduce: sums are scattered, then gathered. Passes before the last of a step exchange nothing.
        return 2 * share * trained_numbers(config, settings).gradient * n_trainable
    layers = sizes.n_parameters - sizes.n_vocabulary
    n_times = 3 if arm.reshard_after_forward else 2
    # The root, with embedding and head, stays gathered between the two passes.
    return n_passes * b * share * (n_times * layers + 2 * sizes.n_vocabulary)


def _read(sizes: Sizes, config: TrainConfig, n_tokens: int, b: int) -> float:
    """Bytes of weights and gradients in one forward and backward pass."""
    routed = sizes.by_group.get("routed_experts", 0)
    reached = min(1.0, n_tokens * sizes.n_experts_per_token / sizes.n_experts)
    n_read = sizes.n_parameters - routed * (1 - reached)
    n_times = 3 if config.activation_checkpointing else 2
    return b * n_read * (n_times + (config.arm.kind == "full-weight"))


def _optimized(config: TrainConfig, settings: Mapping[str, JsonValue], n_trainable: int) -> float:
    """Bytes of weights and moments read and written, and of gradients read, by this rank's optimizer."""
    numbers = trained_numbers(config, settings)
    n_own = n_trainable / config.arm.n_ranks if isinstance(config.arm, FullWeightArm) else n_trainable
    return (2 * (numbers.weight + numbers.moments) + numbers.gradient) * n_own
