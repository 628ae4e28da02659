"""Sharded checkpoints as a trainer writes them: two gloo ranks, FSDP2 and torch's distributed checkpoints."""

import os
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from transformers import AutoModelForCausalLM

from tasks.common.settings import project_root
from tests.waiting import GENEROUS_SECONDS


def placements() -> dict[str, torch.Tensor]:
    """The same tensors on every rank; no split dimension is even."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"rows": (5, 3), "columns": (4, 7), "middle": (3, 5, 2), "last": (2, 3, 5), "whole": (3, 2), "one": (1, 4)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()} | {
        "scalar": torch.tensor(1.5),
        "tiles": torch.arange(35, dtype=torch.int64).reshape(5, 7),
    }


SPLITS = {"rows": 0, "columns": 1, "middle": 1, "last": 2, "one": 0, "tiles": 1}


def trained_model(model_dir: Path, dtype: torch.dtype) -> torch.nn.Module:
    """The model of a folder, with random noise added to every weight."""
    model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(model_dir, dtype=dtype)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, weight in sorted(model.named_parameters()):
            weight.add_(torch.randn(weight.shape, generator=generator).to(dtype) * 0.02)
    return model


def make_sharded(model_dir: Path, target: Path) -> None:
    """Run a process of two ranks, which write the checkpoints `float32`, `bfloat16` and `placements` in `target`."""
    command = [sys.executable, "-m", "tests.merge.sharded_checkpoints", str(model_dir), str(target)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, cwd=project_root(), env=environment, stderr=subprocess.PIPE, text=True, timeout=GENEROUS_SECONDS
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _rank(rank: int, model_dir: Path, target: Path) -> None:
    rendezvous = f"file://{target}/rendezvous"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    sharded = {
        name: distribute_tensor(tensor, mesh, [Shard(SPLITS[name]) if name in SPLITS else Replicate()])
        for name, tensor in placements().items()
    }
    dcp.save(sharded, checkpoint_id=target / "placements" / "pytorch_model_fsdp_0")
    for dtype in ("float32", "bfloat16"):
        model = trained_model(model_dir, getattr(torch, dtype))
        for layer in model.model.layers:
            fully_shard(layer)
        fully_shard(model)
        dcp.save(model.state_dict(), checkpoint_id=target / dtype / "pytorch_model_fsdp_0")
    dist.destroy_process_group()


if __name__ == "__main__":
    # A process that has done nothing but import: its copies need not import again, which takes most of the time.
    mp.start_processes(_rank, args=tuple(map(Path, sys.argv[1:])), nprocs=2, start_method="fork")
