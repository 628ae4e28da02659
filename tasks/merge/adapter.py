"""A LoRA adapter: attached to a loaded base for comparison, or opened over a base on the meta device for folding."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.common.json_text import read_json
from tasks.merge.architecture import Architecture
from tasks.merge.errors import AdapterMismatch, AdapterNotHandled, NothingChanged
from tasks.merge.stored_tensors import StoredTensor, read_header
from tasks.merge.stream import equal_numbers

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedModel

ADAPTER = "default"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
IN_BASE = "base_model.model."
"""What PEFT puts before the base's names."""
FOLDED = {
    *("r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern", "use_dora", "fan_in_fan_out"),
    *("target_modules", "exclude_modules", "target_parameters", "layers_to_transform", "layers_pattern"),
    *("task_type", "inference_mode", "base_model_name_or_path", "revision", "auto_mapping", "peft_version"),
    *("peft_type", "init_lora_weights", "eva_config", "runtime_config", "megatron_core"),
}
"""Fields of the config that PEFT's layers respect in a fold, or that do not change it. Any other one is refused."""
PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal")
"""Values of `init_lora_weights` that leave the base's weights as they are; others, such as PiSSA's, change them."""


def attach_adapter(base: "PreTrainedModel", adapter_dir: Path) -> Any:
    """Wrap a base's modules in place with PEFT's layers and load the adapter into them.

    Raises:
        AdapterMismatch: If the adapter does not fit the base.
    """
    from peft import PeftConfig, PeftModel

    try:
        model = PeftModel(base, PeftConfig.from_pretrained(str(adapter_dir)))
        model.load_adapter(str(adapter_dir), ADAPTER, is_trainable=False)
    except (ValueError, RuntimeError, KeyError) as error:
        raise _mismatch(error) from error
    return model


def wrap_empty(empty: "PreTrainedModel", config: "LoraConfig", architecture: Architecture) -> "PeftModel":
    """Wrap modules of a base on the meta device in place with PEFT's layers.

    Raises:
        AdapterNotHandled: If the config sets what the merge does not fold, or a target is tied.
        AdapterMismatch: If the base lacks a target.
    """
    from peft import PeftModel

    _check_config(config)
    try:
        model = PeftModel(empty, config, low_cpu_mem_usage=True)
    except (ValueError, RuntimeError, KeyError) as error:
        raise _mismatch(error) from error
    tied = {*architecture.tied, *architecture.tied.values()}
    if found := sorted(tied & layers_of(model).keys()):
        raise AdapterNotHandled(
            f"the adapter changes {found[0]}, which the base shares between embedding and head; folding it into one "
            "would change the other. Leave embed_tokens and lm_head out of the targets."
        )
    return model


def layers_of(model: "PeftModel") -> dict[str, Any]:
    """PEFT's layers by the name of the base's weight that they change."""
    from peft.tuners.lora.layer import LoraLayer

    return {
        f"{_inner(path)}.{getattr(module, 'parameter_name', 'weight')}": module
        for path, module in model.named_modules()
        if isinstance(module, LoraLayer)
    }


@dataclass
class Adapter:
    """An adapter whose factors are read only when their weight is folded.

    Args:
        layers: PEFT's layers by the name of the weight they change, on the meta device.
        keys: For each weight, the paths of its factors in the layer by their names in the file.
        tensors: The open file.
        n_copies: Weights of the base in the file: PEFT saves embedding and head along with adapters on them.
    """

    layers: dict[str, Any]
    keys: dict[str, dict[str, str]]
    tensors: Any
    n_copies: int

    def factors(self, name: str) -> dict[str, Any]:
        """A weight's factors by their paths in its layer, in the layer's number format.

        They are not cached: all factors together take gigabytes.
        """
        empty = dict(self.layers[name].named_parameters())
        return {path: self.tensors.get_tensor(key).to(empty[path].dtype) for key, path in self.keys[name].items()}

    def is_zero(self, name: str) -> bool:
        """Whether one factor, and thus the product, is zero."""
        # DoRA also scales the weight, so that a zero product may change it.
        is_plain = not self.layers[name].lora_variant
        return is_plain and any(not bool(self.tensors.get_tensor(key).any()) for key in self.keys[name])

    def is_expert(self, name: str) -> bool:
        """Whether the weight is a stack of fused experts."""
        return hasattr(self.layers[name], "parameter_name")


