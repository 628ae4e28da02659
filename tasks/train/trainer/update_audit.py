"""The update audit: compares a sample of each parameter's values with those from before the first step.

In bf16, a step that is smaller than half the gap between two neighbouring numbers is rounded away, and a run silently
trains nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from zlib import crc32

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from tasks.train.errors import TrainError
from tasks.train.trainer.weight_groups import group_of

MOST_SAMPLED = 4_096
"""Values sampled of each parameter, or of a rank's shard of it."""
DENSE = ("attention", "delta_net", "shared_expert")
"""Groups that every token passes: all of their weights have a gradient in every step."""
HEAD = "head"
ADAPTER = "lora_"
COUNTS = ("n_sampled", "changed", "changed_in_bf16")

Groups = dict[str, dict[str, int]]
"""Counts by group of parameters."""
NamedParameters = Iterable[tuple[str, Tensor]]


class WeightsDoNotMove(TrainError):
    """Too few weights have changed since the first step."""


@dataclass(frozen=True)
class Sample:
    """Values of parameters at some positions of this rank's shards.

    Args:
        positions: (n_sampled,) int64 by parameter, into the flattened local shard.
        values: (n_sampled,) in the parameter's dtype.
    """

    positions: dict[str, Tensor]
    values: dict[str, Tensor]

    @classmethod
    def take(cls, named_parameters: NamedParameters, seed: int, goes_on: bool = False) -> Self:
        """Sample values as they are now, before the first step.

        Of a new adapter only the factor that starts at zero is sampled: until it has moved, the other has no gradient.

        Args:
            named_parameters: Of a model, sharded or not; frozen ones are left out.
            seed: Of the positions.
            goes_on: Whether adapters were trained before, so that no factor is zero and both have gradients.
        """
        positions, values = {}, {}
        for name, parameter in named_parameters:
            local = _local(parameter)
            if parameter.requires_grad and (goes_on or not (ADAPTER in name and bool(local.any()))):
                positions[name] = _positions(local.numel(), seed, name)
                values[name] = local[positions[name].to(local.device)].cpu().clone()
        return cls(positions, values)

    def compare(self, named_parameters: NamedParameters) -> Groups:
        """Count the values that have changed, over all shards; of adapters every rank has the same copy.

        Args:
            named_parameters: As for `take`.

        Returns:
            By group: values sampled, those changed in the parameter's dtype, and those changed once both are rounded to
            bf16.

        Raises:
            KeyError: If a parameter of the sample is gone.
        """
        parameters = dict(named_parameters)
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for name, before in self.values.items():
            local = _local(parameters[name])
            now = local[self.positions[name].to(local.device)].cpu()
            changed_in_bf16 = now.bfloat16() != before.bfloat16()
            found = (len(before), int((now != before).sum()), int(changed_in_bf16.sum()))
            group = counts[group_of(name)]
            group[:] = [total + more for total, more in zip(group, found, strict=True)]
        is_sharded = any(isinstance(parameters[name], DTensor) for name in self.values)
        totals = {group: _summed(counts[group]) if is_sharded else counts[group] for group in sorted(counts)}
        return {group: dict(zip(COUNTS, total, strict=True)) for group, total in totals.items()}


def check_updates(
    groups: Groups, min_share_changed: float, *, n_steps: int, learning_rate: float, weights: str
) -> None:
    """Check that enough of every dense group has changed; if none is trained, that every group has changed at all.

    The head has to change at all: every token has a gradient there, but its learning rate is lower than that of others.

    Args:
        groups: From `Sample.compare`.
        min_share_changed: Smallest share of a dense group allowed; at 0 no group has to change.
        n_steps: Steps done, for the message.
        learning_rate: Peak, for the message.
        weights: Dtype of the weights, for the message: `bfloat16`.

    Raises:
        WeightsDoNotMove: Naming the group that has changed least, or that nothing was sampled.
    """
    if not groups:
        raise WeightsDoNotMove(
            f"after {n_steps} steps the update audit has nothing to compare: the sample of trained parameters is "
            "empty. Check the recipe's targets."
        )
    dense = [name for name in DENSE if name in groups]
    shares = {name: groups[name]["changed"] / groups[name]["n_sampled"] for name in dense or groups}
    least = min(shares, key=lambda name: shares[name])
    # A row of the embedding or an expert that no token went to has no gradient: no share of them can be required.
    enough = shares[least] >= min_share_changed if dense else shares[least] > 0 or min_share_changed == 0
    head = groups.get(HEAD, {"n_sampled": 1, "changed": 1})
    if enough and min_share_changed > 0 and head["changed"] == 0:
        raise WeightsDoNotMove(
            f"after {n_steps} steps none of the {head['n_sampled']:,} values sampled of the output layer have changed, "
            f"kept in {weights}, though every token has a gradient there: the loss does not reach it. Set "
            "arm.cut_cross_entropy to false, or leave lm_head out of arm.target_modules."
        )
    if enough:
        return
    bound = f"min_share_changed={min_share_changed:g}" if dense else "with no dense group, every group has to change"
    raise WeightsDoNotMove(
        f"after {n_steps} steps at a learning rate of up to {learning_rate:g}, {shares[least]:.1%} of the {least} "
        f"weights sampled have changed, kept in {weights}; {bound}. Steps "
        "smaller than half the gap between two such numbers are rounded away: set arm.master_weights to fp32 or "
        "stochastic_rounding, or raise learning_rate."
    )


def _local(parameter: Tensor) -> Tensor:
    detached = parameter.detach()
    return (detached.to_local() if isinstance(detached, DTensor) else detached).flatten()


def _positions(n_values: int, seed: int, name: str) -> Tensor:
    if n_values <= MOST_SAMPLED:
        return torch.arange(n_values)
    generator = torch.Generator().manual_seed(seed ^ crc32(name.encode()))
    return torch.randint(n_values, (MOST_SAMPLED,), generator=generator)


def _summed(counts: list[int]) -> list[int]:
    if not dist.is_initialized():
        return counts
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    sums = torch.tensor(counts, dtype=torch.int64, device=device)
    dist.all_reduce(sums)
    return [int(total) for total in sums.tolist()]
