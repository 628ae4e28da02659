"""Axolotl's FSDP2, or DDP of adapters, on ranks of a CPU, with gloo between them.

Axolotl 0.19 on accelerate 1.13 runs FSDP2 on accelerators only. Three supported switches select the CPU: GPUs are
hidden, `ACCELERATE_USE_CPU` is set, and `use_cpu` is a training argument. They are not enough: two functions
assume an accelerator, and `enable` wraps them. The rest is axolotl's own code, as on a GPU.

Its top imports only the standard library, because GPUs must be hidden before torch is imported.
"""

import os
from typing import Any

TRAINING_ARGS = {"use_cpu": True, "tf32": False}
"""For the plugin's `get_training_args`; without them transformers refuses bf16 and tf32 if there is no GPU."""


def is_one_of_several_ranks() -> bool:
    """Whether torch's launcher has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def hide_gpus() -> None:
    """Hide all GPUs from this process. Call it before torch is imported.

    `axolotl.utils.environment.check_cuda_p2p_support` of axolotl 0.19.0 asks torch whether two GPUs reach each other,
    and takes AssertionError for "there are none", as a CPU build of torch raises it. A CUDA build without a driver, or
    whose GPUs are hidden, raises RuntimeError, which would end the training.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    torch.cuda.can_device_access_peer = lambda device, peer_device: False


def enable() -> None:
    """Join the ranks over gloo, and make FSDP2 accept the CPU. Call it before axolotl loads a model."""
    import torch
    from accelerate.state import PartialState

    # The state is reset twice, before the training arguments and before the accelerator; each time this is read anew.
    os.environ["ACCELERATE_USE_CPU"] = "true"
    # Axolotl makes this state without `cpu=True`, and gets the one that exists already.
    PartialState(cpu=True)
    _turn_fsdp_on_for_cpus()
    _build_meshes_of_cpus()
    # Compiled on a CPU, stochastic rounding costs seconds of a C++ compiler per shape; uncompiled it computes the same.
    torch.compiler.set_stance("force_eager")


def _turn_fsdp_on_for_cpus() -> None:
    """Wrap `accelerate.state.AcceleratorState.__init__` of accelerate 1.13.0.

    It changes `distributed_type` from MULTI_GPU, MULTI_XPU and the like to FSDP, but not from MULTI_CPU: the plugin is
    then ignored and training runs unsharded, silently.
    """
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType

    original = AcceleratorState.__init__

    def initialize(self: Any, *args: Any, fsdp_plugin: Any = None, **kwargs: Any) -> None:
        original(self, *args, fsdp_plugin=fsdp_plugin, **kwargs)
        if fsdp_plugin is None or self.distributed_type != DistributedType.MULTI_CPU:
            return
        # The same statements as for a GPU.
        self.distributed_type = DistributedType.FSDP
        if self._mixed_precision != "no":
            fsdp_plugin.set_mixed_precision(self._mixed_precision)
        self.fsdp_plugin = fsdp_plugin
        PartialState._shared_state["distributed_type"] = self.distributed_type

    AcceleratorState.__init__ = initialize


def _build_meshes_of_cpus() -> None:
    """Wrap `accelerate.parallelism_config.ParallelismConfig.build_device_mesh` of accelerate 1.13.0.

    `axolotl.utils.distributed.build_parallelism_config` of axolotl 0.19.0 calls it with the literal "cuda", and torch
    then sets a CUDA device: AttributeError, "module 'torch._C' has no attribute '_cuda_setDevice'".
    """
    from accelerate.parallelism_config import ParallelismConfig

    original = ParallelismConfig.build_device_mesh

    def build(self: Any, device_type: str) -> Any:
        return original(self, "cpu")

    ParallelismConfig.build_device_mesh = build
