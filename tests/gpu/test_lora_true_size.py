"""LoRA at Qwen3.5-35B-A3B's sizes on one GPU of 80 GB, random weights; at small size on any machine.

The large one has not run yet: this project's machines had no GPU. Its figures go into docs/benchmarks.md once it has.
"""

import math
from pathlib import Path
from typing import Any

import pytest

from tasks.train.estimates.sizes import sizes_of
from tasks.train.estimates.speed import mfu
from tests.architectures import QWEN_35B
from tests.gpu.figures import needs_gpu, run_in_trainer, save_figures
from tests.gpu.lora_steps import lora_steps
from tests.gpu.random_model import SMALL_SIZE, architecture

GPU_GIB = 80
"""What an H100 holds, by its name; the reference's run took 74."""


def starts_at_chance_and_stays_finite(figures: dict[str, Any], sizes: dict[str, int]) -> None:
    # Weights of spread 0.02 say next to nothing: the loss is that of a guess among all tokens.
    assert figures["losses"][0] == pytest.approx(math.log(sizes["vocab_size"]), rel=0.1)
    assert all(map(math.isfinite, figures["losses"]))


def test_the_same_steps_run_at_small_size_without_a_gpu() -> None:
    figures = lora_steps(SMALL_SIZE, device="cpu", n_steps=2, n_passes=2, sequence_length=32)
    starts_at_chance_and_stays_finite(figures, SMALL_SIZE)
    assert figures["tokens_per_second"] > 0
    assert mfu(sizes_of(architecture(SMALL_SIZE)), "lora", figures["tokens_per_second"], 1, figures["device"]) is None


@needs_gpu
@pytest.mark.slow
def test_the_lora_arm_fits_and_trains_at_true_size(tmp_path: Path) -> None:
    arguments = {"device": "cuda", "n_steps": 4, "n_passes": 8, "sequence_length": 2_048}
    figures = run_in_trainer("tests.gpu.lora_steps", {"sizes": QWEN_35B, **arguments}, tmp_path)
    rate, name = figures["tokens_per_second"], figures["device"]
    share = mfu(sizes_of(architecture(QWEN_35B)), "lora", rate, 1, name)
    save_figures("lora-true-size", figures | arguments | {"mfu": share})
    starts_at_chance_and_stays_finite(figures, QWEN_35B)
    assert (figures["n_parameters"], figures["n_trainable"]) == (34_660_610_688, 949_927_936)
    assert figures["peak_memory_gib"] < GPU_GIB
