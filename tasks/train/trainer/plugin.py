"""Axolotl's plugin: supplies the rows, writes metrics and training states, resumes from a state exactly."""

import gc
import hashlib
import json
import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from axolotl.common.datasets import TrainDatasetMeta
from axolotl.integrations.base import BasePlugin
from datasets import Dataset
from transformers import AutoConfig, TrainerCallback, set_seed

from tasks.train.trainer import cpu_fsdp, preference, token_mean, work_files
from tasks.train.trainer.adapted_head import adapt_head
from tasks.train.trainer.callbacks import RESUME, Auditor, MetricsWriter, StateKeeper
from tasks.train.trainer.in_job_merge import prevent_merge
from tasks.train.trainer.master_weights import set_master_weights
from tasks.train.trainer.model_modules import alias_modules
from tasks.train.trainer.patch_checks import check_patches
from tasks.train.trainer.ranks import rank, world_size
from tasks.train.trainer.rng import seed_rank
from tasks.train.trainer.run_checks import check_n_steps, check_rows, check_state
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.start_adapter import load_start
from tasks.train.trainer.state_files import StateInfo
from tasks.train.trainer.whole_base import reject_partial_loads

START = Path(work_files.START)
PACKAGES = ("axolotl", "torch", "transformers", "peft")
KERNEL_PACKAGES = ("cut-cross-entropy", "flash-linear-attention", "nvidia-cutlass-dsl", "apache-tvm-ffi")
"""Recorded where they are installed."""


class HindsightPlugin(BasePlugin):  # type: ignore[misc]
    """Axolotl's hooks."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings.read()
        self.dataset = ""
        self.is_saved = False
        self.is_on_cpu_ranks = os.environ.get(work_files.PLAIN_KERNELS) == "1" and cpu_fsdp.is_one_of_several_ranks()
        if self.is_on_cpu_ranks:
            cpu_fsdp.enable()

    def register(self, cfg: Any) -> None:
        """Let axolotl find the classes of the base, which it looks for before `pre_model_load`."""
        alias_modules(AutoConfig.from_pretrained(cfg["base_model"], trust_remote_code=False).model_type)

    def load_datasets(self, cfg: Any, preprocess: bool = False) -> TrainDatasetMeta:
        """Map the rows into memory, instead of axolotl's own loading.

        Raises:
            SettingsRefused: If they are not the rows of the run's steps.
        """
        with Path(work_files.BLOCKS).open("rb") as file:
            self.dataset = hashlib.file_digest(file, "sha256").hexdigest()
        rows = Dataset.from_file(work_files.BLOCKS)
        check_n_steps(self.settings.n_steps, cfg.max_steps)
        if cfg.world_size > 1:
            # With one rank, the last step may have fewer rows.
            per_rank = cfg.micro_batch_size * cfg.gradient_accumulation_steps
            check_rows(len(rows), cfg.max_steps, per_rank * cfg.world_size)
        if self.is_on_cpu_ranks:
            # Axolotl takes a rank's number for that of its GPU. This is the last hook before it reads the map.
            cfg.device_map = None
        if rank() == 0:
            _write_versions()
        return TrainDatasetMeta(rows, None, cfg.max_steps)

    def pre_model_load(self, cfg: Any) -> None:
        """Reject a base that lacks a weight or has an unknown one; garbage collections skip what is imported by now."""
        reject_partial_loads()
        gc.freeze()
        gc.enable()

    def pre_lora_load(self, cfg: Any, model: Any) -> None:
        """Seed the adapters' first weights; axolotl seeds only after they are drawn, when the trainer exists."""
        set_seed(cfg.seed)

    def get_trainer_cls(self, cfg: Any) -> type | None:
        """Axolotl's trainer, with strict loading; that of pairs is named in the YAML."""
        if self.settings.objective == "preference":
            return None
        from tasks.train.trainer.strict_trainer import StrictTrainer

        return StrictTrainer

    def get_training_args(self, cfg: Any) -> dict[str, Any]:
        """Count the tokens of the batches trained on, and show a NaN instead of averaging it away."""
        packed = "position_ids" in Dataset.from_file(work_files.BLOCKS).column_names
        counting = {"include_num_input_tokens_seen": "all" if packed else "non_padding"}
        on_cpu = cpu_fsdp.TRAINING_ARGS if self.is_on_cpu_ranks else {}
        loss = preference.TRAINING_ARGS if self.settings.objective == "preference" else token_mean.TRAINING_ARGS
        return counting | on_cpu | loss | {"logging_nan_inf_filter": False}

    def post_model_load(self, cfg: Any, model: Any) -> None:
        """Check axolotl's patches, load the adapter to go on from, and set the format of sharded weights and updates.

        Raises:
            PatchMissing: If a patch is not in the model's classes.
            WrongStart: If the adapter to go on from is not loaded whole.
            HeadDropout: If the adapter on the output layer has a dropout, and the loss is cut cross entropy.
        """
        check_patches(cfg, model)
        if START.exists():
            load_start(model, START)
        if cfg.cut_cross_entropy:
            adapt_head(model)
        if self.settings.arm == "full-weight":
            set_master_weights(model, self.settings.master_weights, bool(cfg.bf16))

    def post_trainer_create(self, cfg: Any, trainer: Any) -> None:
        """Set what axolotl has no key for, and resume from the training state if the pipeline has linked one.

        Raises:
            StateRefused: If it is the state of another run.
            WrongReference: If a preference loss has other terms.
        """
        if self.settings.objective == "preference":
            preference.check_loss(trainer)
        else:
            token_mean.mean_over_tokens(trainer)
        if self.settings.arm == "lora":
            seed_rank(cfg.seed, rank())
        if self.settings.master_weights == "stochastic_rounding":
            from tasks.train.trainer.stochastic_rounding import round_at_random

            round_at_random(trainer)
        if RESUME.exists():
            check_state(StateInfo.read(RESUME), self.settings.n_steps, world_size(), self.dataset)
            cfg.resume_from_checkpoint = str(RESUME)

    def add_callbacks_post_trainer(self, cfg: Any, trainer: Any) -> list[TrainerCallback]:
        """Metrics, audit and states by step, in this order: a state holds the metrics of its own step."""
        settings = self.settings
        first = [preference.FirstLoss(trainer.args.bf16)] if settings.objective == "preference" else []
        return [
            *first,
            MetricsWriter(settings),
            Auditor(trainer, settings),
            StateKeeper(trainer, settings, self.dataset),
        ]

    def post_train(self, cfg: Any, model: Any) -> None:
        """Save sharded weights once: axolotl calls this before and after its own saving."""
        if self.settings.objective == "preference":
            preference.leave_base_unsaved(model)
        if self.settings.arm == "full-weight" and not self.is_saved:
            from tasks.train.trainer.sharded_state import save_final

            save_final(model, Path(work_files.OUTPUT))
            prevent_merge(Path(work_files.OUTPUT))
        # The process ends soon. Without this, axolotl's and Python's last garbage collections take three seconds.
        gc.freeze()
        self.is_saved = True


def _write_versions() -> None:
    versions = {name: version(name) for name in PACKAGES}
    for name in KERNEL_PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    Path(work_files.VERSIONS).write_text(json.dumps(versions | gpu))
