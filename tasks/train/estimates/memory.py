"""Memory and disk that an arm needs, predicted from sizes alone.

Of P parameters, A adapter parameters, n ranks, T tokens of a forward pass, b bytes of a number in the arithmetic:

| term | bytes | known how |
|---|---|---|
| weights, gradients, moments | full weight (w + g + m) P / n; LoRA b P + (w + g + m) A | exact |
| gathered layers | 3 b x the largest layer's parameters | estimated: two layers' weights, one's gradients |
| gathered vocabulary | b x embedding and head | exact: FSDP2's root keeps them through the step |
| logits | (b + 8) T x vocabulary, none with cut cross entropy | exact for PyTorch's own loss: b, and fp32 twice |
| reference's logits | 4 T x vocabulary, of preference pairs, whose T counts both answers | read in TRL, not measured |
| widened head | 2 b vocabulary x (hidden + rank), if cut cross entropy has an adapted head | exact: weight, gradient |
| layer inputs | b T x layers x hidden | exact |
| activations kept | 57.6 b/2 T x layers x hidden, without checkpointing | fitted: the reference's 51 GiB less its 42 |
| recomputed layer | the same of one layer, with checkpointing | as above |
| gradient buckets | g A on several ranks of adapters | read in DDP: copies that are exchanged |
| expert deltas | 6 b/2 x one layer's routed parameters, where PEFT materialises them | measured on a CPU: 4.3 to 5.9 |
| deltas kept | b x routed parameters, the same without checkpointing | exact: weight plus delta, saved for backward |
| unsharded gradients | b P, accumulating without sync_each_batch | exact |

Logits and what a layer's backward pass needs (deltas, its activations) never exist together: the larger counts.
Against the reference's peaks, read as GiB: LoRA 77 (74 measured, 8 bytes per adapter parameter), full weight in bf16
44 (42) and 53 (51) without checkpointing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue

from tasks.costs.hardware import GIB
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.sizes import Sizes

N_GATHERED_LAYERS = 3
ACTIVATIONS_PER_HIDDEN = 57.6
"""Bytes in bf16 per token, layer and unit of width that the backward pass needs. Of the reference's 9 GiB at 2,048
tokens, 40 layers and width 2,048; another share of experts per token will change it."""
DELTAS_PER_PARAMETER = 6
"""Bytes per routed parameter of one layer while PEFT adds its deltas, bf16: 5.9 with eager experts, 4.3 grouped."""
PROCESS_BYTES = 0.8e9
"""Of a trainer's process before it loads a model: 0.75 GB measured on a CPU."""
N_STATES = 3
"""On the training machine at once: the last two, and one being written."""
STORE_BYTES_PER_SECOND = 500e6
"""Stated, not measured: what a GPU machine sends to its store, and reads back from it."""
DISK_BYTES_PER_SECOND = 1e9
"""Stated, not measured: what a GPU machine reads from its own disk, and writes to it."""
START_SECONDS = 300
"""Stated, not measured: a trainer's imports, its processes' meeting, its kernels' compiling."""


class Numbers(NamedTuple):
    """Bytes per trained parameter."""

    weight: int
    gradient: int
    moments: int


@dataclass(frozen=True)
class Memory:
    """Peak memory of one GPU, or of one process on a CPU.

    Args:
        terms: Bytes by what they are for.
    """

    terms: Mapping[str, float]

    @property
    def gib(self) -> float:
        """All of it."""
        return sum(self.terms.values()) / GIB

    def __str__(self) -> str:
        parts = [f"{term} {size / GIB:.1f}" for term, size in self.terms.items() if size >= GIB / 20]
        return f"{self.gib:.1f} GiB ({', '.join(parts) or 'nothing above 0.05'})"


def trained_numbers(config: TrainConfig, settings: Mapping[str, JsonValue]) -> Numbers:
    """Bytes per trained parameter.

    Args:
        config: The arm.
        settings: Axolotl's, for its keys of optimizer and adapters.
    """
    arm = config.arm
    if isinstance(arm, FullWeightArm):
        wide = arm.master_weights == "fp32"
    else:
        # PEFT keeps adapters in fp32 above a bf16 base unless this key is false.
        wide = settings.get("peft_autocast_adapter_dtype") is not False
    weight = 4 if wide or config.precision == "fp32" else 2
    if "8bit" in str(settings.get("optimizer", config.optimizer)):
        return Numbers(weight, gradient=weight, moments=2)
    # With stochastic rounding the moments are in fp32, although the weights are not.
    rounded = isinstance(arm, FullWeightArm) and arm.master_weights == "stochastic_rounding"
    return Numbers(weight, gradient=weight, moments=8 if rounded else 2 * weight)