def open_adapter(
    empty: "PreTrainedModel",
    architecture: Architecture,
    of_base: Mapping[str, StoredTensor],
    adapter_dir: Path,
    opened: ExitStack,
) -> Adapter:
    """Open an adapter over the base on the meta device, whose modules are wrapped in place; `opened` closes its file.

    Raises:
        AdapterNotHandled: If the adapter is of a kind that the merge does not fold.
        AdapterMismatch: If the base lacks a weight of the adapter, or a target lacks its factors, or the file holds
            another base's weights.
        NothingChanged: If every adapter's product is zero, as before the first training step.
    """
    from peft import PeftConfig
    from safetensors import safe_open

    on_disk = read_header(adapter_dir / WEIGHTS)
    model = wrap_empty(empty, _read_config(adapter_dir, PeftConfig), architecture)
    layers = layers_of(model)
    keys = _saved_names(model, layers)
    copies = _check_copies(on_disk, of_base)
    adapter = Adapter(layers, keys, opened.enter_context(safe_open(adapter_dir / WEIGHTS, "pt")), len(copies))
    _check_names(adapter, on_disk.keys() - copies)
    _check_shapes(adapter)
    if all(adapter.is_zero(name) for name in adapter.layers):
        raise NothingChanged(
            f"all {len(adapter.layers)} adapters are zero, as before the first step; a merge would publish the base "
            "unchanged. Look at the training's loss curve and tokens seen."
        )
    return adapter


def _read_config(adapter_dir: Path, reader: Any) -> "LoraConfig":
    """PEFT's config of a folder; a field that this version of PEFT does not know, and would leave out, is refused."""
    try:
        config = reader.from_pretrained(str(adapter_dir))
        written = read_json((adapter_dir / CONFIG).read_bytes())
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError) as error:
        raise AdapterNotHandled(
            f"PEFT does not read {CONFIG} of {adapter_dir.name}: {str(error).splitlines()[0][:200]}"
        ) from error
    _check_fields({name: value for name, value in written.items() if not hasattr(config, name) and value}, config)
    lora: LoraConfig = config
    return lora


def _check_config(config: "LoraConfig") -> None:
    from peft import LoraConfig

    if not isinstance(config, LoraConfig):
        raise AdapterNotHandled(f"peft_type is {config.peft_type}; the merge folds LoRA. Use PEFT's merge_and_unload.")
    plain = LoraConfig()
    others = [field.name for field in fields(config) if field.name not in FOLDED]
    _check_fields(
        {name: getattr(config, name) for name in others if getattr(config, name) != getattr(plain, name)}, config
    )
    if config.init_lora_weights not in PLAIN_STARTS:
        raise AdapterNotHandled(
            f"the adapter's init_lora_weights is {config.init_lora_weights!r}, which may change the base's weights "
            "before training, so that it fits no published base. Save it with PEFT's "
            "save_pretrained(path_initial_model_for_weight_conversion=...), which makes it plain LoRA."
        )


def _check_fields(unknown: Mapping[str, Any], config: "LoraConfig") -> None:
    for name, value in unknown.items():
        raise AdapterNotHandled(
            f"the adapter's config sets {name} to {str(value)[:100]}, which the merge does not fold (it folds "
            f"{config.peft_type} on weights only). Train without {name}, or use PEFT's merge_and_unload."
        )


def _saved_names(model: "PeftModel", layers: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """For each weight, the paths of its factors in its layer, by the names under which PEFT saves them."""
    from peft import get_peft_model_state_dict

    saved = get_peft_model_state_dict(model, model.state_dict(keep_vars=True), save_embedding_layers=False)
    names = {id(tensor): name for name, tensor in saved.items()}
    return {
        name: {
            names[id(factor)]: path
            for path, factor in layer.named_parameters()
            if path.startswith(tuple(layer.adapter_layer_names))
        }
        for name, layer in layers.items()
    }


def _check_copies(on_disk: Mapping[str, StoredTensor], of_base: Mapping[str, StoredTensor]) -> set[str]:
    """Names in the file of the base's own weights.

    Raises:
        AdapterMismatch: If one differs from the base's.
    """
    copies = {name: inner for name in on_disk if (inner := _inner(name)) in of_base}
    for name, inner in copies.items():
        if not equal_numbers(of_base[inner], on_disk[name]):
            raise AdapterMismatch(
                f"the adapter's file holds {name}, which differs from the base's {inner}: it was trained on "
                "another base. Merge it with that one."
            )
    return set(copies)


def _inner(path: str) -> str:
    """A name in the base from one in PEFT's model."""
    return path.removeprefix(IN_BASE).replace(".base_layer", "")


def _check_names(adapter: Adapter, found: set[str]) -> None:
    wanted = {key for keys in adapter.keys.values() for key in keys}
    missing, unexpected = sorted(wanted - found), sorted(found - wanted)
    if missing or unexpected:
        raise AdapterMismatch(
            f"the adapter lacks {len(missing)} weights the base asks for and has {len(unexpected)} unexpected ones, "
            f"{(missing + unexpected)[0]} first. Merge it with the base it was trained on."
        )


def _check_shapes(adapter: Adapter) -> None:
    for name, keys in adapter.keys.items():
        factors = dict(adapter.layers[name].named_parameters())
        for key, path in keys.items():
            found, wanted = list(adapter.tensors.get_slice(key).get_shape()), list(factors[path].shape)
            if found != wanted:
                raise _mismatch(f"{key} has shape {found}, {name} asks for {wanted}")


def _mismatch(why: object) -> AdapterMismatch:
    return AdapterMismatch(
        f"the adapter does not fit its base: {str(why).splitlines()[0][:200]}. "
        "Merge it with the base it was trained on."
    )
