"""One process or several: what they say to each other.

This file runs in the trainer's environment: it imports neither Prefect nor the rooms' configs.
"""

import resource
from typing import Any

import torch
import torch.distributed as dist


def peak_memory_bytes() -> int:
    """Most memory one rank has held: of its GPU, or of the process where there is none."""
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if not dist.is_initialized():
        return int(peak)
    peaks: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(peaks, peak)
    return int(max(peaks))


def rank() -> int:
    """This process's number among the ranks."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many ranks there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier() -> None:
    """Wait for all ranks."""
    if dist.is_initialized():
        dist.barrier()


def from_rank_0(said: bool) -> bool:
    """What rank 0 says, on every rank."""
    if not dist.is_initialized():
        return said
    words = [said]
    dist.broadcast_object_list(words, src=0)
    return words[0]
