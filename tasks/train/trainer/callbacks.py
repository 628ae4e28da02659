"""Callbacks at the end of each optimizer step under axolotl: a line of metrics, the audit, a training state."""

import dataclasses
import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tasks.train.errors import NotANumberError
from tasks.train.trainer import work_files
from tasks.train.trainer.master_weights import check_master_weights
from tasks.train.trainer.ranks import barrier, from_rank_0, peak_memory_bytes, rank, world_size
from tasks.train.trainer.replicas import check_replicas
from tasks.train.trainer.rng import save_rng
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.state_files import TRAINER_STATE, StateInfo, begin, finish, has_room, part_of
from tasks.train.trainer.update_audit import check_updates

STATES = Path(work_files.STATES)
RESUME = Path(work_files.RESUME)
REWARDS = {"rewards/margins": "reward_margin", "rewards/accuracies": "reward_accuracy"}
"""TRL's names of what only preference pairs have, and those in metrics.jsonl: the mean difference of rewards, and the
share of pairs whose better answer has the higher one."""


class StepCallback(TrainerCallback):  # type: ignore[misc]
    """Runs after every optimizer step, on every rank, once the step's loss is known."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **others: Any) -> None:
        """Call `on_step`; the Trainer's closing summary is not a step."""
        if logs and "loss" in logs:
            self.on_step(state, logs)

    def on_step(self, state: Any, logs: dict[str, float]) -> None:
        """Handle the step."""
        raise NotImplementedError


class MetricsWriter(StepCallback):
    """Appends a line to metrics.jsonl; a resumed run finds the lines of earlier steps in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.path = Path(work_files.METRICS)
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.seconds_before = json.loads(lines[-1])["seconds"] if lines else 0.0
        self.started = time.monotonic()

    def on_step(self, state: Any, logs: dict[str, float]) -> None:
        """Write the step's line.

        Raises:
            NotANumberError: If the loss is NaN or infinite; further steps would only waste the GPU.
        """
        if not math.isfinite(logs["loss"]):
            raise NotANumberError(f"loss is {logs['loss']} at step {state.global_step}")
        line = {
            "step": state.global_step,
            "loss": logs["loss"],
            **{name: logs[key] for key, name in REWARDS.items() if key in logs},
            "learning_rate": logs["learning_rate"],
            "tokens_seen": tokens_seen(state, self.settings),
            "seconds": round(self.seconds_before + time.monotonic() - self.started, 3),
            "peak_memory_bytes": peak_memory_bytes(),
        }
        if rank() == 0:
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")


class Auditor(StepCallback):
    """Runs the update audit: once after some steps, once at the end.

    Args:
        trainer: A `StrictTrainer`.
        settings: The run's.
    """

    def __init__(self, trainer: Any, settings: Settings) -> None:
        self.trainer = trainer
        self.settings = settings

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Sample weights before the first step, unless loading a state has done so already.

        Raises:
            WrongMasterWeights: If a full-weight run's weights are not sharded, or in another format.
        """
        if self.settings.arm == "full-weight":
            check_master_weights(self.trainer.model.named_parameters(), self.settings.master_weights, args.bf16)
        self.trainer.take_sample()

    def on_step(self, state: Any, logs: dict[str, float]) -> None:
        """Measure, write `audit.json`, and end a run whose weights do not change.

        Raises:
            WeightsDoNotMove: If too few of a group's weights have changed.
            RanksDiffer: If ranks that each hold all adapters hold different ones.
        """
        if state.global_step not in (self.settings.audit_after_steps, self.settings.n_steps):
            return
        if self.settings.arm == "lora":
            check_replicas(self.trainer.model)
        groups = self.trainer.sample.compare(self.trainer.model.named_parameters())
        if rank() == 0:
            file = Path(work_files.AUDIT)
            earlier = json.loads(file.read_text()) if file.exists() else []
            file.write_text(json.dumps([*earlier, {"step": state.global_step, "groups": groups}], indent=1) + "\n")
        barrier()
        dtypes = {str(weight.dtype) for weight in self.trainer.model.parameters() if weight.requires_grad}
        check_updates(
            groups,
            self.settings.min_share_changed,
            n_steps=state.global_step,
            learning_rate=self.trainer.args.learning_rate,
            weights=" and ".join(sorted(dtypes)).replace("torch.", ""),
        )


class StateKeeper(StepCallback):
    """Writes a training state when one is due.

    Args:
        trainer: A `StrictTrainer`.
        settings: The run's.
        dataset: sha256 of the training rows.
    """

    def __init__(self, trainer: Any, settings: Settings, dataset: str) -> None:
        self.trainer = trainer
        self.settings = settings
        self.dataset = dataset
        self.written = time.monotonic()

    def on_step(self, state: Any, logs: dict[str, float]) -> None:
        """Write a state if one is due."""
        if self._is_due(state.global_step):
            self._write(state)
            self.written = time.monotonic()

    def _is_due(self, step: int) -> bool:
        requested = Path(work_files.STATE_REQUEST).exists()
        waited = requested or time.monotonic() - self.written >= self.settings.checkpoint_seconds
        # Rank 0's clock decides, because all ranks write a state together.
        return from_rank_0(waited and step < self.settings.n_steps and has_room(STATES))

    def _write(self, state: Any) -> None:
        if rank() == 0:
            begin(STATES, state.global_step)
        barrier()
        part = part_of(STATES, state.global_step)
        self.trainer.save_training_state(part)
        save_rng(part, rank())
        barrier()
        if rank() == 0:
            self._write_counters(state, part)
            finish(part)
            Path(work_files.STATE_REQUEST).unlink(missing_ok=True)

    def _write_counters(self, state: Any, part: Path) -> None:
        dataclasses.replace(state, log_history=[]).save_to_json(str(part / TRAINER_STATE))
        for name in (work_files.METRICS, work_files.AUDIT):
            if Path(name).exists():
                shutil.copyfile(name, part / name)
        seen = tokens_seen(state, self.settings)
        StateInfo(state.global_step, seen, self.settings.n_steps, world_size(), self.dataset).write(part)


def tokens_seen(state: Any, settings: Settings) -> int:
    """Tokens of all steps so far, without the filler rows of the last step."""
    fillers = settings.n_filler_tokens if state.global_step == settings.n_steps else 0
    return int(state.num_input_tokens_seen) - fillers
