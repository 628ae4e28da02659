"""Axolotl's plugin: supplies the rows, writes metrics and training states, resumes from a state exactly."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from axolotl.common.datasets import TrainDatasetMeta
from axolotl.integrations.base import BasePlugin
from datasets import Dataset
from transformers import TrainerCallback, set_seed

from tasks.train.errors import StateRefused
from tasks.train.trainer import token_mean, work_files
from tasks.train.trainer.callbacks import RESUME, Auditor, MetricsWriter, StateKeeper
from tasks.train.trainer.in_job_merge import prevent_merge
from tasks.train.trainer.master_weights import keep_masters
from tasks.train.trainer.ranks import rank, world_size
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.state_files import StateInfo as Told

PACKAGES = ("axolotl", "torch", "transformers", "peft")


class HindsightPlugin(BasePlugin):  # type: ignore[misc]
    """Axolotl's hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings.read()
        self.dataset = ""
        self.is_saved = False

    def load_datasets(self, cfg: Any, preprocess: bool = False) -> TrainDatasetMeta:
        """Map the rows into memory, instead of axolotl's own loading."""
        with Path(work_files.BLOCKS).open("rb") as file:
            self.dataset = hashlib.file_digest(file, "sha256").hexdigest()
        if rank() == 0:
            _write_versions()
        return TrainDatasetMeta(Dataset.from_file(work_files.BLOCKS), None, cfg.max_steps)

    def pre_lora_load(self, cfg: Any, model: Any) -> None:
        """Seed the adapters' first weights; axolotl seeds only after they are drawn, when the trainer exists."""
        set_seed(cfg.seed)

    def get_trainer_cls(self, cfg: Any) -> type:
        """Axolotl's trainer, with strict loading."""
        from tasks.train.trainer.strict_trainer import StrictTrainer

        return StrictTrainer

    def get_training_args(self, cfg: Any) -> dict[str, Any]:
        """Count the tokens of the batches trained on, and show a NaN instead of averaging it away."""
        padded = "attention_mask" in Dataset.from_file(work_files.BLOCKS).column_names
        counting = {"include_num_input_tokens_seen": "non_padding" if padded else "all"}
        return counting | token_mean.TRAINING_ARGS | {"logging_nan_inf_filter": False}

    def post_model_load(self, cfg: Any, model: Any) -> None:
        """Set the format in which every weight is sharded and updated."""
        if self.settings.arm == "full-weight":
            keep_masters(model, self.settings.masters)

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        """Set what axolotl has no key for, and resume from the training state if the pipeline has linked one.

        Raises:
            StateRefused: If it is the state of another run.
        """
        token_mean.mean_over_tokens(trainer)
        if self.settings.masters == "stochastic_rounding":
            from tasks.train.trainer.stochastic_rounding import round_at_random

            round_at_random(trainer)
        if RESUME.exists():
            self._refuse_another_runs(Told.read(RESUME))
            cfg.resume_from_checkpoint = str(RESUME)

    def add_callbacks_post_trainer(self, cfg: Any, trainer: Any) -> list[TrainerCallback]:
        """Metrics, audit and states by step, in this order: a state holds the metrics of its own step."""
        settings = self.settings
        return [MetricsWriter(settings), Auditor(trainer, settings), StateKeeper(trainer, settings, self.dataset)]

    def post_train(self, cfg: Any, model: Any) -> None:
        """Save sharded weights once: axolotl calls this before and after its own saving."""
        if self.settings.arm == "full-weight" and not self.is_saved:
            from tasks.train.trainer.sharded.checkpoint import save_final

            save_final(model, Path(work_files.OUTPUT))
            prevent_merge(Path(work_files.OUTPUT))
        self.is_saved = True

    def _refuse_another_runs(self, told: Told) -> None:
        ours = Told(told.step, told.tokens_seen, self.settings.n_steps, world_size(), self.dataset)
        for field in ("n_steps", "world_size", "dataset"):
            found, expected = getattr(told, field), getattr(ours, field)
            if found != expected:
                raise StateRefused(
                    f"the training state has {field}={found}, this run has {expected}; nothing is loaded."
                )


def _write_versions() -> None:
    versions = {name: version(name) for name in PACKAGES}
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    Path(work_files.VERSIONS).write_text(json.dumps(versions | gpu))
