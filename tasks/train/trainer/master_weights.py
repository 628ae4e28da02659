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


class WrongMasterWeights(RuntimeError):
    """Weights that are not split over the ranks, or not kept in the format asked for."""


def set_master_weights(model: torch.nn.Module, master_weights: MasterWeights, bf16: bool) -> None:
    """For the plugin's `post_model_load`: set the format in which weights are sharded and updated.

    Args:
        model: As loaded, in the format of the arithmetic.
        master_weights: As in FullWeightArm.
        bf16: Whether arithmetic is bf16.

    Raises:
        WrongMasterWeights: If stochastic rounding is asked for, but arithmetic is fp32, which is not rounded.
    """
    if master_weights == "stochastic_rounding" and not bf16:
        raise WrongMasterWeights(
            "master_weights=stochastic_rounding rounds to bf16, but precision is fp32; set arm.master_weights to fp32."
        )
    if master_weights == "fp32":
        model.to(torch.float32)


def check_master_weights(
    named_parameters: Iterable[tuple[str, Any]], master_weights: MasterWeights, bf16: bool
) -> None:
    """For the first step, when the model is sharded: check that weights are sharded and in the format asked for.

    Axolotl trains without FSDP2 silently.

    Args:
        named_parameters: As the wrapped model has them.
        master_weights: As in FullWeightArm.
        bf16: Whether arithmetic is bf16.

    Raises:
        WrongMasterWeights: Naming the first weight that is not sharded over all ranks, or has another format.
    """
    from torch.distributed.tensor import DTensor, Shard

    expected = torch.bfloat16 if bf16 and master_weights != "fp32" else torch.float32
    for name, parameter in named_parameters:
        if not isinstance(parameter, DTensor):
            raise WrongMasterWeights(f"{name} is whole on every rank: FSDP2 is not at work, and memory would not do")
        placements, n_parts = parameter.placements, parameter.device_mesh.size()
        if n_parts != world_size() or len(placements) != 1 or not isinstance(placements[0], Shard):
            raise WrongMasterWeights(
                f"{name} has placements {placements} on {n_parts} ranks, not one split over all {world_size()}"
            )
        if parameter.dtype != expected:
            raise WrongMasterWeights(
                f"{name} is kept in {parameter.dtype}, master_weights={master_weights!r} asks for {expected}"
            )
