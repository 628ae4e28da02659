"""A run's parts, put together: model, optimizer, schedule, rows, and the weights' sample from before the first step."""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch.distributed as dist
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import PreTrainedModel, set_seed

from tasks.train.errors import StateRefused
from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.rng import restore_rng
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.sharded.checkpoint import load_sharded
from tasks.train.trainer.sharded.data import Rows
from tasks.train.trainer.sharded.errors import SettingsRefused
from tasks.train.trainer.sharded.keys import Keys
from tasks.train.trainer.sharded.model import sharded_model
from tasks.train.trainer.sharded.optimizer import build_optimizer, build_scheduler
from tasks.train.trainer.state_files import StateInfo as Told
from tasks.train.trainer.update_audit import Sample

PACKAGES = ("torch", "transformers")


@dataclass
class Run:
    """What a step needs.

    Args:
        keys: From axolotl.yaml.
        settings: From settings.json.
        rank: This process among the ranks.
        n_ranks: Ranks.
        rows: Training rows.
        dataset: sha256 of the rows' file.
        model: Sharded.
        optimizer: Over all of its parameters.
        scheduler: Of the learning rates.
        sample: The base's values.
        step: Optimizer steps done.
        tokens_seen: Tokens of those.
    """

    keys: Keys
    settings: Settings
    rank: int
    n_ranks: int
    rows: Rows
    dataset: str
    model: PreTrainedModel
    optimizer: Optimizer
    scheduler: LRScheduler
    sample: Sample
    step: int = 0
    tokens_seen: int = 0


def assemble(folder: Path) -> Run:
    """Put a run together in the folder it is started in, from its beginning or from the state in `resume`.

    Args:
        folder: The workplace.

    Raises:
        TrainError: If something is not as it should be.
    """
    keys, settings = Keys.read(folder), Settings.read(folder)
    rows = _rows(keys, settings, folder / workplace.BLOCKS)
    # Each rank rounds by dice of its own.
    set_seed((keys.seed + dist.get_rank()) % 2**32)
    model = sharded_model(keys, settings)
    optimizer = build_optimizer(model, keys, settings.masters)
    run = Run(
        keys=keys,
        settings=settings,
        rank=dist.get_rank(),
        n_ranks=dist.get_world_size(),
        rows=rows,
        dataset=_sha256(folder / workplace.BLOCKS),
        model=model,
        optimizer=optimizer,
        scheduler=build_scheduler(optimizer, keys),
        sample=Sample.take(model.named_parameters(), keys.seed),
    )
    if (folder / workplace.RESUME).exists():
        _resume(run, folder / workplace.RESUME)
    return run


def write_versions(path: Path) -> None:
    """Versions of what computes here."""
    path.write_text(json.dumps({name: version(name) for name in PACKAGES}))


def _rows(keys: Keys, settings: Settings, path: Path) -> Rows:
    if keys.max_steps != settings.n_steps or settings.arm != "full-weight":
        raise SettingsRefused(
            f"settings.json says {settings.arm} and {settings.n_steps} steps, {workplace.YAML} {keys.max_steps}; the "
            "sharded trainer runs full-weight arms of one number of steps."
        )
    n_passes = keys.gradient_accumulation_steps
    rows = Rows(path, keys.micro_batch_size, n_passes, dist.get_world_size(), settings.n_filler_rows)
    rows.refuse_other_length(keys.max_steps)
    return rows


def _resume(run: Run, state: Path) -> None:
    told = Told.read(state)
    refuse_another_runs(told, run.settings.n_steps, run.n_ranks, run.dataset)
    load_sharded(run.model, run.optimizer, state)
    run.scheduler = build_scheduler(run.optimizer, run.keys, told.step)
    run.step, run.tokens_seen = told.step, told.tokens_seen
    # Last, for building moments takes a step of the optimizer, which rolls dice.
    restore_rng(state, run.rank)


def refuse_another_runs(told: Told, n_steps: int, n_ranks: int, dataset: str) -> None:
    """See that a state is one of this run.

    Args:
        told: Of the state.
        n_steps: Steps of this run.
        n_ranks: Ranks of this run. Its weights would load on any number, but another one deals rows into other steps.
        dataset: sha256 of this run's rows.

    Raises:
        StateRefused: If it is another's.
    """
    if told != Told(told.step, told.tokens_seen, n_steps, n_ranks, dataset) or not 0 < told.step < n_steps:
        raise StateRefused(
            f"the state of step {told.step} is of {told.n_steps} steps on {told.world_size} ranks over rows "
            f"{told.dataset[:12]}, this run of {n_steps} steps on {n_ranks} over {dataset[:12]}. Remove the state to "
            "start anew."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
