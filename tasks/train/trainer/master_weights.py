"""Master weights under axolotl's FSDP2: sets the format of the weights, and checks it once they are sharded.

Axolotl 0.19 loads weights in bf16 if `bf16` is set, replaces accelerate's `fsdp2_prepare_model`, which would have
raised trainable weights to fp32, by its own, and never reads `fsdp_config.mixed_precision_policy`. Weights that are
fp32 before they are sharded stay so: FSDP2 gathers them as bf16, by the policy that `bf16` implies, and updates the
fp32 shards.
"""

from collections.abc import Iterable
from typing import Any

import torch

from tasks.train.trainer.ranks import world_size
from tasks.train.trainer.settings import MasterWeights


class MastersAreNotKept(RuntimeError):
    """Weights that are not split over the ranks, or not kept in the format asked for."""


def keep_masters(model: torch.nn.Module, masters: MasterWeights, bf16: bool) -> None:
    """For the plugin's `post_model_load`: set the format in which weights are sharded and updated.

    Args:
        model: As loaded, in the format of the arithmetic.
        masters: As in FullWeightArm.
        bf16: Whether arithmetic is bf16.

    Raises:
        MastersAreNotKept: If stochastic rounding is asked for, but arithmetic is fp32, which is not rounded.
    """
    if masters == "stochastic_rounding" and not bf16:
        raise MastersAreNotKept(
            "masters = stochastic_rounding rounds to bf16, but precision is fp32; set masters to fp32."
        )
    if masters == "fp32":
        model.to(torch.float32)


def check_masters(named_parameters: Iterable[tuple[str, Any]], masters: MasterWeights, bf16: bool) -> None:
    """For the first step, when the model is sharded: check that weights are sharded and in the format asked for.

    Axolotl trains without FSDP2 silently.

    Args:
        named_parameters: As the wrapped model has them.
        masters: As in FullWeightArm.
        bf16: Whether arithmetic is bf16.

    Raises:
        MastersAreNotKept: Naming the first weight that is not sharded over all ranks, or has another format.
    """
    from torch.distributed.tensor import DTensor, Shard

    expected = torch.bfloat16 if bf16 and masters != "fp32" else torch.float32
    for name, parameter in named_parameters:
        if not isinstance(parameter, DTensor):
            raise MastersAreNotKept(f"{name} is whole on every rank: FSDP2 is not at work, and memory would not do")
        placements, n_parts = parameter.placements, parameter.device_mesh.size()
        if n_parts != world_size() or len(placements) != 1 or not isinstance(placements[0], Shard):
            raise MastersAreNotKept(
                f"{name} has placements {placements} on {n_parts} ranks, not one split over all {world_size()}"
            )
        if parameter.dtype != expected:
            raise MastersAreNotKept(f"{name} is kept in {parameter.dtype}, masters={masters!r} asks for {expected}")