def predict_memory(
    sizes: Sizes, config: TrainConfig, settings: Mapping[str, JsonValue], n_trainable: int | None = None
) -> Memory:
    """Peak memory per GPU.

    Args:
        sizes: The base model's.
        config: The arm.
        settings: Axolotl's.
        n_trainable: Adapter parameters; not needed for full weight.
    """
    b = 4 if config.precision == "fp32" else 2
    n_tokens = tokens_of_a_pass(config)
    logits = 0 if settings.get("cut_cross_entropy") else _logits_per_token(config, b) * n_tokens * sizes.vocabulary
    activations = _activations(sizes, n_tokens, b)
    recomputed = activations / sizes.n_layers if config.activation_checkpointing else 0
    shared = {
        "layer inputs": b * n_tokens * sizes.n_layers * sizes.hidden,
        "activations": 0 if config.activation_checkpointing else activations,
    }
    numbers = trained_numbers(config, settings)
    per_parameter = sum(numbers)
    if isinstance(config.arm, FullWeightArm):
        terms = _sharded(sizes, config, config.arm, per_parameter, b) | _peak(logits, {"recomputed layer": recomputed})
    else:
        deltas, kept = _deltas(sizes, config, settings, b)
        terms = {"base": b * sizes.n_parameters, "adapters": per_parameter * (n_trainable or 0), "deltas kept": kept}
        terms |= {"gradient buckets": numbers.gradient * (n_trainable or 0) if config.arm.n_ranks > 1 else 0}
        terms |= _peak(logits, {"expert deltas": deltas, "recomputed layer": recomputed})
        terms |= {"widened head": _widened_head(sizes, config.arm, b)}
    return Memory({term: float(size) for term, size in (terms | shared).items()})


def tokens_of_a_pass(config: TrainConfig) -> int:
    """Most tokens of a forward pass; a preference pair is two rows, its prompt with each answer."""
    n_rows = config.micro_batch_size * (2 if config.objective.kind == "preference" else 1)
    return n_rows * config.sequence_length


def _logits_per_token(config: TrainConfig, b: int) -> int:
    """Bytes per token and entry of the vocabulary that a loss holds at once.

    The preference loss runs a second forward pass, adapters off and without gradients: its activations are freed layer
    by layer, its logits stay until the loss is computed, in fp32 as accelerate returns them.
    Source: `_compute_loss` in trl/trainer/dpo_trainer.py, TRL 1.9.0.
    """
    return b + 8 + (4 if config.objective.kind == "preference" else 0)


def _activations(sizes: Sizes, n_tokens: int, b: int) -> float:
    return ACTIVATIONS_PER_HIDDEN * b / 2 * n_tokens * sizes.n_layers * sizes.hidden


def _sharded(sizes: Sizes, config: TrainConfig, arm: FullWeightArm, per_parameter: int, b: int) -> dict[str, float]:
    unsynced = config.gradient_accumulation_steps > 1 and not arm.sync_each_batch
    return {
        "weights, gradients and moments": per_parameter * sizes.n_parameters / arm.n_ranks,
        "gathered layers": N_GATHERED_LAYERS * b * sizes.n_largest_layer,
        "gathered vocabulary": b * sizes.n_vocabulary,
        "unsharded gradients": b * sizes.n_parameters if unsynced else 0,
    }


def _peak(logits: float, in_layer: Mapping[str, float]) -> dict[str, float]:
    """The larger of what the loss takes and what one layer's backward pass takes; never both."""
    n_in_layer = sum(in_layer.values())
    return {"logits": logits} if logits >= n_in_layer else {"logits": 0.0, **in_layer}


def _deltas(sizes: Sizes, config: TrainConfig, settings: Mapping[str, JsonValue], b: int) -> tuple[float, float]:
    """(bytes of one layer's expert deltas, bytes of those kept for the backward pass)."""
    in_kernel = settings.get("use_scattermoe") or settings.get("use_sonicmoe")
    reached = isinstance(config.arm, LoraArm) and bool(config.arm.target_parameters)
    routed = 0 if in_kernel or not reached else sizes.n_routed_per_layer
    return DELTAS_PER_PARAMETER * b / 2 * routed, 0 if config.activation_checkpointing else b * routed * sizes.n_layers


def _widened_head(sizes: Sizes, lora: LoraArm, b: int) -> int:
    """As `tasks.train.trainer.adapted_head` makes it, and its gradient."""
    return 2 * b * sizes.vocabulary * (sizes.hidden + lora.rank) if lora.cuts_adapted_head else 0


def state_bytes(config: TrainConfig, settings: Mapping[str, JsonValue], n_trainable: int) -> int:
    """A training state: trained weights and moments; 12 bytes per parameter where both are fp32.

    Args:
        config: The arm.
        settings: Axolotl's.
        n_trainable: Trained parameters; the model's for full weight.
    """
    numbers = trained_numbers(config, settings)
    return (numbers.weight + numbers.moments) * n_trainable


def output_bytes(config: TrainConfig, settings: Mapping[str, JsonValue], n_trainable: int) -> int:
    """The checkpoint: adapters, or every weight, in the format they were trained in."""
    return trained_numbers(config, settings).weight * n_trainable


def loading_seconds(base_bytes: int) -> float:
    """Time from a trainer's start to its first step: the stated allowance, and the base read at the stated rate."""
    return START_SECONDS + base_bytes / DISK_BYTES_PER_SECOND


def keeping_seconds(n_bytes: int) -> float:
    """Time until a state counts: written to disk, sent to the store and read back, each at its stated rate."""
    return n_bytes / DISK_BYTES_PER_SECOND + 2 * n_bytes / STORE_BYTES_PER_SECOND
