"""How many threads compute one result, fixed by the recipe, and how many results are computed side by side.

The number of threads changes the order of a result's sums, and so its last bits: neither cores nor load decide it. How
many results are computed at a time changes no bit, and follows what the machine has free. Two processes with a thread
per core each wait for one another at every barrier ([decision 0025](../../docs/decisions/0025-threads.md)).
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

log = logging.getLogger(__name__)


def n_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def free_cores(seconds: float = 0.5) -> float:
    """Processor cores, of those this process may use, that nothing ran on for so many seconds from now.

    A fraction where a core was busy for part of the time. The calling thread sleeps meanwhile.
    """
    own = sorted(os.sched_getaffinity(0))
    before = psutil.cpu_times(percpu=True)
    time.sleep(seconds)
    after = psutil.cpu_times(percpu=True)
    idle = sum(after[core].idle - before[core].idle for core in own if core < len(after))
    return min(len(own), idle / seconds)


def side_by_side(n_threads: int, what: str) -> int:
    """Results to compute at a time, of so many threads each, on the cores that are free; at least one. Logged.

    Three quarters of a core count as one.
    """
    free = free_cores()
    at_a_time = max(1, int((free + 0.25) // n_threads))
    log.info("%s: %.1f of %d cores are free: batches at a time: %d", what, free, n_cores(), at_a_time)
    return at_a_time


@contextmanager
def torch_threads(n_threads: int, what: str) -> Iterator[None]:
    """Compute with so many threads of torch, and say so in the log.

    Args:
        n_threads: On a CPU; a GPU computes as before.
        what: Names the work in the log.
    """
    import torch

    before = torch.get_num_threads()
    log.info("%s: threads: %d of %d cores, load %.1f", what, n_threads, n_cores(), os.getloadavg()[0])
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
