"""The part of docs/scale.md about models larger than one machine, by preflight's own predictions."""

from dataclasses import replace

from transformers import LlamaConfig

from tasks.costs.hardware import GIB, H100
from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.estimates.memory import predict_memory, state_bytes
from tasks.train.estimates.sizes import Sizes, sizes_of
from tasks.train.estimates.step_time import predict_step_time
from tasks.train.pipeline.axolotl_yaml import axolotl_config

LLAMA_70B = {
    **{"vocab_size": 128_256, "hidden_size": 8_192, "intermediate_size": 28_672, "num_hidden_layers": 80},
    **{"num_attention_heads": 64, "num_key_value_heads": 8, "tie_word_embeddings": False},
}
"""Sizes of a dense 70 B: Llama 3's, by its config.json."""
NODE = 8
NETWORK_BYTES_PER_SECOND = 50e9
"""Of each GPU to other machines in one direction: 400 Gb/s, as in NVIDIA's DGX H100 data sheet."""
RANKS = (8, 16, 32, 64)
Row = tuple[str, ...]
HEAD = (
    "GPUs, machines", "master weights", "memory per GPU, GiB", "fits 78.1", "training state, GB", "a step, s", "binds"
)  # fmt: skip


def config_of(n_ranks: int, rounded: bool) -> TrainConfig:
    """The full-weight recipe's settings on so many GPUs, four rows of 2,048 tokens a pass."""
    arm = FullWeightArm(
        n_ranks=n_ranks, master_weights="stochastic_rounding" if rounded else "fp32", expert_kernels="none"
    )
    return TrainConfig(arm=arm, micro_batch_size=4, gradient_accumulation_steps=1)


def row_of(sizes: Sizes, n_ranks: int, rounded: bool) -> Row:
    """One layout."""
    config = config_of(n_ranks, rounded)
    settings = axolotl_config(config, n_steps=100)
    gpu = H100 if n_ranks <= NODE else replace(H100, link_bytes_per_second=NETWORK_BYTES_PER_SECOND)
    memory = predict_memory(sizes, config, settings)
    step = predict_step_time(sizes, config, settings, sizes.n_parameters, gpu)
    state = state_bytes(config, settings, sizes.n_parameters)
    return (
        f"{n_ranks}, {-(-n_ranks // NODE)}",
        "rounded at random" if rounded else "fp32",
        f"{memory.gib:.0f}",
        "yes" if memory.gib * GIB <= H100.usable_bytes else "no",
        f"{state / 1e9:,.0f}",
        f"{step.low:.1f} to {step.high:.1f}",
        step.binds,
    )


def rows() -> list[Row]:
    """A dense 70 B, every weight trained."""
    sizes = sizes_of(LlamaConfig(**LLAMA_70B))
    return [row_of(sizes, n_ranks, rounded) for rounded in (False, True) for n_ranks in RANKS]


if __name__ == "__main__":
    for row in rows():
        print(row)
