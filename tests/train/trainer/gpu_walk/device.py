"""One H100 that cannot compute: what axolotl asks of a GPU before the first step."""

from types import SimpleNamespace
from typing import Any

import torch

PROPERTIES = SimpleNamespace(major=9, minor=0, name="NVIDIA H100 80GB HBM3", total_memory=80 << 30)
ANSWERS = {
    "is_available": True,
    "device_count": 1,
    "current_device": 0,
    "get_device_name": PROPERTIES.name,
    "get_device_properties": PROPERTIES,
    "get_device_capability": (9, 0),
    "is_bf16_supported": True,
    "empty_cache": None,
} | dict.fromkeys(("memory_allocated", "max_memory_allocated", "memory_reserved", "reset_peak_memory_stats"), 0)


def pretend() -> None:
    """Stub torch.cuda; call it once everything that looks for a GPU in its imports is imported."""
    import axolotl.loaders.model

    for name, answer in ANSWERS.items():
        setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
    torch.cuda.memory_stats = lambda *_, **__: {}
    axolotl.loaders.model.log_gpu_memory_usage = lambda *_, **__: None


def place_on_cpu(cfg: Any) -> None:
    """Put the model where there is memory; the full-weight arm's mesh is one rank of gloo."""
    cfg.device, cfg.device_map = "cpu", {"": "cpu"}
    if not cfg.fsdp_config:
        return
    import torch.distributed as dist

    from tasks.train.trainer.cpu_fsdp import _build_meshes_of_cpus

    store = dist.TCPStore("127.0.0.1", 0, 1, is_master=True)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    _build_meshes_of_cpus()
