"""Parts `lora-step` and `plain-lora-step`: speed and memory of the LoRA arm at true size, on random weights."""

import math
import sys
from pathlib import Path
from typing import Any

from tasks.base.config import TinySource
from tasks.base.tiny import tiny_config
from tasks.costs.hardware import GIB
from tasks.forward.load import device_type
from tasks.gpu_trial.ask import ask
from tasks.gpu_trial.inside.random_model import architecture
from tasks.gpu_trial.schema import Findings, Size, limit_of
from tasks.gpu_trial.sizes import QWEN_35B, SIZES, write_architecture
from tasks.gpu_trial.training import RANDOM_TRAINER, gpu_name, prepare, step_config, train
from tasks.schemas.artifacts import Check
from tasks.train.arms import LoraArm
from tasks.train.config import TrainConfig
from tasks.train.errors import TrainerMissing, TrainingFailed
from tasks.train.estimates.memory import predict_memory
from tasks.train.estimates.sizes import Sizes, read_sizes, sizes_of
from tasks.train.estimates.speed import mfu
from tasks.train.estimates.targets import coverage_of, measure_coverage
from tasks.train.pipeline.axolotl_yaml import axolotl_config

N_STEPS: dict[Size, int] = {"small": 3, "full": 8}
TRAINING_SECONDS = 150
"""Of the trainer, its imports included; steps done until then are measured."""
PREDICTED_WITHIN = 0.1
"""Largest part by which the measured peak may differ from preflight's prediction."""
MIN_MFU = 0.03
"""The reference's run: 742.5 tokens per second on an H100."""


def lora_step(size: Size, work: Path) -> Findings:
    """Train adapters by the recipe's own settings and trainer; the first step, in which kernels compile, is not timed.

    Raises:
        TrainingFailed: If fewer than two steps were finished.
    """
    base, device = work / "base", device_type()
    base.mkdir()
    write_architecture(architecture(QWEN_35B) if size == "full" else tiny_config(TinySource()), base)
    config = step_config(size, device, N_STEPS[size])
    rows = prepare(config, base, work / "training", random_weights=True)
    metrics, problem = train(config, work / "training", rows.n_steps, limit_of(size, TRAINING_SECONDS), RANDOM_TRAINER)
    if len(metrics) < 2:
        raise TrainingFailed(problem or "the trainer ended well before its second step")
    first, last = metrics[0], metrics[-1]
    measured = {
        "losses": [line["loss"] for line in metrics],
        "tokens_per_second": (last["tokens_seen"] - first["tokens_seen"]) / (last["seconds"] - first["seconds"]),
        "first_step_seconds": first["seconds"],
        "peak_memory_gib": max(line["peak_memory_bytes"] for line in metrics) / GIB,
        "ended_early": problem,
    }
    sizes, coverage = read_sizes(base), measure_coverage(base, _lora(config))
    return _findings(measured, sizes, config, coverage.n_trainable, gpu_name(work / "training"))


def plain_lora_step(size: Size, work: Path) -> Findings:
    """The same step by PEFT and transformers alone: what the recipe's kernels gain, and figures where axolotl fails."""
    device = device_type()
    sequence_length, n_passes = (2_048, 4) if size == "full" else (32, 2)
    arguments: dict[str, Any] = {"sizes": SIZES[size], "device": device, "n_steps": 3, "n_passes": n_passes}
    arguments |= {"sequence_length": sequence_length}
    try:
        measured = ask("lora_steps", arguments, work, device)
    except TrainerMissing as missing:
        from tasks.gpu_trial.inside.lora_steps import lora_steps

        measured = lora_steps(**arguments) | {"interpreter": f"{sys.executable}, because {missing}"}
    config = TrainConfig(sequence_length=sequence_length, precision="bf16" if device == "cuda" else "fp32")
    sizes = sizes_of(architecture(SIZES[size]))
    return _findings(
        measured, sizes, config, coverage_of(architecture(SIZES[size]), LoraArm()).n_trainable, measured["device"]
    )


def _lora(config: TrainConfig) -> LoraArm:
    assert isinstance(config.arm, LoraArm)  # noqa: S101
    return config.arm


def _findings(
    measured: dict[str, Any], sizes: Sizes, config: TrainConfig, n_trainable: int, gpu: str | None
) -> Findings:
    """Figures with the prediction beside them. On a CPU only the loss has a bound."""
    plain = {"peft_autocast_adapter_dtype": False} if "n_trainable" in measured else {}
    predicted = predict_memory(sizes, config, axolotl_config(config, N_STEPS["full"]) | plain, n_trainable)
    share = mfu(sizes, "lora", measured["tokens_per_second"], 1, gpu)
    figures = measured | {
        "predicted_memory_gib": predicted.gib,
        "predicted_memory": str(predicted),
        "mfu": share,
        "n_trainable": n_trainable,
        "n_parameters": sizes.n_parameters,
    }
    checks = [_loss(measured["losses"], sizes)]
    if gpu and gpu != "cpu":
        checks += [_memory(measured["peak_memory_gib"], predicted.gib), _speed(share)]
    return Findings(figures=figures, checks=tuple(checks))


def _loss(losses: list[float], sizes: Sizes) -> Check:
    # Weights of spread 0.02 say next to nothing: the loss is that of a guess among all tokens.
    chance = math.log(sizes.vocabulary)
    return Check(
        name="first loss",
        passed=abs(losses[0] / chance - 1) <= 0.1 and all(map(math.isfinite, losses)),
        value=f"{losses[0]:.3f}, then {losses[-1]:.3f}",
        bound=f"{chance:.3f} within 10 %, that of a guess; all finite",
        way_out="The loss is not that of the labels, or the kernels compute something else: see the part packing.",
    )


def _memory(peak: float, predicted: float) -> Check:
    return Check(
        name="peak memory",
        passed=abs(peak / predicted - 1) <= PREDICTED_WITHIN,
        value=f"{peak:.1f} GiB",
        bound=f"{predicted:.1f} GiB within {PREDICTED_WITHIN:.0%}, as preflight predicts",
        way_out="Correct the terms in tasks/train/estimates/memory.py before a recipe near the limit is started.",
    )


def _speed(share: float | None) -> Check:
    return Check(
        name="MFU",
        passed=share is not None and share >= MIN_MFU,
        value="unknown: this GPU's peak is not in tasks/costs/hardware.py" if share is None else f"{share:.1%}",
        bound=f"at least {MIN_MFU:.0%}, the reference's",
        way_out="Hours and dollars are predicted from the reference's rate: put the measured one into "
        "tasks/train/estimates/speed.py, and look for the kernel that is missing.",
    )
