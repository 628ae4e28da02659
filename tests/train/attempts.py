"""Attempts at one training, each on a machine of its own, which a test may kill; they share the store alone."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from tasks.align.config import AlignConfig
from tasks.common.settings import project_root
from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.schemas.examples import TokenizedExamples
from tasks.train.arms import FullWeightArm, LoraArm
from tasks.train.config import TrainConfig
from tasks.train.objectives import ChatObjective, PreferenceObjective
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.trainer import work_files
from tests.chat_fixtures import aligned, dense_base, small_mix
from tests.model_fixtures import SMALL_TRAINING, scratch_folder, small_corpus, states_in, tiny_base
from tests.waiting import GENEROUS_SECONDS

FULL_WEIGHT = SMALL_TRAINING.model_copy(
    update={
        "arm": FullWeightArm(n_ranks=2, expert_kernels="none", cut_cross_entropy=False),
        "gradient_accumulation_steps": 1,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 1e-3,
    }
)
"""Every weight on two ranks of this machine, in the same steps as SMALL_TRAINING."""
DENSE_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def tuning(objective: ChatObjective | PreferenceObjective) -> TrainConfig:
    """Adapters on the dense base, at four examples per step."""
    kept = {name: getattr(SMALL_TRAINING, name) for name in SMALL_TRAINING.model_fields_set - {"token_budget"}}
    arm = LoraArm(rank=4, alpha=8, target_modules=DENSE_TARGETS, target_parameters=())
    return TrainConfig(**kept | {"arm": arm, "objective": objective, "sequence_length": 128})


ARMS = {
    "lora": SMALL_TRAINING,
    "full-weight": FULL_WEIGHT,
    # As many epochs as it takes to be killed between the first state and the last step.
    "chat": tuning(ChatObjective(epochs=40)),
    "preference": tuning(PreferenceObjective(epochs=20)),
    "chat-briefly": tuning(ChatObjective(epochs=4)),
}


def on_two_ranks(config: TrainConfig) -> TrainConfig:
    """Adapters on two ranks of this machine, in the same steps as in one process."""
    arm, n_passes = config.arm.model_copy(update={"n_ranks": 2}), config.gradient_accumulation_steps // 2
    return config.model_copy(update={"arm": arm, "gradient_accumulation_steps": n_passes})


ARMS |= {f"{name}-ranks": on_two_ranks(ARMS[name]) for name in ("lora", "preference")}
# What a rank drops depends on its own generator, which a retry must restore.
ARMS["chat-ranks"] = on_two_ranks(
    ARMS["chat"].model_copy(update={"arm": ARMS["chat"].arm.model_copy(update={"dropout": 0.1})})
)


@cache
def inputs_of(arm: str) -> tuple[ModelFolder, TextShards | TokenizedExamples]:
    """What an arm is trained on: the base and the rows."""
    objective = ARMS[arm].objective.kind
    if objective == "text":
        return tiny_base(), small_corpus()
    return dense_base(), aligned(AlignConfig(objective=objective, sequence_length=128), dense_base(), small_mix())


class Machine:
    """A folder in which one attempt has all it has but the store.

    Args:
        root: The machine's own.
        store: Shared by all.
        arm: Of `ARMS`.
    """

    def __init__(self, root: Path, store: Path, arm: str) -> None:
        self.work, self.folder, self.store, self.arm = root / "work", root / "folder", store, arm
        self.config: TrainConfig = ARMS[arm]
        for path in (self.work, self.folder, store):
            path.mkdir(parents=True, exist_ok=True)

    def train(self, base: Path | None = None, corpus: Path | None = None) -> dict[str, Any]:
        """Train in this process, to the end; by default on the arm's own inputs."""
        kind = TextShards if self.config.objective.kind == "text" else TokenizedExamples
        model, rows = (ModelFolder(base), kind(corpus)) if base and corpus else inputs_of(self.arm)
        states = states_in(self.store, self.config)
        return train_arm(self.config, model, rows, self.folder, self.work, states)

    def started(self) -> subprocess.Popen[bytes]:
        """A pipeline process that trains."""
        paths = [self.work.parent, self.store, *(folder.path for folder in inputs_of(self.arm))]
        command = [sys.executable, "-m", "tests.train.attempts", self.arm, *map(str, paths)]
        return subprocess.Popen(command, cwd=project_root())

    def n_lines(self) -> int:
        """Steps in the metrics."""
        metrics = self.work / work_files.METRICS
        return metrics.read_text().count("\n") if metrics.exists() else 0

    def trainers(self) -> list[psutil.Process]:
        """Processes that run in the trainer's folder."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, FileNotFoundError):
                if process.cwd() == str(self.work):
                    found.append(process)
        return found

    def wait_for_a_state(self, n_steps: int, rng: random.Random) -> None:
        """Wait until a state is in the store and some steps of this attempt are done, and then a moment more."""
        until = time.monotonic() + GENEROUS_SECONDS
        first = self.n_lines()
        while not list(self.store.glob("train-state/*/*/record.json")) or self.n_lines() < first + n_steps:
            assert time.monotonic() < until, "no training state came into the store"
            time.sleep(0.05)
        time.sleep(rng.random())

    def assert_no_trainer_is_left(self) -> None:
        """The law: no trainer outlives who started it."""
        assert psutil.wait_procs(self.trainers(), timeout=10)[1] == []
        assert self.trainers() == []


@cache
def undisturbed(arm: str) -> tuple[Machine, dict[str, Any]]:
    """A training that was not interrupted, and its facts; it wrote states all the same."""
    root = scratch_folder("undisturbed")
    machine = Machine(root / "machine", root / "store", arm)
    return machine, machine.train()


@contextmanager
def killing_the_trainer(machine: Machine, n_steps: int, rng: random.Random) -> Iterator[None]:
    """SIGKILL one process of the trainer once it has done some steps, while the block runs."""

    def kill() -> None:
        machine.wait_for_a_state(n_steps, rng)
        # The largest holds a model: a rank, not its launcher.
        max(machine.trainers(), key=lambda process: process.memory_info().rss).kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def main() -> None:
    """One attempt, in this process."""
    arm, root, store, base, corpus = sys.argv[1:]
    Machine(Path(root), Path(store), arm).train(Path(base), Path(corpus))


if __name__ == "__main__":
    main()
