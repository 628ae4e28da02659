"""The trainings of a trial: the recipe's own settings on a GPU, plain ones on a CPU; and their work directory.

Rows are of random ids, so that no corpus is needed; they are packed and cut as a corpus's are.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tasks.gpu_trial.schema import Size
from tasks.recipe import load_recipe, recipe_file
from tasks.train.config import TrainConfig
from tasks.train.errors import TrainingFailed
from tasks.train.pipeline.axolotl_yaml import axolotl_config
from tasks.train.pipeline.launch import TRAINER, run_trainer
from tasks.train.pipeline.monitor import Monitor, TimeLimits
from tasks.train.pipeline.outputs import read_metrics
from tasks.train.pipeline.rows import Rows, write_rows
from tasks.train.pipeline.rules import check_config
from tasks.train.trainer import work_files
from tasks.train.trainer.settings import Settings

RECIPE = "fineweb-2017-26-lora"
"""Whose settings are tried."""
RANDOM_TRAINER = "tasks.gpu_trial.inside.random_trainer"
TOKENS_PER_DOCUMENT = 671
"""FineWeb's mean."""
PLAIN = TrainConfig(precision="fp32", kernels="plain", activation_checkpointing=False, optimizer="adamw_torch")


def recipe_config() -> TrainConfig:
    """The recipe's training."""
    return load_recipe(recipe_file(RECIPE)).train


def sized(config: TrainConfig, n_steps: int, n_passes: int, sequence_length: int) -> TrainConfig:
    """A training of so many whole steps.

    Args:
        config: Its other settings.
        n_steps: Optimizer steps.
        n_passes: Forward passes of a step, of one row each.
        sequence_length: Tokens of a row.
    """
    size = {"micro_batch_size": 1, "gradient_accumulation_steps": n_passes, "sequence_length": sequence_length}
    return config.model_copy(update={**size, "token_budget": n_steps * n_passes * sequence_length})


def step_config(size: Size, device: str, n_steps: int) -> TrainConfig:
    """Of parts that take optimizer steps: rows of 2,048 tokens, or of 64."""
    config = recipe_config() if device == "cuda" else PLAIN
    return sized(config, n_steps, 4, 2_048) if size == "full" else sized(config, n_steps, 1, 64)


def prepare(
    config: TrainConfig, base: Path, work: Path, *, keeps_states: bool = False, random_weights: bool = False
) -> Rows:
    """Write all that the trainer reads at a first start.

    Args:
        config: The training.
        base: A ModelFolder of at least 248,077 tokens.
        work: The work directory.
        keeps_states: Write a training state after each step, as long as there are fewer than two.
        random_weights: The base has no weights; for `RANDOM_TRAINER`.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / work_files.BASE).symlink_to(base.absolute(), target_is_directory=True)
    ids = np.random.default_rng(0).integers(0, 248_000, config.token_budget + 2 * TOKENS_PER_DOCUMENT, dtype=np.uint32)
    rows = write_rows(
        np.split(ids, range(TOKENS_PER_DOCUMENT, len(ids), TOKENS_PER_DOCUMENT)), config, work / work_files.BLOCKS
    )
    settings = axolotl_config(config, rows.n_steps) | ({"reinit_weights": True} if random_weights else {})
    (work / work_files.YAML).write_text(yaml.safe_dump(settings, sort_keys=False))
    Settings(
        objective="text",
        arm=config.arm.kind,
        master_weights=config.arm.master_weights if config.arm.kind == "full-weight" else "none",
        n_steps=rows.n_steps,
        n_filler_rows=rows.n_filler_rows,
        n_filler_tokens=rows.n_filler_tokens,
        checkpoint_seconds=0 if keeps_states else math.inf,
        audit_after_steps=config.audit_after_steps,
        min_share_changed=0.0,
    ).write(work)
    return rows


def train(
    config: TrainConfig, work: Path, n_steps: int, seconds: float, module: str = TRAINER
) -> tuple[list[dict[str, Any]], str]:
    """Run the trainer in a prepared work directory.

    Returns:
        The metrics of the steps it finished, and why it ended early; empty if it did not.

    Raises:
        Refused: If the settings break a rule, such as a package that is missing.
    """
    check_config(config)
    monitor = Monitor(work / work_files.METRICS, n_steps, TimeLimits(seconds, seconds))
    try:
        run_trainer(work, config, monitor, module)
        problem = ""
    except TrainingFailed as error:
        problem = str(error)
    metrics = work / work_files.METRICS
    return read_metrics(metrics) if metrics.exists() else [], problem


def gpu_name(work: Path) -> str | None:
    """The trainer's GPU, by its own versions.json."""
    versions = work / work_files.VERSIONS
    return json.loads(versions.read_text()).get("gpu") if versions.exists() else None
