"""Ranks that hold all adapters hold the same ones, to the bit, or the run ends."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from tasks.train.errors import RanksDiffer
from tasks.train.trainer.replicas import check_replicas
from tasks.train.trainer.update_audit import Sample

Q_PROJ = "model.layers.3.self_attn.q_proj.lora_B.default.weight"


def adapters(value: float) -> nn.Module:
    model = nn.Linear(4, 3, bias=False)
    model.weight = nn.Parameter(torch.full((3, 4), value))
    return model


def of_two_ranks(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    check_replicas(adapters(0.5))
    frozen = adapters(float(rank))
    frozen.weight.requires_grad_(False)
    check_replicas(frozen)
    # The next float32 after 0.5.
    with pytest.raises(RanksDiffer, match=r"adapters of rank 1 differ from those of rank 0, .* arm\.n_ranks = 1"):
        check_replicas(adapters(0.5 if rank == 0 else 0.50000006))
    weights = {Q_PROJ: nn.Parameter(torch.zeros(12))}
    sample = Sample.take(weights.items(), seed=0)
    # Each rank has all twelve values: they count once.
    assert sample.compare(weights.items())["attention"]["n_sampled"] == 12
    dist.destroy_process_group()


def test_two_ranks_are_compared_to_the_bit_and_their_values_are_counted_once(tmp_path: Path) -> None:
    mp.start_processes(of_two_ranks, args=(str(tmp_path),), nprocs=2, start_method="spawn")


def test_one_process_has_none_to_differ_from() -> None:
    check_replicas(adapters(0.5))
