"""Training states: when one is due, and what goes into it."""

import shutil
import time
from pathlib import Path

import torch.distributed as dist

from tasks.train.trainer import work_files as workplace
from tasks.train.trainer.rng import save_rng
from tasks.train.trainer.sharded.checkpoint import save_sharded
from tasks.train.trainer.sharded.metrics import sum_over_ranks
from tasks.train.trainer.sharded.run import Run
from tasks.train.trainer.state_files import StateInfo as Told
from tasks.train.trainer.state_files import begin, finish, has_room, part_of


class Keeper:
    """Says, on every rank alike, when the next state is due: by rank 0's clock, and only where there is room for it.

    Args:
        states: Folder of all states.
        seconds: Between two.
    """

    def __init__(self, states: Path, seconds: float) -> None:
        self.states, self.seconds = states, seconds
        self.wait_anew()

    def wait_anew(self) -> None:
        """Count from now."""
        self._since = time.monotonic()

    def is_due(self) -> bool:
        """Asked by every rank at the same step."""
        own = dist.get_rank() == 0 and time.monotonic() - self._since >= self.seconds and has_room(self.states)
        return sum_over_ranks(float(own)) != [0.0]


def write_state(run: Run, folder: Path) -> None:
    """Write a training state beside the others; it has its name only when all of it is on the disk.

    Args:
        run: After a step.
        folder: The workplace.
    """
    states = folder / workplace.STATES
    if run.rank == 0:
        begin(states, run.step)
    dist.barrier()
    part = part_of(states, run.step)
    save_sharded(run.model, run.optimizer, part)
    save_rng(part, run.rank)
    dist.barrier()
    if run.rank == 0:
        for name in (workplace.METRICS, workplace.AUDIT):
            if (folder / name).exists():
                shutil.copyfile(folder / name, part / name)
        Told(run.step, run.tokens_seen, run.settings.n_steps, run.n_ranks, run.dataset).write(part)
        finish(part)


def adopt(state: Path, folder: Path) -> None:
    """Take over the metrics and audits of a state, so that the run's go on from its step and no other.

    Args:
        state: What the run goes on from.
        folder: The workplace.
    """
    for name in (workplace.METRICS, workplace.AUDIT):
        if (state / name).exists():
            shutil.copyfile(state / name, folder / f"{name}.part")
            (folder / f"{name}.part").rename(folder / name)
