"""A LoRA adapter: attached to a loaded base for comparison, or opened over a base on the meta device for folding."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.merge.architecture import Architecture
from tasks.merge.errors import AdapterMismatch, NothingChanged

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER = "default"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


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


@dataclass
class Adapter:
    """An adapter whose factors are read only when their weight is folded.

    Args:
        layers: PEFT's layers by the name of the weight they change, on the meta device.
        keys: For each weight, the paths of its factors in the layer by their names in the file.
        tensors: The open file.
        copies: Names in the file of base weights, by the base's name: PEFT saves embedding and head along with
            adapters on them.
    """

    layers: dict[str, Any]
    keys: dict[str, dict[str, str]]
    tensors: Any
    copies: dict[str, str]

    def factors(self, name: str) -> dict[str, Any]:
        """A weight's factors by their paths in its layer, in the layer's number format.

        They are not cached: all factors together take gigabytes.
        """
        empty = dict(self.layers[name].named_parameters())
        return {path: self.tensors.get_tensor(key).to(empty[path].dtype) for key, path in self.keys[name].items()}

    def is_zero(self, name: str) -> bool:
        """Whether one factor, and thus the product, is zero."""
        return any(not bool(self.tensors.get_tensor(key).any()) for key in self.keys[name])

    def is_expert(self, name: str) -> bool:
        """Whether the weight is a stack of fused experts."""
        return hasattr(self.layers[name], "parameter_name")


def open_adapter(empty: "PreTrainedModel", architecture: Architecture, adapter_dir: Path, opened: ExitStack) -> Adapter:
    """Open an adapter over the base on the meta device, whose modules are wrapped in place; `opened` closes its file.

    Raises:
        AdapterMismatch: If the base lacks a weight of the adapter, or a target lacks its factors or is tied.
        NothingChanged: If every adapter's product is zero, as before the first training step.
    """
    from peft import PeftConfig, PeftModel
    from safetensors import safe_open

    try:
        model = PeftModel(empty, PeftConfig.from_pretrained(str(adapter_dir)), low_cpu_mem_usage=True)
        tensors = opened.enter_context(safe_open(adapter_dir / WEIGHTS, "pt"))
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise _mismatch(error) from error
    adapter = _map_layers(model, tensors)
    _check_names(adapter)
    _check_shapes(adapter)
    _check_tied(adapter, architecture)
    if all(adapter.is_zero(name) for name in adapter.layers):
        raise NothingChanged(
            f"all {len(adapter.layers)} adapters are zero, as before the first step; a merge would publish the base "
            "unchanged. Look at the training's loss curve and tokens seen."
        )
    return adapter


def _map_layers(model: Any, tensors: Any) -> Adapter:
    from peft.tuners.lora.layer import LoraLayer

    layers, keys, copies = {}, {}, {}
    names_in_file = set(tensors.keys())
    for path, module in model.named_modules():
        if isinstance(module, LoraLayer):
            weight = getattr(module, "parameter_name", "weight")
            name = f"{path.removeprefix('base_model.model.').replace('.base_layer', '')}.{weight}"
            layers[name] = module
            if (copy := f"{path}.base_layer.{weight}") in names_in_file:
                copies[name] = copy
            keys[name] = {
                f"{path}.{factor}".replace(f".{ADAPTER}", ""): factor
                for factor, _ in module.named_parameters()
                if factor.startswith(tuple(module.adapter_layer_names))
            }
    return Adapter(layers, keys, tensors, copies)


def _check_names(adapter: Adapter) -> None:
    wanted = {key for keys in adapter.keys.values() for key in keys}
    found = {*adapter.tensors.keys()} - {*adapter.copies.values()}
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


def _check_tied(adapter: Adapter, architecture: Architecture) -> None:
    tied = {*architecture.tied, *architecture.tied.values()}
    if found := sorted(tied & set(adapter.layers)):
        raise AdapterMismatch(
            f"the adapter changes {found[0]}, which the base shares between embedding and head; folding it into one "
            "would change the other. Leave embed_tokens and lm_head out of the targets."
        )


def _mismatch(why: object) -> AdapterMismatch:
    return AdapterMismatch(
        f"the adapter does not fit its base: {str(why).splitlines()[0][:200]}. "
        "Merge it with the base it was trained on."
    )
