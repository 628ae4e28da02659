"""The parts in the order of what they decide, with their limits; the next call runs what ten minutes did not fit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part.

    Args:
        name: In the record and on the page.
        function: Of a size and an empty folder, as `module:function`; imported in the part's own process.
        seconds: Most that its process may take.
        runs: What it runs, in a few words.
        decides: What is done by its figures.
    """

    name: str
    function: str
    seconds: float
    runs: str
    decides: str


PARTS = (
    Part(
        "environment",
        "tasks.gpu_trial.environment:environment",
        40,
        "driver, torch, versions; imports what the recipe's kernels come from",
        "whether the image fits the machine; all else depends on it",
    ),
    Part(
        "patches",
        "tasks.gpu_trial.patches:patches",
        60,
        "axolotl loads the LoRA recipe's YAML; the package of each class's forward pass",
        "whether the recipe trains what it says: a patch that is not in the model changes nothing and says nothing",
    ),
    Part(
        "lora-step",
        "tasks.gpu_trial.lora_step:lora_step",
        180,
        "the recipe's trainer at Qwen3.5-35B-A3B's sizes, random weights: tokens per second, MFU, peak memory",
        "hours and dollars of the LoRA arm, and whether it fits on 80 GB: both are predicted so far",
    ),
    Part(
        "packing",
        "tasks.gpu_trial.packing:packing",
        60,
        "packed and padded rows against their documents alone, with flash-linear-attention's varlen kernels",
        "packing: true or false, in every recipe",
    ),
    Part(
        "embedding",
        "tasks.gpu_trial.embedding:embedding",
        90,
        "30,000 sentences at true size, or as many as a minute takes",
        "embed.tokens_per_batch, and whether flash-linear-attention belongs into the pipeline's environment",
    ),
    Part(
        "premium",
        "tasks.gpu_trial.premium:premium",
        40,
        "stock draws and weighted splits on CUDA and by BLAS, up to 2,053 columns",
        "whether premium may run on a GPU pool",
    ),
    Part(
        "resume",
        "tasks.gpu_trial.resume:resume",
        80,
        "a training with fused kernels and 8-bit moments, resumed from a state",
        "what a retry promises on a GPU: the same bits, or a training like it",
    ),
    Part(
        "merge",
        "tasks.gpu_trial.merge:merge",
        40,
        "merges an adapter and compares logits on the GPU",
        "whether the merge's check may run on a GPU pool",
    ),
    Part(
        "plain-lora-step",
        "tasks.gpu_trial.lora_step:plain_lora_step",
        90,
        "the LoRA step by PEFT and transformers alone",
        "what the recipe's kernels gain; the figures to go by where axolotl fails",
    ),
)
TRIAL_SECONDS = 600.0
