"""How many threads a process computes with: fixed by the recipe or the work, never by load.

The number of threads changes the order of sums, and so the last bits of a result. Two processes with a thread per core
each wait for one another at every barrier ([decision 0025](../../docs/decisions/0025-threads.md)).
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


def n_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


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
