"""The base, loaded whole and split over the ranks by FSDP2."""

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard
from transformers import AutoModelForCausalLM, PreTrainedModel

from tasks.train.errors import NotSharded
from tasks.train.trainer.settings import Settings
from tasks.train.trainer.sharded.errors import SettingsRefused
from tasks.train.trainer.sharded.keys import Keys


def sharded_model(keys: Keys, settings: Settings) -> PreTrainedModel:
    """Load the base and shard it: each decoder layer by itself, then the rest.

    Args:
        keys: Where the base lies and how it is sharded.
        settings: Says what keeps small steps from being rounded away.

    Raises:
        NotSharded: If a weight of the base was not loaded, or a parameter is not split over all ranks.
        SettingsRefused: If precision and masters do not fit each other.
    """
    model = load_base(keys, weights_dtype(keys.bf16, settings.masters))
    model.config.use_cache = False
    model.train()
    if keys.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    _shard(model, keys)
    refuse_unsharded(model, dist.get_world_size())
    return model


def weights_dtype(bf16: bool, masters: str) -> torch.dtype:
    """Number format the weights are kept, stepped and saved in.

    Raises:
        SettingsRefused: If weights are to be rounded at random but are not rounded at all.
    """
    if masters == "stochastic_rounding" and not bf16:
        raise SettingsRefused(
            "masters = stochastic_rounding rounds to bf16, but precision is fp32; set masters to fp32."
        )
    return torch.bfloat16 if bf16 and masters != "fp32" else torch.float32


def load_base(keys: Keys, dtype: torch.dtype) -> PreTrainedModel:
    """Load every weight of the base, and nothing but them.

    Raises:
        NotSharded: If a weight is missing, unexpected, of another shape or could not be converted.
    """
    model, loading = AutoModelForCausalLM.from_pretrained(
        keys.base_model,
        dtype=dtype,
        attn_implementation=keys.attn_implementation,
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    wrong = {what: sorted(map(str, names)) for what, names in loading.items() if names}
    if wrong:
        raise NotSharded(
            f"the base was not loaded as it is: {_shortened(wrong)}. A missing weight would be drawn at random; check "
            "the base's files against its config.json."
        )
    return model


def refuse_unsharded(model: nn.Module, n_ranks: int) -> None:
    """See that every parameter is a DTensor split over all ranks.

    Raises:
        NotSharded: Naming the first that is not.
    """
    for name, parameter in model.named_parameters():
        if not isinstance(parameter, DTensor):
            raise NotSharded(
                f"{name} is a {type(parameter).__name__}, not split over the {n_ranks} ranks. FSDP2 is off."
            )
        placements, n_parts = parameter.placements, parameter.device_mesh.size()
        if n_parts != n_ranks or len(placements) != 1 or not isinstance(placements[0], Shard):
            raise NotSharded(
                f"{name} has placements {placements} on {n_parts} ranks, one split over {n_ranks} is wanted."
            )


def _shard(model: PreTrainedModel, keys: Keys) -> None:
    layers = [module for module in model.modules() if type(module).__name__ == keys.layer_class]
    if not layers:
        raise NotSharded(f"no module of the base is a {keys.layer_class}, by which it is to be sharded.")
    # Gradients are summed over the ranks in fp32; in bf16 each sum would be rounded.
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    options: dict[str, Any] = {
        "mesh": init_device_mesh("cpu", (dist.get_world_size(),)),
        "mp_policy": policy if keys.bf16 else MixedPrecisionPolicy(),
        "reshard_after_forward": keys.reshard_after_forward,
    }
    for module in [*layers, model]:
        fully_shard(module, **options)


def _shortened(wrong: dict[str, list[str]]) -> str:
    return "; ".join(f"{what} {', '.join(names[:3])} ({len(names)} in all)" for what, names in wrong.items())
