"""A line per optimizer step, and what goes into it."""

import json
import resource
import time
from pathlib import Path
from typing import Self

import torch
import torch.distributed as dist

KIBIBYTE = 1024


class Clock:
    """Seconds of training, counted on over resumes."""

    def __init__(self, seconds_before: float = 0.0) -> None:
        self._zero = time.monotonic() - seconds_before

    @classmethod
    def resumed(cls, metrics: Path) -> Self:
        """Count on from the last line of a run's metrics, if it has any."""
        lines = metrics.read_text().splitlines() if metrics.exists() else []
        return cls(json.loads(lines[-1])["seconds"] if lines else 0.0)

    def seconds(self) -> float:
        """Since the run's first start, without the time between its parts."""
        return round(time.monotonic() - self._zero, 3)


def append_line(path: Path, line: dict[str, float | int]) -> None:
    """Add one step's metrics."""
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def peak_memory_bytes() -> int:
    """Largest resident memory of any rank so far."""
    own = torch.tensor(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE, dtype=torch.int64)
    dist.all_reduce(own, dist.ReduceOp.MAX)
    return int(own)


def sum_over_ranks(*values: float) -> list[float]:
    """Sums of each value, the same on every rank to the bit."""
    sums = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(sums)
    return sums.tolist()
