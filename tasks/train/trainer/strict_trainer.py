"""Axolotl's trainers with transformers' three loading methods replaced by strict ones.

Transformers' own skip missing and unknown weights: routed experts kept their first values with a warning (transformers
#48805). Skipping rows already trained on, the counters and the order of loading stay transformers'.
"""

from pathlib import Path
from typing import Any

import torch
from axolotl.core.trainers.base import AxolotlTrainer

from tasks.train.trainer import work_files
from tasks.train.trainer.adapter_state import (
    load_optimizer,
    load_scheduler,
    load_weights,
    save_optimizer,
    save_scheduler,
    save_weights,
)
from tasks.train.trainer.rng import restore_rng
from tasks.train.trainer.update_audit import Sample


class StrictLoading:
    """Resumes from a training state exactly, or not at all; as a base class it precedes transformers' trainer."""

    # The trainer's own.
    model: torch.nn.Module
    args: Any
    state: Any
    lr_scheduler: Any
    is_fsdp_enabled: bool

    sample: Sample | None = None
    """Weights from before the first step; a resumed run draws the same first weights."""

    def take_sample(self) -> None:
        """Sample the weights, unless there is a sample."""
        if self.sample is None:
            goes_on = Path(work_files.START).exists()
            self.sample = Sample.take(self.model.named_parameters(), self.args.seed, goes_on)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        # Sharded weights are loaded with their moments, once there is an optimizer.
        if not self.is_fsdp_enabled:
            self.take_sample()
            load_weights(self.model, Path(resume_from_checkpoint))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        folder = Path(checkpoint)
        if self.is_fsdp_enabled:
            from tasks.train.trainer.sharded_state import load_sharded

            self.take_sample()
            load_sharded(self.model, inner_optimizer(self), folder)
        else:
            load_optimizer(self.model, inner_optimizer(self), folder)
        load_scheduler(self.lr_scheduler, folder, self.state.global_step)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        # Called when the first batch is drawn, right before the first step: nothing random happens in between.
        if checkpoint is not None:
            restore_rng(Path(checkpoint), self.args.process_index)

    def save_training_state(self, folder: Path) -> None:
        """Write weights, moments and schedule; every rank calls this."""
        if self.is_fsdp_enabled:
            from tasks.train.trainer.sharded_state import save_sharded

            save_sharded(self.model, inner_optimizer(self), folder)
        elif self.args.process_index == 0:
            # Every rank has the same adapters and moments.
            save_weights(self.model, folder)
            save_optimizer(self.model, inner_optimizer(self), folder)
        if self.args.process_index == 0:
            save_scheduler(self.lr_scheduler, folder)


class StrictTrainer(StrictLoading, AxolotlTrainer):  # type: ignore[misc]
    """Predicts every token that has a label."""


def inner_optimizer(trainer: Any) -> torch.optim.Optimizer:
    """The optimizer without accelerate's wrapper."""
    inner: torch.optim.Optimizer = getattr(trainer.optimizer, "optimizer", trainer.optimizer)
    return inner
