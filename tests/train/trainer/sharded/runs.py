"""Real full-weight runs on two ranks, each kind once per test run."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from tasks.base.config import TinySource
from tasks.base.tiny import tiny_model
from tasks.schemas.artifacts import ModelFolder
from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.pipeline.axolotl_yaml import axolotl_config
from tasks.train.pipeline.launch import trainer_command, trainer_environment
from tasks.train.pipeline.outputs import read_metrics
from tasks.train.pipeline.rows import write_rows
from tasks.train.trainer import work_files
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.state_files import complete_states
from tests.chat_fixtures import bpe_tokenizer
from tests.model_fixtures import scratch_folder, small_corpus
from tests.waiting import GENEROUS_SECONDS

FOREVER = 1e9
N_STEPS = 5
SMALL = TrainConfig(
    arm=FullWeightArm(n_ranks=2, expert_kernels="none", cut_cross_entropy=False),
    token_budget=2_400,
    sequence_length=64,
    micro_batch_size=2,
    gradient_accumulation_steps=2,
    learning_rate=1e-3,
    embedding_learning_rate=1e-4,
    warmup_ratio=0,
    precision="fp32",
    kernels="plain",
    activation_checkpointing=False,
    audit_after_steps=2,
)
"""Two rows per forward pass, two forward passes per step, two ranks."""


@cache
def small_base() -> ModelFolder:
    """The tiny base with a vocabulary of hundreds: logits over Qwen's 248,320 take most of a step, and of a state."""
    folder, tokenizer = scratch_folder("base"), bpe_tokenizer()
    source = TinySource().model_copy(update={"vocabulary_size": len(tokenizer)})
    tiny_model(source).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelFolder(folder)


def documents() -> Iterator[np.ndarray]:
    """The small corpus's documents, in tokens of the small base."""
    n_tokens = len(bpe_tokenizer())
    return (ids % n_tokens for ids in small_corpus().token_ids())


def lay_out(config: TrainConfig, checkpoint_seconds: float = FOREVER) -> Path:
    """A work directory as the pipeline prepares it."""
    folder = scratch_folder("sharded")
    rows = write_rows(documents(), config, folder / work_files.BLOCKS)
    (folder / work_files.BASE).symlink_to(small_base().path)
    (folder / work_files.YAML).write_text(yaml.safe_dump(axolotl_config(config, rows.n_steps), sort_keys=False))
    Settings(
        objective="text",
        arm="full-weight",
        master_weights=config.arm.master_weights,
        n_steps=rows.n_steps,
        n_filler_rows=rows.n_filler_rows,
        n_filler_tokens=rows.n_filler_tokens,
        checkpoint_seconds=checkpoint_seconds,
        audit_after_steps=config.audit_after_steps,
        min_share_changed=config.min_share_changed,
    ).write(folder)
    return folder


def start(folder: Path, config: TrainConfig) -> "subprocess.Popen[bytes]":
    """Start the ranks, tied to this process."""
    environment = trainer_environment(on_cpu=True, n_ranks=config.arm.n_ranks)
    with (folder / work_files.LOG).open("wb") as log:
        return subprocess.Popen(
            trainer_command(config), cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def run(folder: Path, config: TrainConfig) -> int:
    """Run to the end, whatever it is; the exit code."""
    with start(folder, config) as process:
        return process.wait(timeout=GENEROUS_SECONDS)


def log_of(folder: Path) -> str:
    """The ranks' log."""
    return (folder / work_files.LOG).read_text(errors="replace")


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Metrics without what differs from run to run."""
    times = ("seconds", "peak_memory_bytes")
    return [{key: line[key] for key in line if key not in times} for line in read_metrics(folder / work_files.METRICS)]


def output_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of the weights, by name."""
    return {
        file.name: file.read_bytes() for file in sorted((folder / work_files.OUTPUT / work_files.SHARDED).iterdir())
    }


@cache
def uninterrupted(config: TrainConfig) -> Path:
    """The work directory of a run that nothing disturbed; the states of its first two steps lie in it."""
    folder = lay_out(config, checkpoint_seconds=0)
    assert run(folder, config) == 0, log_of(folder)[-3_000:]
    return folder


def first_states(config: TrainConfig) -> list[Path]:
    """States after the first and the second step: nobody takes them away, and no third one is written."""
    return complete_states(uninterrupted(config) / work_files.STATES)


@cache
def killed(kill_at: int, config: TrainConfig) -> tuple[Path, list[Path]]:
    """A run killed once it had done this many steps and left a state: its work directory, and its states by step."""
    folder, kept = lay_out(config, checkpoint_seconds=0), scratch_folder("kept")
    process = start(folder, config)
    while not (_has_steps(folder, kill_at) and complete_states(kept)):
        assert process.poll() is None, log_of(folder)[-3_000:]
        _take_away(folder, kept)
        time.sleep(0.02)
    ranks = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs(ranks, timeout=20)
    assert len(gone) >= 2
    assert not alive, "a rank outlived its launcher"
    _take_away(folder, kept)
    return folder, complete_states(kept)


@cache
def resumed(kill_at: int, config: TrainConfig) -> Path:
    """The work directory of a run that resumed from a killed one's last state."""
    return continued(killed(kill_at, config)[1][-1], config)


def continued(state: Path, config: TrainConfig) -> Path:
    """The work directory of a run that resumed from a state."""
    folder = lay_out(config)
    (folder / work_files.RESUME).symlink_to(state)
    for name in (work_files.METRICS, work_files.AUDIT):
        if (state / name).exists():
            shutil.copyfile(state / name, folder / name)
    assert run(folder, config) == 0, log_of(folder)[-3_000:]
    return folder


def _has_steps(folder: Path, n_steps: int) -> bool:
    metrics = folder / work_files.METRICS
    return metrics.exists() and metrics.read_bytes().count(b"\n") >= n_steps


def _take_away(folder: Path, kept: Path) -> None:
    """Move complete states away, as the uploader does, so that the next one can be written."""
    for state in complete_states(folder / work_files.STATES):
        state.rename(kept / state.name)
