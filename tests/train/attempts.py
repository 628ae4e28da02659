"""Attempts at one training, each on a machine of its own, which a test may kill; they share the store alone."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tasks.common.settings import project_root
from tasks.schemas.artifacts import ModelFolder, TextShards
from tasks.train.arms import FullWeightArm
from tasks.train.config import TrainConfig
from tasks.train.pipeline.train_arm import train_arm
from tasks.train.trainer import work_files
from tests.model_fixtures import SMALL_TRAINING, small_corpus, states_in, tiny_base
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
ARMS = {"lora": SMALL_TRAINING, "full-weight": FULL_WEIGHT}


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
        """Train in this process, to the end."""
        model, texts = ModelFolder(base or tiny_base().path), TextShards(corpus or small_corpus().path)
        states = states_in(self.store, self.config)
        return train_arm(self.config, model, texts, self.folder, self.work, states)

    def started(self) -> subprocess.Popen[bytes]:
        """A pipeline process that trains."""
        paths = [self.work.parent, self.store, tiny_base().path, small_corpus().path]
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
