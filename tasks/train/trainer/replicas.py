"""Adapters on several ranks: every rank has all of them, and all must stay equal to the bit.

DDP averages gradients, and each rank takes its own optimizer steps. Rank 0's adapters are saved; if others differ, the
gradients that were averaged belong to different models.
"""

import hashlib

import torch

from tasks.train.errors import RanksDiffer
from tasks.train.trainer.adapter_state import trainable
from tasks.train.trainer.ranks import gathered


def check_replicas(model: torch.nn.Module) -> None:
    """Compare the trained parameters of all ranks; every rank calls this.

    Raises:
        RanksDiffer: Naming the ranks that differ from rank 0.
    """
    digests = gathered(_digest(model))
    if different := [str(rank) for rank, digest in enumerate(digests) if digest != digests[0]]:
        raise RanksDiffer(
            f"the adapters of rank {', '.join(different)} differ from those of rank 0, though all took the same steps; "
            "nothing is saved. Train with arm.n_ranks = 1, and look for faulty memory or links between the GPUs."
        )


def _digest(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for parameter in trainable(model).values():
        digest.update(parameter.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
