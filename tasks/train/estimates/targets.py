"""Which weights an arm trains, counted at true size on the meta device."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.train.arms import LoraArm
from tasks.train.errors import NoDecoderLayer, TargetMatchesNothing
from tasks.train.estimates.sizes import model_on_meta

if TYPE_CHECKING:
    from transformers import PretrainedConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Coverage:
    """Parameters that the adapters add, by target.

    Args:
        by_entry: Trainable parameters of each entry of target_modules and target_parameters.
        n_trainable: Trainable parameters in all; less than the sum where two entries name the same weight.
        n_parameters: Parameters of the base model.
    """

    by_entry: dict[str, int]
    n_trainable: int
    n_parameters: int


def measure_coverage(config_dir: Path, lora: LoraArm) -> Coverage:
    """Count trainable parameters per target entry of a model folder.

    Args:
        config_dir: Folder with the base's config.json.
        lora: Adapters and their targets.

    Raises:
        TargetMatchesNothing: If an entry reaches no weight.
    """
    from transformers import AutoConfig

    coverage = coverage_of(AutoConfig.from_pretrained(config_dir, trust_remote_code=False), lora)
    for entry, n_trainable in coverage.by_entry.items():
        log.info("train: %-26s %13s trainable", entry, f"{n_trainable:,}")
    share = 100 * coverage.n_trainable / coverage.n_parameters
    log.info("train: %-26s %13s trainable, %.4g %% of the base", "all targets", f"{coverage.n_trainable:,}", share)
    return coverage


def coverage_of(architecture: "PretrainedConfig", lora: LoraArm) -> Coverage:
    """Count trainable parameters per target entry of an architecture.

    Raises:
        TargetMatchesNothing: If an entry reaches no weight.
    """
    model, n_parameters = _adapted_on_meta(architecture, lora)
    modules, parameters = dict.fromkeys(lora.target_modules, 0), dict.fromkeys(lora.target_parameters, 0)
    n_trainable = 0
    for name, is_parameter, size in _adapters(model):
        n_trainable += size
        by_entry = parameters if is_parameter else modules
        for entry in by_entry:
            by_entry[entry] += size if _reaches(entry, name) else 0
    _check_matched("target_modules", modules, architecture.model_type)
    _check_matched("target_parameters", parameters, architecture.model_type)
    return Coverage(modules | parameters, n_trainable, n_parameters)


def peft_config(lora: LoraArm) -> Any:
    """The adapters in PEFT's own terms."""
    import peft

    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules),
        target_parameters=list(lora.target_parameters),
        task_type="CAUSAL_LM",
    )


def decoder_layer(config_dir: Path) -> str:
    """Class of a base's decoder layers: the one of its modules that its model class must not split.

    Raises:
        NoDecoderLayer: If there is none, or more than one.
    """
    from transformers import AutoConfig

    model = model_on_meta(AutoConfig.from_pretrained(config_dir, trust_remote_code=False))
    held = {type(module).__name__ for module in model.modules()} & set(model._no_split_modules or ())
    if len(held) != 1:
        raise NoDecoderLayer(
            f"{type(model).__name__} holds {len(held)} classes of layers that must not be split "
            f"({', '.join(sorted(held)) or 'none'}), FSDP2 shards those of one class; train the LoRA arm on this base."
        )
    return held.pop()


def _adapted_on_meta(architecture: "PretrainedConfig", lora: LoraArm) -> tuple[Any, int]:
    import torch
    from peft import get_peft_model

    base = model_on_meta(architecture)
    with torch.device("meta"):
        n_parameters = sum(parameter.numel() for parameter in base.parameters())
        try:
            return get_peft_model(base, peft_config(lora)), n_parameters
        except ValueError as error:
            # PEFT refuses only where none of the entries matches.
            raise TargetMatchesNothing(
                f"none of the {len(lora.target_modules) + len(lora.target_parameters)} LoRA targets reaches a weight "
                f"of a {architecture.model_type}: {str(error).splitlines()[0][:200]}"
            ) from error


def _adapters(model: Any) -> Iterator[tuple[str, bool, int]]:
    """(name of the adapted module or parameter, whether it is a parameter, trainable parameters) of each adapter."""
    from peft.tuners.lora.layer import LoraLayer, ParamWrapper

    for name, module in model.named_modules():
        if not isinstance(module, LoraLayer):
            continue
        inner = name.removeprefix("base_model.model.").replace(".base_layer", "")
        is_parameter = isinstance(module, ParamWrapper)
        size = sum(
            weight.numel() for kind in module.adapter_layer_names for weight in getattr(module, kind).parameters()
        )
        yield (f"{inner}.{module.parameter_name}" if is_parameter else inner), is_parameter, size


def _reaches(entry: str, name: str) -> bool:
    # PEFT's rule for lists: check_target_module_exists and _inject_parameters in peft.tuners.tuners_utils, 0.20.
    return name == entry or name.endswith(f".{entry}")


def _check_matched(field: str, by_entry: dict[str, int], model_type: str) -> None:
    if unmatched := [entry for entry, n_trainable in by_entry.items() if n_trainable == 0]:
        raise TargetMatchesNothing(
            f"LoRA target {', '.join(map(repr, unmatched))} in {field} reaches no weight of a {model_type}, and would "
            "be left out silently. Correct the name, or remove it; fused experts belong into target_parameters."
        )
