"""Files of a training state. Its folder gets its final name only when every byte is on the disk.

Both environments import this file, so it imports only the standard library and modules that do the same.
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
"""Complete states on the disk that are not published yet; no further one is written until one is."""


@dataclass(frozen=True)
class StateInfo:
    """`trainer.json`: the run and step that a state belongs to.

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
        """Write `trainer.json`."""
        (folder / TRAINER).write_text(json.dumps(asdict(self), indent=1) + "\n")


def complete_states(states: Path) -> list[Path]:
    """Folders of the complete states, by step."""
    return sorted(path for path in states.glob("step-*") if path.suffix != PART)


def has_room(states: Path) -> bool:
    """Whether another state may be written."""
    return len(complete_states(states)) < MOST_WAITING


def part_of(states: Path, step: int) -> Path:
    """Folder of a state that is not complete."""
    return states / f"step-{step:08d}{PART}"


def begin(states: Path, step: int) -> Path:
    """Make the empty folder that a state's files are written into, in place of an unfinished one.

    Args:
        states: The folder of all states.
        step: Optimizer steps done.
    """
    part = part_of(states, step)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def finish(part: Path) -> None:
    """Wait until a state's bytes are on the disk, then give it its final name."""
    for path in [*part.rglob("*"), part]:
        sync(path)
    part.rename(part.with_suffix(""))
    sync(part.parent)
