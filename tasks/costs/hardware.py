"""GPUs of each pool's machine, their memory and their speed."""

import os
from dataclasses import dataclass

GIB = 1024**3
POOL_VARIABLE = "HINDSIGHT_POOL"
"""Set for every run by the base job templates in deployments/pools/."""


@dataclass(frozen=True)
class Gpu:
    """One kind of GPU.

    Args:
        name: As `torch.cuda.get_device_name` returns it.
        memory_gib: Total that `torch.cuda` reports; nvidia-smi's figure includes the driver's memory and is larger.
        overhead_gib: Of that, unusable for tensors: context, libraries' workspaces, fragmentation (estimated; reports
            of full 80 GB cards show 0.7 GiB outside the allocator and as much again unallocated in it).
        bf16_flops: Dense bf16 operations per second, from the data sheet, without sparsity.
        memory_bytes_per_second: Of its own memory, from the data sheet.
        link_bytes_per_second: In one direction to the other GPUs of its machine (NVLink), half of the data sheet's sum.
    """

    name: str
    memory_gib: float
    overhead_gib: float
    bf16_flops: float
    memory_bytes_per_second: float
    link_bytes_per_second: float

    @property
    def usable_bytes(self) -> float:
        """Memory for tensors."""
        return (self.memory_gib - self.overhead_gib) * GIB


@dataclass(frozen=True)
class Pool:
    """A pool's machine.

    Args:
        name: As in deployments/pools/ and in a recipe's `route`.
        n_gpus: GPUs of one machine.
        gpu: Their kind; None without a GPU.
    """

    name: str
    n_gpus: int
    gpu: Gpu | None = None


H100 = Gpu("NVIDIA H100 80GB HBM3", 79.1, 1.0, 989.4e12, memory_bytes_per_second=3.35e12, link_bytes_per_second=450e9)
GPUS = (
    H100,
    Gpu("NVIDIA H200", 139.8, 1.0, 989.4e12, memory_bytes_per_second=4.8e12, link_bytes_per_second=450e9),
    Gpu("NVIDIA A100-SXM4-80GB", 79.1, 1.0, 312e12, memory_bytes_per_second=2.039e12, link_bytes_per_second=300e9),
)
"""Kinds with known speed. Source: NVIDIA's data sheets, dense figures."""
POOLS = {pool.name: pool for pool in (Pool("cpu", 0), Pool("h100", 1, H100), Pool("h100x8", 8, H100))}


def find_gpu(name: str | None) -> Gpu | None:
    """The GPU of this name; None if unknown."""
    return next((gpu for gpu in GPUS if gpu.name == name), None)


def current_pool() -> str | None:
    """The pool of this process; None outside of one."""
    return os.environ.get(POOL_VARIABLE) or None
