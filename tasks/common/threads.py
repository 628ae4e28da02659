"""How many threads compute one result, fixed by the recipe, and how many results are computed side by side.

The number of threads changes the order of a result's sums, and so its last bits: neither cores nor load decide it. How
many results are computed at a time changes no bit, and follows what the machine has free. Two processes with a thread
per core each wait for one another at every barrier ([decision 0025](../../docs/decisions/0025-threads.md)).
"""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""CPU time of this control group, and in which time; microseconds."""


def n_cores() -> int:
    """Processor cores that this process may use, by its affinity and its container's limit."""
    return min(len(os.sched_getaffinity(0)), _container_limit())


def _container_limit() -> int:
    """Cores of the control group's CPU quota, rounded up; all where it has none."""
    try:
        quota, period = CPU_MAX.read_text().split()
        return max(1, ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return os.cpu_count() or 1


def free_cores(seconds: float = 0.5) -> float:
    """Processor cores, of those this process may use, that nothing ran on for so many seconds from now.

    A fraction where a core was busy for part of the time. The calling thread sleeps meanwhile.
    """
    own = sorted(os.sched_getaffinity(0))
    before = psutil.cpu_times(percpu=True)
    time.sleep(seconds)
    after = psutil.cpu_times(percpu=True)
    idle = sum(after[core].idle - before[core].idle for core in own if core < len(after))
    return min(n_cores(), idle / seconds)


@dataclass(frozen=True)
class Workers:
    """Python threads that compute side by side, each with its own threads of torch.

    Args:
        n: Results computed at a time; their number changes no bit.
        n_threads: Of torch, in each; None as the process has them, such as beside a GPU.
    """

    n: int = 1
    n_threads: int | None = None

    def pool(self) -> ThreadPoolExecutor:
        """A pool of them.

        Each sets its own number: a new thread takes the last one that any thread of the process set.
        """
        return ThreadPoolExecutor(self.n, thread_name_prefix="worker", initializer=self._set_threads)

    def _set_threads(self) -> None:
        import torch

        if self.n_threads is not None:
            torch.set_num_threads(self.n_threads)


def side_by_side(n_threads: int, what: str, at_most: int | None = None) -> Workers:
    """As many workers of so many threads as cores are free, at least one; logged.

    Three quarters of a core count as one.

    Args:
        n_threads: Of each.
        what: Names the work in the log.
        at_most: Bound on the workers, where what they share is not made for several.
    """
    free = free_cores()
    n = min(max(1, int((free + 0.25) // n_threads)), at_most or n_cores())
    log.info("%s: %.1f of %d cores are free: batches at a time: %d, threads: %d", what, free, n_cores(), n, n_threads)
    return Workers(n, n_threads)
