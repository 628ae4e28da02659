"""A process group of one rank in the test's own process, and small models sharded over it."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard


@contextmanager
def one_rank() -> Iterator[None]:
    """Gloo with this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def small_model(hidden: int = 6, seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Two layers, sharded."""
    torch.manual_seed(seed)
    layers = {"embed_tokens": nn.Linear(4, hidden), "mixer": nn.Linear(hidden, 2, bias=False)}
    model = nn.Sequential(OrderedDict(layers)).to(dtype)
    fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
    return model


def stepped(model: nn.Module, n_steps: int = 2) -> torch.optim.Optimizer:
    """AdamW that has taken steps by drawn gradients."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for step in range(n_steps):
        generator = torch.Generator().manual_seed(step)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
            local = parameter.grad.to_local()
            local.copy_(torch.randn(local.shape, generator=generator))
        optimizer.step()
    return optimizer
