"""What lies in a training state, and how it gets its name: only when every byte of it is on the disk.

Both environments read this, so it imports the standard library only, and what does so too.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tasks.common.fsync import sync

TRAINER = "trainer.json"
TRAINER_STATE = "trainer_state.json"
"""Transformers' own counters, without its log."""
ADAPTER = "adapter.safetensors"
OPTIMIZER = "optimizer.safetensors"
OPTIMIZER_ENTRIES = "optimizer.json"
SCHEDULER = "scheduler.json"
PART = ".part"
MOST_WAITING = 2
"""Complete states on the disk that are not published yet; no further one is written meanwhile."""


@dataclass(frozen=True)
class Told:
    """`trainer.json`: what a state is of.

    Args:
        step: Optimizer steps done.
        tokens_seen: Tokens of those steps.
        n_steps: Steps of the whole run.
        world_size: Ranks.
        dataset: sha256 of the training rows.
    """

    step: int
    tokens_seen: int
    n_steps: int
    world_size: int
    dataset: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a state's `trainer.json`."""
        fields = json.loads((folder / TRAINER).read_text())
        return cls(**{name: fields[name] for name in cls.__dataclass_fields__})

    def write(self, folder: Path) -> None:
        """Leave `trainer.json`."""
        (folder / TRAINER).write_text(json.dumps(asdict(self), indent=1) + "\n")


def complete_states(states: Path) -> list[Path]:
    """Folders of the states that are written to their end, by step."""
    return sorted(path for path in states.glob("step-*") if path.suffix != PART)


def has_room(states: Path) -> bool:
    """Whether a further state may be written."""
    return len(complete_states(states)) < MOST_WAITING


def part_of(states: Path, step: int) -> Path:
    """Where a state is written before it has its name."""
    return states / f"step-{step:08d}{PART}"


def begin(states: Path, step: int) -> Path:
    """Make the empty folder that a state's files are written into; one left half done goes.

    Args:
        states: The folder of all states.
        step: Optimizer steps done.
    """
    part = part_of(states, step)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def finish(part: Path) -> None:
    """Give a state its name, its bytes being on the disk."""
    for path in [*part.rglob("*"), part]:
        sync(path)
    part.rename(part.with_suffix(""))
    sync(part.parent)
